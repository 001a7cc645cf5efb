//! A macro that gives the variants of an enum their names in rows and on screens.

/// Implements `ALL`, `as_str`, `Display`, and `TryFrom<String>` (for reading rows) for an enum,
/// from one name per variant.
#[macro_export]
macro_rules! enum_names {
    ($name:ident, { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// All variants, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name that rows, files and screens use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::RowError;

            fn try_from(word: String) -> Result<Self, Self::Error> {
                match word.as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::RowError::UnknownName { kind: stringify!($name), name: word }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
