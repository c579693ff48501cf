//! What the modules of the shop say to each other: messages, their answers and their errors.
//!
//! Every module depends on this crate and on no other module. Whatever is in here can travel between processes, so
//! everything is `Serialize` and `Deserialize`, and a value that exists is valid: the types check when they are read.

mod basket;
mod money;
pub mod notifications;
pub mod orders;
pub mod stock;
mod text;
mod unavailable;
pub mod users;

pub use self::{
    basket::{Basket, InvalidBasket, Item, Quantity},
    money::{Cents, Price},
    text::{Email, Invalid, Name, OrderId, Sku, UserId},
    unavailable::Unavailable,
};
