use contracts::{
    OrderId, Price, UserId,
    orders::{Order, OrderError, OrderLine},
};
use linkbus::Uuid;
use storage::{Database, OpenError, OptionalExtension, Place, Row, Transaction, params, rusqlite, text};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS orders (
        id         TEXT PRIMARY KEY,
        user_id    TEXT NOT NULL,
        message_id TEXT NOT NULL,
        placed     INTEGER NOT NULL DEFAULT FALSE
    ) STRICT;
    CREATE INDEX IF NOT EXISTS orders_of_user ON orders (user_id, id);
    CREATE TABLE IF NOT EXISTS order_lines (
        order_id TEXT NOT NULL REFERENCES orders ON DELETE CASCADE,
        position INTEGER NOT NULL,
        sku      TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        price    INTEGER NOT NULL,
        PRIMARY KEY (order_id, position)
    ) STRICT";

/// The orders, in tables that no other module reads. A pending order is not to be seen until it is confirmed.
pub struct OrderStore(Database);

impl OrderStore {
    /// Opens the orders at `place`; none at first.
    pub fn open(place: &Place) -> Result<Self, OpenError> {
        Database::open(place, SCHEMA).map(OrderStore)
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        OrderStore::open(&Place::Memory).unwrap()
    }

    /// Whether this very message has placed the order: it comes again if the process ended before it was done with it.
    pub(crate) fn is_placed_by(&self, message: Uuid, id: &OrderId) -> Result<bool, OrderError> {
        let is_placed = self.0.transaction(|orders| {
            let mut placed = orders.prepare("SELECT 1 FROM orders WHERE id = ? AND message_id = ? AND placed")?;
            placed.exists([id.as_str(), &message.to_string()])
        })?;
        Ok(is_placed)
    }

    /// Writes an order down as pending.
    pub(crate) fn begin(&self, order: &Order, message: Uuid) -> Result<(), OrderError> {
        let is_new = self.0.transaction(|orders| insert(orders, order, message))?;
        if is_new { Ok(()) } else { Err(OrderError::Taken(order.id.clone())) }
    }

    /// Places a pending order, if nobody has [discarded](Self::discard) it meanwhile.
    pub(crate) fn confirm(&self, id: &OrderId) -> Result<(), OrderError> {
        let confirmed =
            |orders: &Transaction<'_>| orders.execute("UPDATE orders SET placed = TRUE WHERE id = ?", [id.as_str()]);
        if self.0.transaction(confirmed)? == 1 { Ok(()) } else { Err(OrderError::Unknown(id.clone())) }
    }

    /// Forgets a pending order; one that is placed stays.
    pub(crate) fn discard(&self, id: &OrderId) -> Result<(), OrderError> {
        self.0.transaction(|orders| orders.execute("DELETE FROM orders WHERE id = ? AND NOT placed", [id.as_str()]))?;
        Ok(())
    }

    pub(crate) fn pending(&self) -> Result<Vec<OrderId>, OrderError> {
        let ids = self.0.transaction(|orders| {
            let mut pending = orders.prepare("SELECT id FROM orders WHERE NOT placed ORDER BY id")?;
            pending.query_map([], |row| text(row, "id"))?.collect()
        })?;
        Ok(ids)
    }

    pub(crate) fn find(&self, id: &OrderId) -> Result<Order, OrderError> {
        let found = self.0.transaction(|orders| {
            let mut placed = orders.prepare("SELECT id, user_id FROM orders WHERE id = ? AND placed")?;
            placed.query_row([id.as_str()], |row| order(orders, row)).optional()
        })?;
        found.ok_or_else(|| OrderError::Unknown(id.clone()))
    }

    pub(crate) fn of_user(&self, user: &UserId) -> Result<Vec<Order>, OrderError> {
        let found = self.0.transaction(|orders| {
            let mut placed =
                orders.prepare("SELECT id, user_id FROM orders WHERE user_id = ? AND placed ORDER BY id")?;
            placed.query_map([user.as_str()], |row| order(orders, row))?.collect()
        })?;
        Ok(found)
    }
}

/// Whether the id was free.
fn insert(orders: &Transaction<'_>, order: &Order, message: Uuid) -> rusqlite::Result<bool> {
    let (id, user, message) = (order.id.as_str(), order.user.as_str(), message.to_string());
    let added = orders.execute(
        "INSERT OR IGNORE INTO orders (id, user_id, message_id) VALUES (?, ?, ?)",
        params![id, user, message],
    )?;
    if added == 0 {
        return Ok(false);
    }
    let mut insert = orders.prepare("INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)")?;
    for (position, OrderLine { sku, quantity, price }) in order.lines.iter().enumerate() {
        insert.execute(params![id, position, sku.as_str(), quantity.get(), price.0])?;
    }
    Ok(true)
}

fn order(orders: &Transaction<'_>, row: &Row<'_>) -> rusqlite::Result<Order> {
    let id: OrderId = text(row, "id")?;
    let mut lines = orders.prepare("SELECT * FROM order_lines WHERE order_id = ? ORDER BY position")?;
    let lines = lines.query_map([id.as_str()], line)?.collect::<Result<_, _>>()?;
    Ok(Order::new(id, text(row, "user_id")?, lines))
}

fn line(row: &Row<'_>) -> rusqlite::Result<OrderLine> {
    Ok(OrderLine { sku: text(row, "sku")?, quantity: row.get("quantity")?, price: Price(row.get("price")?) })
}
