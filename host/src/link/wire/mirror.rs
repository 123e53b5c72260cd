//! Mirrors: types with a wire form that turn into those of WIT or the store and back.
//!
//! [`record!`](super) and [`words!`](super) make a mirror with both directions, by
//! field and by word. A field of another name or kind on the other side is an error of
//! the compiler.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The wire form of `N`.
pub trait Wire<N>: Sized {
    /// What is sent for a value.
    fn of(native: N) -> Self;
    /// The value that was sent.
    fn native(self) -> N;
}

/// Bytes, as one byte string instead of a list of numbers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// Longest list of numbers that is taken for bytes; byte strings are bounded by the body.
const MAX_LIST: usize = 1 << 20;

macro_rules! same {
    ($($type:ty),+) => {
        $(impl Wire<$type> for $type {
            fn of(native: $type) -> Self {
                native
            }
            fn native(self) -> $type {
                self
            }
        })+
    };
}
same!(String, bool, u32, u64, i32, ());

impl<N, W: Wire<N>> Wire<Option<N>> for Option<W> {
    fn of(native: Option<N>) -> Self {
        native.map(W::of)
    }

    fn native(self) -> Option<N> {
        self.map(W::native)
    }
}

impl<N, W: Wire<N>> Wire<Vec<N>> for Vec<W> {
    fn of(native: Vec<N>) -> Self {
        native.into_iter().map(W::of).collect()
    }

    fn native(self) -> Vec<N> {
        self.into_iter().map(W::native).collect()
    }
}

/// A record of the same fields on both sides.
macro_rules! record {
    ($(#[$outer:meta])* $name:ident = $module:ident :: $native:ident {
        $($(#[$attribute:meta])* $field:ident: $type:ty),+ $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub struct $name {
            $($(#[$attribute])* pub $field: $type),+
        }

        impl $crate::link::wire::Wire<$module::$native> for $name {
            fn of(native: $module::$native) -> Self {
                Self { $($field: <$type as $crate::link::wire::Wire<_>>::of(native.$field)),+ }
            }
            fn native(self) -> $module::$native {
                $module::$native {
                    $($field: <$type as $crate::link::wire::Wire<_>>::native(self.$field)),+
                }
            }
        }
    };
}

/// An enumeration of the same words on both sides.
macro_rules! words {
    ($(#[$outer:meta])* $name:ident = $module:ident :: $native:ident { $($word:ident),+ $(,)? }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($word),+ }

        impl $crate::link::wire::Wire<$module::$native> for $name {
            fn of(native: $module::$native) -> Self {
                match native { $($module::$native::$word => Self::$word),+ }
            }
            fn native(self) -> $module::$native {
                match self { $(Self::$word => $module::$native::$word),+ }
            }
        }
    };
}

pub(super) use {record, words};

// === impl Bytes ===

impl Wire<Vec<u8>> for Bytes {
    fn of(native: Vec<u8>) -> Self {
        Self(native)
    }

    fn native(self) -> Vec<u8> {
        self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;

        impl<'de> Visitor<'de> for Anything {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }

            // What an encoder without byte strings would send.
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    if bytes.len() == MAX_LIST {
                        return Err(A::Error::custom("too many bytes"));
                    }
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }

        deserializer.deserialize_byte_buf(Anything).map(Self)
    }
}
