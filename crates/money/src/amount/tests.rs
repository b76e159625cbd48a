//! What an amount's text may be, and that sums never go wrong silently.

use proptest::prelude::*;

use super::{MINOR_MAX, Money, MoneyError};
use crate::currency::Currency;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// Amounts are read in their currency's minor unit and always printed with all its digits.
#[test]
fn reads_and_prints() {
    let table = [
        ("1200.00", "USD", 120_000, "1200.00"),
        ("1200", "USD", 120_000, "1200.00"),
        ("1200.5", "USD", 120_050, "1200.50"),
        ("0", "USD", 0, "0.00"),
        ("0.05", "USD", 5, "0.05"),
        ("-0.05", "USD", -5, "-0.05"),
        ("1200", "JPY", 1200, "1200"),
        ("-7", "JPY", -7, "-7"),
        ("1.234", "BHD", 1234, "1.234"),
        ("0.0001", "CLF", 1, "0.0001"),
        ("10000000000000.00", "USD", MINOR_MAX, "10000000000000.00"),
        ("-1000000000000000", "JPY", -MINOR_MAX, "-1000000000000000"),
    ];
    for (text, code, minor, printed) in table {
        let money = Money::parse(text, currency(code)).unwrap();
        assert_eq!(money.minor(), minor, "{text} {code}");
        assert_eq!(money.amount_string(), printed);
        assert_eq!(money.to_string(), format!("{printed} {code}"));
    }
}

/// Every other spelling is refused, each with the reason a caller can act on.
#[test]
fn refuses_other_spellings() {
    let usd = currency("USD");
    let malformed = [
        "", "-", ".", "1.", ".5", "+1", "-0", "-0.00", "00", "01.00", "1,000.00", "1_000", "1e3",
        " 1", "1 ", "1.0.0", "--1", "NaN", "inf", "0x10", "١٢", "1\u{a0}", "٫5", "1\0",
    ];
    for text in malformed {
        assert_eq!(Money::parse(text, usd), Err(MoneyError::Malformed), "{text:?}");
    }
    let long = "9".repeat(1_000_000);
    assert_eq!(Money::parse(&long, usd), Err(MoneyError::Malformed));
    let decimals = |c, minor_digits| Err(MoneyError::TooManyDecimals { currency: c, minor_digits });
    assert_eq!(Money::parse("1.000", usd), decimals(usd, 2));
    assert_eq!(Money::parse("1.0", currency("JPY")), decimals(currency("JPY"), 0));
    for text in ["10000000000000.01", "-10000000000000.01", "99999999999999999999999999999999"] {
        assert_eq!(Money::parse(text, usd), Err(MoneyError::TooLarge), "{text}");
    }
}

/// Currencies never mix and overflow is an error, in every operation.
#[test]
fn sums_are_checked() {
    let (usd, eur) = (currency("USD"), currency("EUR"));
    let one = Money::from_minor(1, usd);
    let mixed = Err(MoneyError::MixedCurrencies(usd, eur));
    assert_eq!(one.checked_add(Money::zero(eur)), mixed);
    assert_eq!(one.checked_sub(Money::zero(eur)), mixed);
    assert_eq!(Money::checked_sum(usd, [one, Money::zero(eur)]), mixed);
    let most = Money::from_minor(i128::MAX, usd);
    let least = Money::from_minor(i128::MIN, usd);
    assert_eq!(most.checked_add(one), Err(MoneyError::Overflow));
    assert_eq!(least.checked_sub(one), Err(MoneyError::Overflow));
    assert_eq!(least.checked_neg(), Err(MoneyError::Overflow));
    assert_eq!(Money::checked_sum(usd, [one, one, one]).unwrap().minor(), 3);
    assert_eq!(Money::checked_sum(usd, []).unwrap(), Money::zero(usd));
    assert_eq!(least.amount_string(), "-1701411834604692317316873037158841057.28");
}

proptest! {
    /// What is printed reads back as the same amount.
    #[test]
    fn round_trips(minor in -MINOR_MAX..=MINOR_MAX, code in "USD|JPY|BHD|CLF") {
        let money = Money::from_minor(minor, currency(&code));
        prop_assert_eq!(Money::parse(&money.amount_string(), money.currency()), Ok(money));
    }

    /// Arbitrary text never panics; what parses prints as a number of the same value.
    #[test]
    fn never_panics(text in "-?[0-9]{0,20}\\.?[0-9]{0,5}|.{0,40}") {
        for code in ["USD", "JPY", "CLF"] {
            if let Ok(money) = Money::parse(&text, currency(code)) {
                prop_assert!(money.minor().abs() <= MINOR_MAX);
                prop_assert!(money.amount_string().starts_with(text.as_str()));
            }
        }
    }
}
