//! Money in whole cents. No fraction, so nothing to round.

use std::{fmt, iter::Sum};

use serde::{Deserialize, Serialize};

use crate::Quantity;

/// The price of one piece, in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price(pub u32);

/// An amount, in cents: the prices of what is in a basket, which always fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cents(pub u64);

impl Price {
    /// The price of `quantity` pieces.
    pub fn times(self, quantity: Quantity) -> Cents {
        Cents(u64::from(self.0) * u64::from(quantity.get()))
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(amounts: I) -> Self {
        Cents(amounts.map(|amount| amount.0).sum())
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_two_places() {
        assert_eq!(Cents(1205).to_string(), "12.05");
        assert_eq!(Cents(7).to_string(), "0.07");
    }

    #[test]
    fn the_dearest_basket_there_can_be_fits() {
        let line = Price(u32::MAX).times(Quantity::MAX);
        let total: Cents = (0..crate::Basket::MOST).map(|_| line).sum();
        assert!(i64::try_from(total.0).is_ok());
    }
}
