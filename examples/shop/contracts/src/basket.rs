//! What somebody wants to buy.

use std::{collections::HashSet, num::NonZeroU16};

use serde::{Deserialize, Serialize};

use crate::Sku;

/// How many pieces: at least one.
pub type Quantity = NonZeroU16;

/// Some pieces of one article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The article.
    pub sku: Sku,
    /// How many pieces of it.
    pub quantity: Quantity,
}

/// What one order asks for: 1 to 100 articles, each named once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Item>")]
pub struct Basket(Vec<Item>);

/// Items that cannot be ordered together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBasket {
    /// There are none, or too many.
    #[error("{0} items: expected 1 to 100")]
    Size(usize),
    /// An article is there more than once.
    #[error("`{0}` is named twice: expected each article once, with a quantity")]
    Repeated(Sku),
}

impl Basket {
    /// The most articles that fit.
    pub const MOST: usize = 100;

    /// The items, in the order in which they were named.
    pub fn items(&self) -> &[Item] {
        &self.0
    }
}

impl TryFrom<Vec<Item>> for Basket {
    type Error = InvalidBasket;

    fn try_from(items: Vec<Item>) -> Result<Self, InvalidBasket> {
        if !(1..=Basket::MOST).contains(&items.len()) {
            return Err(InvalidBasket::Size(items.len()));
        }
        let mut seen = HashSet::new();
        match items.iter().find(|item| !seen.insert(&item.sku)) {
            Some(repeated) => Err(InvalidBasket::Repeated(repeated.sku.clone())),
            None => Ok(Basket(items)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Basket, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_basket_holds_each_article_once() {
        assert_eq!(read(r#"[{"sku":"mug","quantity":2}]"#).unwrap().items().len(), 1);
        let twice = read(r#"[{"sku":"mug","quantity":2},{"sku":"mug","quantity":1}]"#).unwrap_err();
        assert!(twice.contains("`mug` is named twice"), "{twice}");
    }

    #[test]
    fn an_empty_basket_and_nothing_of_an_article_are_refused() {
        assert!(read("[]").unwrap_err().starts_with("0 items: expected 1 to 100"));
        assert!(read(r#"[{"sku":"mug","quantity":0}]"#).unwrap_err().contains("expected a nonzero u16"));
    }
}
