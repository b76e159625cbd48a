//! What a role holds of an accounting contract, in both currencies.

use backlog_money::mul_div_half_away;

use super::translate::TranslationError;

/// An amount and what it is carried at. Minor units, debits positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) amount: i128,
    pub(super) carried: i128,
}

impl Position {
    /// Moves by `amount`: what leaves goes at the average it is carried at, what comes at what `rate`
    /// makes of it. Answers what the move is in the functional currency.
    pub(super) fn take(
        &mut self,
        amount: i128,
        rate: impl Fn(i128) -> Result<i128, TranslationError>,
    ) -> Result<i128, TranslationError> {
        let opposite = (self.amount < 0) != (amount < 0) && self.amount != 0;
        let leaves = match (opposite, amount.abs() > self.amount.abs()) {
            (false, _) => 0,
            (true, true) => self.amount.checked_neg().ok_or(TranslationError::Overflow)?,
            (true, false) => amount,
        };
        let at_carried = share(self.carried, leaves, self.amount)?;
        let comes = amount.checked_sub(leaves).ok_or(TranslationError::Overflow)?;
        let moved = sum(at_carried, rate(comes)?)?;
        self.put(amount, moved)?;
        Ok(moved)
    }

    /// Moves by an amount that is worth `functional`.
    pub(super) fn put(&mut self, amount: i128, functional: i128) -> Result<(), TranslationError> {
        self.amount = sum(self.amount, amount)?;
        self.carried = sum(self.carried, functional)?;
        Ok(())
    }
}

/// `whole` x `part` / `of`, rounded half away from zero; nothing of nothing.
pub(super) fn share(whole: i128, part: i128, of: i128) -> Result<i128, TranslationError> {
    if part == 0 {
        return Ok(0);
    }
    mul_div_half_away(whole, part, of).ok_or(TranslationError::Overflow)
}

pub(super) fn sum(a: i128, b: i128) -> Result<i128, TranslationError> {
    a.checked_add(b).ok_or(TranslationError::Overflow)
}
