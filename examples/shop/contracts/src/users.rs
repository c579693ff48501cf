//! What the users module is asked and what it tells.

use linkbus::{Command, Event, Query};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Email, Name, Unavailable, UserId};

/// Makes somebody a user.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = UserError)]
#[serde(deny_unknown_fields)]
pub struct RegisterUser {
    /// The id that the user is to have.
    #[bus(key)]
    pub id: UserId,
    /// What the user is called.
    pub name: Name,
    /// Where the user gets mail.
    #[bus(secret)]
    pub email: Email,
}

/// Asks who a user is.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = User, error = UserError)]
#[serde(deny_unknown_fields)]
pub struct GetUser {
    /// The user.
    #[bus(key)]
    pub id: UserId,
}

/// Somebody has become a user.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct UserRegistered {
    /// The user.
    #[bus(key)]
    pub id: UserId,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// What the user is called.
    pub name: Name,
    /// Where the user gets mail.
    pub email: Email,
}

/// Why the users module refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum UserError {
    /// Nobody has this id.
    #[error("there is no user `{0}`")]
    Unknown(UserId),
    /// Somebody has this id already.
    #[error("there is a user `{0}` already")]
    Taken(UserId),
    /// Not the caller's fault.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
