//! Enumerations whose values have one name in files, tables and answers.

/// Declares an enumeration with `ALL`, `name` and `parse`, so that no list can miss a value.
macro_rules! named_enum {
    (
        $(#[$doc:meta])*
        pub enum $enum:ident { $($(#[$value_doc:meta])* $value:ident = $name:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $enum { $($(#[$value_doc])* #[serde(rename = $name)] $value,)+ }

        impl $enum {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The value's name in lower snake case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)+ }
            }

            /// The value of this exact name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$value),)+ _ => None }
            }
        }
    };
}

pub(crate) use named_enum;
