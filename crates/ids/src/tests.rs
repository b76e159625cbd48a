//! What an id's text may be, and that ids come out the same again.

use proptest::prelude::*;
use uuid::{Uuid, Version};

use super::{ContractId, TenantId, TypedId, derive, v7};

const TEXT: &str = "ctr_0192f3a1c8e67d4fb0a1b2c3d4e5f607";

/// The one spelling of an id parses and renders to itself, in Debug too.
#[test]
fn renders_what_it_parsed() {
    let id: ContractId = TEXT.parse().unwrap();
    assert_eq!(id.to_string(), TEXT);
    assert_eq!(format!("{id:?}"), TEXT);
    assert_eq!(ContractId::from_uuid(id.uuid()), id);
    assert_eq!(<ContractId as TypedId>::PREFIX, "ctr_");
}

/// Every other spelling is refused, and the error names what was expected.
#[test]
fn refuses_other_spellings() {
    let digits = &TEXT[4..];
    let bad = [
        String::new(),
        "ctr_".to_owned(),
        digits.to_owned(),
        format!("ten_{digits}"),
        format!("CTR_{digits}"),
        format!("ctr_{}", digits.to_uppercase()),
        format!("ctr_{}", &digits[1..]),
        format!("ctr_{digits}0"),
        format!(" {TEXT}"),
        format!("{TEXT}\n"),
        format!("ctr_{{{digits}}}"),
        format!("ctr_{}", ContractId::from_uuid(Uuid::nil()).uuid().hyphenated()),
        format!("ctr_{}g", &digits[1..]),
        format!("ctr_{}é", &digits[2..]),
    ];
    for text in bad {
        let error = text.parse::<ContractId>().unwrap_err();
        assert_eq!(error.prefix, "ctr_", "{text:?}");
        assert!(error.to_string().contains("ctr_ followed by 32 lower-case"), "{error}");
    }
}

/// Ids made later sort later, and carry version 7; the same arguments give the same id.
#[test]
fn v7_is_ordered_by_time() {
    let early = v7(1_700_000_000_000, [0xff; 10]);
    let late = v7(1_700_000_000_001, [0; 10]);
    assert!(TenantId::from_uuid(early) < TenantId::from_uuid(late));
    assert_eq!(early.get_version(), Some(Version::SortRand));
    assert_eq!(late, v7(1_700_000_000_001, [0; 10]));
}

/// A derived id depends on parent and name alone; the value is fixed, as replays rely on it.
#[test]
fn derived_ids_are_stable() {
    let parent = TEXT.parse::<ContractId>().unwrap().uuid();
    let id = derive(parent, "accounting-contract");
    assert_eq!(id, derive(parent, "accounting-contract"));
    assert_ne!(id, derive(parent, "other"));
    assert_ne!(id, derive(Uuid::nil(), "accounting-contract"));
    assert_eq!(id.get_version(), Some(Version::Sha1));
    // RFC 9562, appendix A.4: the DNS namespace and www.example.com.
    let rfc = derive(Uuid::NAMESPACE_DNS, "www.example.com").to_string();
    assert_eq!(rfc, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

proptest! {
    /// Any bits round-trip through text.
    #[test]
    fn round_trips(bits: u128) {
        let id = TenantId::from_uuid(Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse::<TenantId>().unwrap(), id);
        prop_assert_eq!(id.to_string().len(), 36);
        prop_assert!(id.to_string().parse::<ContractId>().is_err());
    }

    /// Arbitrary text never panics, and what parses is spelled in the one way.
    #[test]
    fn never_panics(text in "(ctr_)?.{0,40}") {
        if let Ok(id) = text.parse::<ContractId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
