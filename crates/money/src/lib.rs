//! Exact money: currencies, minor units, stated rounding, splits that sum.
//!
//! An amount is a whole number of its currency's minor units (cents, yen, fils) and the currency.
//! There are no operators: every sum says what happens on overflow and on mixed currencies, and
//! every division says how it rounds.

mod allocate;
mod amount;
mod currency;
mod quantity;
mod rounding;
mod wide;

pub use allocate::{AllocateError, allocate};
pub use amount::{MINOR_MAX, Money, MoneyError};
pub use currency::{Currency, CurrencyError};
pub use quantity::{QUANTITY_PLACES, Quantity, QuantityError, exact_to_minor};
pub use rounding::{mul_div_floor, mul_div_half_away};
