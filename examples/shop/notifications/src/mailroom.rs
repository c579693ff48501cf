use contracts::{
    Email, Unavailable, UserId,
    notifications::{ListMail, SendReceipt},
    orders::GetOrder,
    stock::StockShort,
    users::{GetUser, UserRegistered},
};
use linkbus::{AnyError, Context, handlers, roles::AsyncQueryDispatcher};
use storage::{Database, OpenError, Place, params};

use crate::{Mail, Mailer};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS mail (
        number     INTEGER PRIMARY KEY,
        recipient  TEXT NOT NULL,
        subject    TEXT NOT NULL,
        message_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS mail_of_recipient ON mail (recipient, number)";

/// The recipient of mail to the house itself. Not the id of any user, because no id has brackets.
const PURCHASING: &str = "(purchasing)";

/// Writes mail, and keeps a list of what was sent to whom.
pub struct Mailroom {
    sent: Database,
    purchasing: Email,
}

#[handlers]
impl Mailroom {
    /// Opens the mailroom with its list at `place`. `purchasing` is told when an article runs short.
    pub fn open(place: &Place, purchasing: Email) -> Result<Self, OpenError> {
        Ok(Mailroom { sent: Database::open(place, SCHEMA)?, purchasing })
    }

    /// Greets a new user.
    #[handler]
    pub async fn welcome(
        &self,
        event: &UserRegistered,
        mailer: &dyn Mailer,
        queries: &impl AsyncQueryDispatcher,
        context: &Context,
    ) -> Result<(), AnyError> {
        let user = queries.send(GetUser { id: event.id.clone() }).await?;
        let subject = format!("Welcome, {}", user.name);
        let body = format!("You can order now as {}.", user.id);
        self.post(user.id.as_str(), &Mail { to: user.email, subject, body, message_id: message_id(context) }, mailer)
    }

    /// Sends the receipt of an order, unless that was done before.
    ///
    /// It asks for a role and not for the bus: it can send queries, and nothing else.
    #[handler]
    pub async fn send_receipt(
        &self,
        task: SendReceipt,
        mailer: &dyn Mailer,
        queries: &impl AsyncQueryDispatcher,
        context: &Context,
    ) -> Result<(), AnyError> {
        let order = queries.send(GetOrder { id: task.order }).await?;
        let user = queries.send(GetUser { id: order.user }).await?;
        let subject = format!("Your order {}", order.id);
        if self.has_sent(&user.id, &subject)? {
            return Ok(());
        }
        let body = format!("Thank you. It is {} in total.", order.total);
        self.post(user.id.as_str(), &Mail { to: user.email, subject, body, message_id: message_id(context) }, mailer)
    }

    /// Tells purchasing that an article runs short.
    #[handler]
    pub fn order_more(&self, event: &StockShort, mailer: &dyn Mailer, context: &Context) -> Result<(), AnyError> {
        let StockShort { sku, wanted, left } = event;
        let to = self.purchasing.clone();
        let subject = format!("Order more {sku}");
        let body = format!("There are {left}, and somebody wanted {wanted}.");
        self.post(PURCHASING, &Mail { to, subject, body, message_id: message_id(context) }, mailer)
    }

    /// Gives the subjects of what a user was sent.
    #[handler]
    pub fn list_mail(&self, query: &ListMail) -> Result<Vec<String>, Unavailable> {
        self.sent.transaction(|mail| {
            let mut sent = mail.prepare("SELECT subject FROM mail WHERE recipient = ? ORDER BY number")?;
            sent.query_map([query.user.as_str()], |row| row.get("subject"))?.collect()
        })
    }
}

impl Mailroom {
    fn has_sent(&self, to: &UserId, subject: &str) -> Result<bool, Unavailable> {
        self.sent.transaction(|mail| {
            mail.prepare("SELECT 1 FROM mail WHERE recipient = ? AND subject = ?")?.exists([to.as_str(), subject])
        })
    }

    /// Sends first and writes down after: a crash in between may send twice, but never loses a mail.
    fn post(&self, recipient: &str, mail: &Mail, mailer: &dyn Mailer) -> Result<(), AnyError> {
        mailer.send(mail)?;
        let Mail { subject, message_id, .. } = mail;
        self.sent.transaction(|sent| {
            sent.execute(
                "INSERT INTO mail (recipient, subject, message_id) VALUES (?, ?, ?)",
                params![recipient, subject, message_id],
            )
        })?;
        tracing::info!("mails {recipient}: {subject}");
        Ok(())
    }
}

fn message_id(context: &Context) -> String {
    context.id().to_string()
}

#[cfg(test)]
mod tests {
    //! The module on a bus of its own: what others answer is closures, and the mail goes nowhere.

    use std::sync::{Arc, Mutex};

    use contracts::{
        Price, Quantity,
        orders::{Order, OrderLine, OrderPlaced},
        users::User,
    };
    use linkbus::{Bus, Module};

    use super::*;

    /// Keeps the subjects of what it is given; without a place to keep them, it fails.
    struct FakeMailer(Option<Mutex<Vec<String>>>);

    impl FakeMailer {
        fn working() -> Arc<Self> {
            Arc::new(FakeMailer(Some(Mutex::default())))
        }

        fn broken() -> Arc<Self> {
            Arc::new(FakeMailer(None))
        }

        fn subjects(&self) -> Vec<String> {
            self.0.as_ref().unwrap().lock().unwrap().clone()
        }
    }

    impl Mailer for FakeMailer {
        fn send(&self, mail: &Mail) -> Result<(), AnyError> {
            let subjects = self.0.as_ref().ok_or("no connection")?;
            subjects.lock().unwrap().push(mail.subject.clone());
            Ok(())
        }
    }

    fn user(query: GetUser) -> User {
        User { id: query.id, name: "Ada".parse().unwrap(), email: "ada@example.com".parse().unwrap() }
    }

    fn order(query: GetOrder) -> Order {
        let line = OrderLine { sku: "mug".parse().unwrap(), quantity: Quantity::MIN, price: Price(1250) };
        Order::new(query.id, ada(), vec![line])
    }

    fn ada() -> UserId {
        "ada".parse().unwrap()
    }

    fn bus(mailer: &Arc<FakeMailer>) -> Bus {
        Bus::empty()
            .modules([Module::linked("notifications")])
            .query(user)
            .query(order)
            .provide(Mailroom::open(&Place::Memory, "purchasing@shop.example".parse().unwrap()).unwrap())
            .provide_arc::<dyn Mailer>(Arc::<FakeMailer>::clone(mailer))
            .build()
            .unwrap()
    }

    #[tokio::test]
    async fn a_new_user_is_welcomed() {
        let mailer = FakeMailer::working();
        let bus = bus(&mailer);
        bus.publish(UserRegistered { id: ada() }).await.unwrap();
        assert_eq!(mailer.subjects(), ["Welcome, Ada"]);
        assert_eq!(bus.send(ListMail { user: ada() }).await.unwrap(), ["Welcome, Ada"]);
    }

    #[tokio::test]
    async fn an_order_gets_one_receipt_however_often_it_is_announced() {
        let mailer = FakeMailer::working();
        let bus = bus(&mailer);
        let placed = OrderPlaced { id: "o-1".parse().unwrap() };
        bus.publish_many([placed.clone(), placed]).await.unwrap();
        assert_eq!(mailer.subjects(), ["Your order o-1"]);
    }

    #[tokio::test]
    async fn mail_that_was_not_sent_is_not_listed() {
        let bus = bus(&FakeMailer::broken());
        assert!(bus.publish(UserRegistered { id: ada() }).await.is_err());
        assert!(bus.send(ListMail { user: ada() }).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn purchasing_hears_of_a_short_article() {
        let mailer = FakeMailer::working();
        let short = StockShort { sku: "mug".parse().unwrap(), wanted: Quantity::MIN, left: 0 };
        bus(&mailer).publish(short).await.unwrap();
        assert_eq!(mailer.subjects(), ["Order more mug"]);
    }
}
