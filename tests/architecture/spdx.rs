//! License expressions as in SPDX: `OR`, `AND`, `WITH`, parentheses, and the old `/` for `OR`.
//! `WITH` binds most tightly, then `AND`, then `OR`.

/// Whether one of the choices that the expression offers has only licenses for which `is_allowed`
/// holds. A license with an exception is asked for as `"LICENSE WITH EXCEPTION"`.
///
/// # Errors
/// When the expression cannot be read; it names where.
pub(crate) fn is_satisfied(
    expression: &str,
    is_allowed: &impl Fn(&str) -> bool,
) -> Result<bool, String> {
    let text = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = text.split_whitespace().peekable();
    let satisfied = any(&mut words, is_allowed)?;
    words.next().map_or(Ok(satisfied), |word| Err(format!("unexpected {word:?}")))
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, is_allowed: &impl Fn(&str) -> bool) -> Result<bool, String> {
    let mut satisfied = all(words, is_allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        satisfied |= all(words, is_allowed)?;
    }
    Ok(satisfied)
}

fn all(words: &mut Words<'_>, is_allowed: &impl Fn(&str) -> bool) -> Result<bool, String> {
    let mut satisfied = one(words, is_allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        satisfied &= one(words, is_allowed)?;
    }
    Ok(satisfied)
}

fn one(words: &mut Words<'_>, is_allowed: &impl Fn(&str) -> bool) -> Result<bool, String> {
    if words.next_if_eq(&"(").is_some() {
        let satisfied = any(words, is_allowed)?;
        return words.next_if_eq(&")").map(|_| satisfied).ok_or("a missing )".to_owned());
    }
    let license = name(words)?;
    if words.next_if_eq(&"WITH").is_some() {
        return Ok(is_allowed(&format!("{license} WITH {}", name(words)?)));
    }
    Ok(is_allowed(license))
}

fn name<'a>(words: &mut Words<'a>) -> Result<&'a str, String> {
    match words.next() {
        Some(word) if !["(", ")", "OR", "AND", "WITH"].contains(&word) => Ok(word),
        Some(word) => Err(format!("unexpected {word:?}")),
        None => Err("an unexpected end".to_owned()),
    }
}

// Choices, conjunctions, exceptions and parentheses mean what SPDX says they mean.
#[test]
fn expressions_are_evaluated() {
    let allowed = |license: &str| ["MIT", "ISC", "Apache-2.0", "A WITH B"].contains(&license);
    let cases = [
        ("MIT", Ok(true)),
        ("GPL-3.0-only", Ok(false)),
        ("GPL-3.0-only OR MIT", Ok(true)),
        ("GPL-3.0-only AND MIT", Ok(false)),
        ("GPL-3.0-only/MIT", Ok(true)),
        ("MIT OR GPL-3.0-only AND ISC", Ok(true)),
        ("(MIT OR GPL-3.0-only) AND ISC", Ok(true)),
        ("(MIT OR ISC) AND GPL-3.0-only", Ok(false)),
        ("A WITH B", Ok(true)),
        ("A", Ok(false)),
        ("MIT WITH B", Ok(false)),
        ("A WITH B OR GPL-3.0-only", Ok(true)),
    ];
    for (expression, satisfied) in cases {
        assert_eq!(is_satisfied(expression, &allowed), satisfied, "{expression}");
    }
    for wrong in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT", "OR MIT", "MIT WITH"] {
        assert!(is_satisfied(wrong, &allowed).is_err(), "{wrong:?}");
    }
}
