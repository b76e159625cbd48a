//! Pages of lists ordered by id: the token holds the id of the last item.

use backlog_service_kit::page::{PageScope, PageTokenInvalid, PageTokens};
use uuid::Uuid;

/// The id after which a page begins; nil, which is before all, for the first page.
///
/// # Errors
/// When the token was not issued for this call.
pub(crate) fn after(
    tokens: &PageTokens,
    scope: &PageScope<'_>,
    token: &str,
) -> Result<Uuid, PageTokenInvalid> {
    match tokens.open(scope, token)? {
        None => Ok(Uuid::nil()),
        Some(cursor) => Uuid::from_slice(&cursor).map_err(|_| PageTokenInvalid),
    }
}

/// A page and, where there are more items, the id that the next one begins after.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// Items of the page.
    pub(crate) items: Vec<T>,
    /// Id of the last item; none on the last page.
    pub(crate) last: Option<Uuid>,
}

impl<T> Page<T> {
    /// Cuts a page of at most `size` items from what was read, one item more than that if there are
    /// more. It ends earlier where the weights of its items would exceed `weight_max`.
    pub(crate) fn cut(
        mut items: Vec<T>,
        size: usize,
        weight_max: usize,
        weight: fn(&T) -> usize,
        id: fn(&T) -> Uuid,
    ) -> Self {
        let mut total = 0_usize;
        let mut fitting = 0_usize;
        for item in items.iter().take(size) {
            total = total.saturating_add(weight(item));
            if fitting > 0 && total > weight_max {
                break;
            }
            fitting = fitting.saturating_add(1);
        }
        let more = items.len() > fitting;
        items.truncate(fitting);
        let last = if more { items.last().map(id) } else { None };
        Self { items, last }
    }

    /// The token of the next page; empty on the last.
    pub(crate) fn next_token(&self, tokens: &PageTokens, scope: &PageScope<'_>) -> String {
        self.last.map_or_else(String::new, |last| tokens.issue(scope, last.as_bytes()))
    }
}

/// What to ask the database for to fill a page of `size`: one more tells whether there is more.
pub(crate) fn limit(size: usize) -> i32 {
    i32::try_from(size.saturating_add(1)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(weights: &[usize], size: usize) -> (usize, bool) {
        let items: Vec<(usize, Uuid)> = weights.iter().map(|w| (*w, Uuid::nil())).collect();
        let page = Page::cut(items, size, 10, |item| item.0, |item| item.1);
        (page.items.len(), page.last.is_some())
    }

    /// A page ends at its size or at the weight, holds at least one item, and says whether there is
    /// more.
    #[test]
    fn a_page_ends_at_its_size_or_weight() {
        assert_eq!(cut(&[], 3), (0, false));
        assert_eq!(cut(&[1, 1, 1], 3), (3, false));
        assert_eq!(cut(&[1, 1, 1, 1], 3), (3, true));
        assert_eq!(cut(&[6, 4, 1], 3), (2, true));
        assert_eq!(cut(&[11, 1], 3), (1, true));
        assert_eq!(cut(&[11], 3), (1, false));
    }

    /// A first page begins before all ids; a token opens to the id it was made of.
    #[test]
    fn tokens_hold_the_last_id() {
        let tokens = PageTokens::derived_from(b"secret");
        let scope = PageScope { owner: Uuid::nil(), rpc: "List", filter: b"" };
        assert_eq!(after(&tokens, &scope, ""), Ok(Uuid::nil()));
        let last = Uuid::from_u128(7);
        let page = Page::<()> { items: Vec::new(), last: Some(last) };
        assert_eq!(after(&tokens, &scope, &page.next_token(&tokens, &scope)), Ok(last));
        let short = tokens.issue(&scope, b"short");
        assert_eq!(after(&tokens, &scope, &short), Err(PageTokenInvalid));
    }
}
