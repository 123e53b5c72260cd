//! Reading JSON objects strictly, with the path of what is wrong.
//!
//! A field is present with the right type or the request is malformed: `null`
//! is not "absent" unless a form says so. Who reads an object of ours ends with
//! [`Object::only`], so that a misspelt field is never ignored; WebAuthn's own
//! objects, which browsers extend, are left open. Depth is bounded by
//! `serde_json`, size by the body's limit.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::{base64url, problem::Problem};

/// What is wrong, and where. Never with the value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {fault}")]
pub struct Malformed {
    /// JSON path from the body's root, for example `credential.response.signature`.
    pub path: String,
    /// For example `not base64url`.
    pub fault: String,
}

/// An object in a body.
pub struct Object<'a> {
    path: String,
    fields: &'a Map<String, Value>,
}

/// The body as a JSON value.
pub fn parse(body: &[u8]) -> Result<Value, Malformed> {
    serde_json::from_slice(body).map_err(|error| Malformed {
        path: "body".into(),
        fault: format!(
            "not JSON at line {} column {}",
            error.line(),
            error.column()
        ),
    })
}

// === impl Malformed ===

impl Malformed {
    /// A fault at a path.
    pub fn new(path: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            fault: fault.into(),
        }
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        crate::problem::malformed(malformed.to_string())
    }
}

// === impl Object ===

impl<'a> Object<'a> {
    /// The body's root.
    pub fn root(value: &'a Value) -> Result<Self, Malformed> {
        Self::at(String::new(), value)
    }

    fn at(path: String, value: &'a Value) -> Result<Self, Malformed> {
        match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            _ if path.is_empty() => Err(Malformed::new("body", "not an object")),
            _ => Err(Malformed::new(path, "not an object")),
        }
    }

    /// The path of a field.
    pub fn path(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.into()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// The path of this object.
    pub fn own_path(&self) -> &str {
        if self.path.is_empty() {
            "body"
        } else {
            &self.path
        }
    }

    /// A fault of a field.
    pub fn fault(&self, field: &str, fault: impl Into<String>) -> Malformed {
        Malformed::new(self.path(field), fault)
    }

    /// Refuse every field but these.
    pub fn only(&self, known: &[&str]) -> Result<(), Malformed> {
        match self
            .fields
            .keys()
            .find(|field| !known.contains(&field.as_str()))
        {
            // The name comes from outside: cut it to a line's worth.
            Some(field) => {
                let field: String = field.chars().filter(|c| !c.is_control()).take(64).collect();
                Err(self.fault(&field, "unknown field"))
            }
            None => Ok(()),
        }
    }

    /// All fields as they stand.
    pub fn fields(&self) -> &'a Map<String, Value> {
        self.fields
    }

    /// Whether the field is there at all.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Whether the field is there with the value `null` or `""`.
    pub fn is_null_or_empty(&self, field: &str) -> bool {
        match self.fields.get(field) {
            Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            _ => false,
        }
    }

    fn required<T>(&self, field: &str, found: Option<T>) -> Result<T, Malformed> {
        found.ok_or_else(|| self.fault(field, "missing"))
    }

    /// A string, when the field is there. It is never empty.
    pub fn optional_string(&self, field: &str) -> Result<Option<&'a str>, Malformed> {
        match self.fields.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Err(self.fault(field, "empty")),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(field, "not a string")),
        }
    }

    /// A string that is not empty.
    pub fn string(&self, field: &str) -> Result<&'a str, Malformed> {
        let found = self.optional_string(field)?;
        self.required(field, found)
    }

    /// Bytes in base64url, when the field is there. There is at least one.
    pub fn optional_bytes(&self, field: &str) -> Result<Option<Vec<u8>>, Malformed> {
        self.optional_string(field)?
            .map(|text| base64url::decode(text).ok_or_else(|| self.fault(field, "not base64url")))
            .transpose()
    }

    /// Bytes in base64url, at least one.
    pub fn bytes(&self, field: &str) -> Result<Vec<u8>, Malformed> {
        let found = self.optional_bytes(field)?;
        self.required(field, found)
    }

    /// An object, when the field is there.
    pub fn optional_object(&self, field: &str) -> Result<Option<Object<'a>>, Malformed> {
        self.fields
            .get(field)
            .map(|value| Object::at(self.path(field), value))
            .transpose()
    }

    /// An object.
    pub fn object(&self, field: &str) -> Result<Object<'a>, Malformed> {
        let found = self.optional_object(field)?;
        self.required(field, found)
    }

    /// An object as it stands, in JSON; `{}` when the field is not there.
    pub fn json(&self, field: &str) -> Result<String, Malformed> {
        match self.optional_object(field)? {
            Some(object) => {
                serde_json::to_string(object.fields).map_err(|_| self.fault(field, "not an object"))
            }
            None => Ok("{}".into()),
        }
    }

    /// One of a few words, when the field is there.
    pub fn optional_word<T: Copy>(
        &self,
        field: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Malformed> {
        let Some(found) = self.optional_string(field)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == found) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Err(self.fault(field, format!("expected one of {}", words.join(", "))))
            }
        }
    }

    /// Short strings, at most so many of at most so many characters; none when
    /// the field is not there.
    pub fn strings(
        &self,
        field: &str,
        most: usize,
        longest: usize,
    ) -> Result<Vec<String>, Malformed> {
        let values = match self.fields.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(self.fault(field, "not an array")),
        };
        if values.len() > most {
            return Err(self.fault(field, format!("more than {most}")));
        }
        let item = |(index, value): (usize, &Value)| {
            let fault =
                |fault: String| Malformed::new(format!("{}[{index}]", self.path(field)), fault);
            match value {
                Value::String(text) if text.is_empty() => Err(fault("empty".into())),
                Value::String(text) if text.chars().count() > longest => {
                    Err(fault(format!("longer than {longest} characters")))
                }
                Value::String(text) => Ok(text.clone()),
                _ => Err(fault("not a string".into())),
            }
        };
        values.iter().enumerate().map(item).collect()
    }
}
