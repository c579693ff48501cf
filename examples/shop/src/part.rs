//! The parts that the shop can be split into, and what each handler in them may ask for.

use std::{fmt, sync::Arc};

use clap::ValueEnum;
use contracts::orders::SettleOrders;
use linkbus::{AnyError, Builder, Bus, MessageFacts, Module, layer::DeadLetters};
use notifications::{Mailer, Mailroom};
use orders::OrderStore;
use stock::StockStore;
use storage::SqliteInbox;
use users::UserStore;

use crate::{Place, letters, mailer};

/// A part of the shop: what runs in one process when it is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
#[expect(missing_docs, reason = "each is the module of its name")]
pub enum Part {
    Users,
    Stock,
    Orders,
    /// With the letters, which are of those who subscribe.
    Notifications,
}

impl Part {
    /// All of them: the whole shop.
    pub const ALL: [Part; 4] = [Part::Users, Part::Stock, Part::Orders, Part::Notifications];

    /// What it is called on the command line, in the journal and in `contracts`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Users => "users",
            Part::Stock => "stock",
            Part::Orders => "orders",
            Part::Notifications => "notifications",
        }
    }

    /// The part that a message is for: it has the name of the module of `contracts` that has the message.
    pub(crate) fn of(message: &MessageFacts) -> Option<Part> {
        let (_, module) = message.location.module.split_once("::")?;
        Part::ALL.into_iter().find(|part| part.name() == module)
    }

    /// The crates whose handlers it has.
    pub(crate) fn modules(self) -> Vec<Module> {
        let own = Module::linked(self.name());
        match self {
            Part::Notifications => vec![own, Module::linked("shop")],
            _ => vec![own],
        }
    }

    /// Where it keeps what was lost.
    pub(crate) fn letters(self, place: &Place) -> Result<DeadLetters, AnyError> {
        match self {
            Part::Notifications => letters::open(place),
            _ => Ok(DeadLetters::in_memory()),
        }
    }

    /// Gives `bus` what the handlers of this part ask for, with its data at `place`, where the inbox is that their commands come
    /// through, if there is one.
    pub(crate) fn equip(
        self,
        bus: Builder<Bus>,
        place: &Place,
        inbox: Option<&SqliteInbox>,
    ) -> Result<Builder<Bus>, AnyError> {
        Ok(match self {
            Part::Users => bus.provide(UserStore::open(place)?),
            Part::Stock => bus.provide(StockStore::open(place)?.with_inbox(inbox.cloned())),
            Part::Orders => bus.provide(OrderStore::open(place)?),
            Part::Notifications => {
                let purchasing = "purchasing@shop.example".parse()?;
                bus.provide(Mailroom::open(place, purchasing)?).provide_arc::<dyn Mailer>(Arc::new(mailer::PrintedMail))
            }
        })
    }

    /// Does what has to be done before the first message is handled.
    pub(crate) async fn settle(self, bus: &Bus) -> Result<(), AnyError> {
        match self {
            Part::Orders => Ok(bus.dispatch(SettleOrders {}).await?),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
