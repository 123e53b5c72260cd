//! The kinds of values that settings have: how each is written, and how it is read.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::at::At;
use super::units;

/// A kind of value.
pub(super) trait Format {
    /// What it becomes.
    type Value;

    /// How it is written, for a message: "a list of ...".
    fn expected(&self) -> String;

    /// Read it, or note what is wrong.
    fn read(&self, at: &At<'_>) -> Option<Self::Value>;
}

/// A string that a function understands or refuses with a reason.
pub(super) struct Parsed<T> {
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Result<T, String>,
}

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

/// `true` or `false`.
pub(super) struct Flag;

/// A whole number inside its bounds.
pub(super) struct Count<T>(pub(super) RangeInclusive<T>);

/// A duration as text, inside its bounds.
pub(super) struct Time(pub(super) RangeInclusive<Duration>);

/// A size in bytes as text, inside its bounds.
pub(super) struct Size(pub(super) RangeInclusive<usize>);

/// A list without repetition, with at least so many elements.
pub(super) struct List<F> {
    pub(super) of: F,
    pub(super) least: usize,
}

/// An address and port to listen on.
pub(super) const SOCKET: Parsed<SocketAddr> = Parsed {
    expected: "an IP address and port such as \"127.0.0.1:8443\" or \"[::1]:8443\"",
    parse: |text| text.parse().map_err(|_| String::new()),
};

// === impl Parsed ===

impl<T> Format for Parsed<T> {
    type Value = T;

    fn expected(&self) -> String {
        self.expected.to_owned()
    }

    fn read(&self, at: &At<'_>) -> Option<T> {
        let Some(text) = at.value().as_str() else {
            return at.refuse(self.expected, None);
        };
        match (self.parse)(text) {
            Ok(value) => Some(value),
            Err(because) => {
                let because = Some(because).filter(|because| !because.is_empty());
                at.refuse(self.expected, because)
            }
        }
    }
}

// === impl Choice ===

impl<T: Copy> Format for Choice<T> {
    type Value = T;

    fn expected(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("{word:?}")).collect();
        match words.as_slice() {
            [only] => only.clone(),
            words => format!("one of {}", words.join(", ")),
        }
    }

    fn read(&self, at: &At<'_>) -> Option<T> {
        let text = at.value().as_str();
        let chosen = self.0.iter().find(|(word, _)| Some(*word) == text);
        match chosen {
            Some((_, value)) => Some(*value),
            None => at.refuse(&self.expected(), None),
        }
    }
}

// === impl Flag ===

impl Format for Flag {
    type Value = bool;

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, at: &At<'_>) -> Option<bool> {
        let flag = at.value().as_bool();
        flag.or_else(|| at.refuse(&self.expected(), None))
    }
}

// === impl Count ===

impl<T: Copy + PartialOrd + std::fmt::Display + TryFrom<i64>> Format for Count<T> {
    type Value = T;

    fn expected(&self) -> String {
        let (least, most) = (self.0.start(), self.0.end());
        format!("a whole number from {least} to {most}")
    }

    fn read(&self, at: &At<'_>) -> Option<T> {
        let count = match at.value() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .and_then(|number| T::try_from(number).ok())
                .filter(|number| self.0.contains(number)),
            _ => None,
        };
        count.or_else(|| at.refuse(&self.expected(), None))
    }
}

// === impl Time ===

impl Format for Time {
    type Value = Duration;

    fn expected(&self) -> String {
        let least = units::show_duration(*self.0.start());
        let most = units::show_duration(*self.0.end());
        format!("a duration such as \"5s\" or \"250ms\", from {least} to {most}")
    }

    fn read(&self, at: &At<'_>) -> Option<Duration> {
        at.value()
            .as_str()
            .and_then(units::duration)
            .filter(|duration| self.0.contains(duration))
            .or_else(|| at.refuse(&self.expected(), None))
    }
}

// === impl Size ===

impl Format for Size {
    type Value = usize;

    fn expected(&self) -> String {
        let least = units::show_size(*self.0.start());
        let most = units::show_size(*self.0.end());
        format!("a size such as \"64KiB\" or \"32MiB\", from {least} to {most}")
    }

    fn read(&self, at: &At<'_>) -> Option<usize> {
        at.value()
            .as_str()
            .and_then(units::size)
            .filter(|size| self.0.contains(size))
            .or_else(|| at.refuse(&self.expected(), None))
    }
}

// === impl List ===

impl<F: Format> Format for List<F>
where
    F::Value: PartialEq,
{
    type Value = Vec<F::Value>;

    fn expected(&self) -> String {
        let of = self.of.expected();
        match self.least {
            0 => format!("a list, each element {of}"),
            least => format!("a list of at least {least}, each element {of}"),
        }
    }

    fn read(&self, at: &At<'_>) -> Option<Self::Value> {
        let Some(elements) = at.elements().filter(|list| list.len() >= self.least) else {
            return at.refuse(&self.expected(), None);
        };
        let mut values: Vec<F::Value> = Vec::with_capacity(elements.len());
        let mut whole = true;
        for element in &elements {
            match self.of.read(element) {
                Some(value) if values.contains(&value) => {
                    whole = false;
                    element.refuse::<()>("each element only once", None);
                }
                Some(value) => values.push(value),
                None => whole = false,
            }
        }
        whole.then_some(values)
    }
}
