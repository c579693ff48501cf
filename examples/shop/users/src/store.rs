use contracts::{
    UserId,
    users::{User, UserError},
};
use storage::{Database, OpenError, OptionalExtension, Place, Row, params, rusqlite, text};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id    TEXT PRIMARY KEY,
        name  TEXT NOT NULL,
        email TEXT NOT NULL
    ) STRICT";

/// The users, in a table that no other module reads.
pub struct UserStore(Database);

impl UserStore {
    /// Opens the users at `place`; none at first.
    pub fn open(place: &Place) -> Result<Self, OpenError> {
        Database::open(place, SCHEMA).map(UserStore)
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        UserStore::open(&Place::Memory).unwrap()
    }

    pub(crate) fn add(&self, user: &User) -> Result<(), UserError> {
        let added = self.0.transaction(|users| {
            users.execute(
                "INSERT OR IGNORE INTO users (id, name, email) VALUES (?, ?, ?)",
                params![user.id.as_str(), user.name.as_str(), user.email.as_str()],
            )
        })?;
        if added == 0 { Err(UserError::Taken(user.id.clone())) } else { Ok(()) }
    }

    pub(crate) fn find(&self, id: &UserId) -> Result<User, UserError> {
        let found = self
            .0
            .transaction(|users| users.query_row("SELECT * FROM users WHERE id = ?", [id.as_str()], user).optional())?;
        found.ok_or_else(|| UserError::Unknown(id.clone()))
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: text(row, "id")?, name: text(row, "name")?, email: text(row, "email")? })
}
