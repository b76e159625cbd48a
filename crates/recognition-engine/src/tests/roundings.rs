//! Each rounding against months worked out by hand.

use super::{day, months, term};
use crate::{Convention, Rounding, Schedule};

/// Every month rounded down, the whole remainder in the last (ledgerly's series).
#[test]
fn floor_last() {
    let table = [
        (120_001, "2026-12-31", 12, 10_000, 10_001),
        (120_011, "2026-12-31", 12, 10_000, 10_011),
        (100_000, "2026-12-31", 12, 8_333, 8_337),
        (250_000, "2026-06-30", 6, 41_666, 41_670),
        (500_011, "2027-12-31", 24, 20_833, 20_852),
        (120_000 - 9_611, "2026-12-31", 12, 9_199, 9_200),
    ];
    for (price, to, count, each, last) in table {
        let term = term("2026-01-01", to);
        let amounts = months(term, Convention::EvenMonths, Rounding::FloorLast, price);
        let mut expected = vec![each; count];
        expected[count - 1] = last;
        assert_eq!(amounts, expected, "{price} over {count}");
    }
}

/// Every month rounded by itself, the remainder in the last, which may be more or less than others.
#[test]
fn per_period() {
    let year = term("2026-01-01", "2026-12-31");
    let amounts = |price| months(year, Convention::EvenMonths, Rounding::PerPeriod, price);
    // 8,334.17 is 8,334 eleven times; 8,333.75 is 8,334 too, and the last is less.
    let mut expected = vec![8_334; 12];
    expected[11] = 8_336;
    assert_eq!(amounts(100_010), expected);
    expected[11] = 8_331;
    assert_eq!(amounts(100_005), expected);
    // Halves go up, but never past the price: no month is negative.
    assert_eq!(amounts(6), [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(amounts(5), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
}

/// The running total is rounded, so that no month is more than one unit off and nothing drifts.
#[test]
fn cumulative() {
    let year = term("2026-01-01", "2026-12-31");
    let amounts = months(year, Convention::EvenMonths, Rounding::Cumulative, 100_000);
    assert_eq!(amounts, [8_333, 8_334, 8_333].repeat(4));
    assert_eq!(
        months(year, Convention::EvenMonths, Rounding::Cumulative, 6),
        [1, 0].repeat(6),
        "a half is rounded up in every odd month"
    );
}

/// The remainder goes to the last month that has weight, not to one in which nothing is earned.
#[test]
fn remainder_needs_weight() {
    let term = term("2026-06-15", "2026-10-12");
    for rounding in [Rounding::FloorLast, Rounding::PerPeriod] {
        let amounts = months(term, Convention::ServiceMonths, rounding, 10_001);
        assert_eq!(amounts, [2_500, 2_500, 2_500, 2_501, 0]);
    }
}

/// A month cut by a run takes the month amount's share by day, rounded; its end hits it exactly.
#[test]
fn cuts_within_a_month() {
    let year = term("2026-01-01", "2026-12-31");
    for rounding in [Rounding::FloorLast, Rounding::PerPeriod] {
        let schedule =
            Schedule::new(year, Convention::EvenMonths, rounding, 100_000, None).unwrap();
        let target = |on| schedule.target(day(on)).unwrap();
        // 8,333 x 15 / 31 = 4,032.10; x 16 / 31 = 4,300.90.
        assert_eq!(target("2026-01-15"), 4_032);
        assert_eq!(target("2026-01-16"), 4_301);
        assert_eq!(target("2026-01-31"), 8_333);
        // December holds 8,337: 91,663 + 8,337 x 1 / 31 = 91,663 + 268.94.
        assert_eq!(target("2026-11-30"), 91_663);
        assert_eq!(target("2026-12-01"), 91_932);
        assert_eq!(target("2026-12-31"), 100_000);
    }
}
