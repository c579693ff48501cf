//! The users module: who somebody is.

mod handlers;
mod store;

pub use handlers::{get_user, register_user};
pub use store::UserStore;
