//! What a component asks for and what it offers, function by function, in words
//! that two revisions can be compared by.
//!
//! A signature is written with its types expanded, so that two functions are the
//! same exactly when their texts are: `(rp-id: string) -> result<list<u8>>`.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

/// All imports and exports of a component, by the names that it uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surface {
    /// What it asks for.
    pub imports: BTreeMap<String, Item>,
    /// What it offers.
    pub exports: BTreeMap<String, Item>,
}

/// Something that a component imports or exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An interface: its functions, each with its signature. An interface without
    /// functions has types only: words to speak in, nothing to call.
    Interface(BTreeMap<String, String>),
    /// A single function and its signature.
    Function(String),
    /// Anything else: a type, a module, a component.
    Other(&'static str),
}

// === impl Surface ===

impl Surface {
    /// The surface of a compiled component.
    pub fn of(component: &Component) -> Self {
        let engine = component.engine();
        let ty = component.component_type();
        Self {
            imports: ty
                .imports(engine)
                .map(|(name, item)| (name.to_owned(), Item::of(&item.ty, engine)))
                .collect(),
            exports: ty
                .exports(engine)
                .map(|(name, item)| (name.to_owned(), Item::of(&item.ty, engine)))
                .collect(),
        }
    }

    /// The functions of all imported interfaces: `(interface, function)`.
    pub fn imported_functions(&self) -> impl Iterator<Item = (&str, &str)> {
        functions(&self.imports)
    }

    /// The functions of all exported interfaces: `(interface, function)`.
    pub fn exported_functions(&self) -> impl Iterator<Item = (&str, &str)> {
        functions(&self.exports)
    }
}

fn functions(items: &BTreeMap<String, Item>) -> impl Iterator<Item = (&str, &str)> {
    items.iter().flat_map(|(name, item)| {
        let functions = match item {
            Item::Interface(functions) => Some(functions.keys()),
            _ => None,
        };
        functions
            .into_iter()
            .flatten()
            .map(|function| (name.as_str(), function.as_str()))
    })
}

// === impl Item ===

impl Item {
    fn of(item: &ComponentItem, engine: &Engine) -> Self {
        match item {
            ComponentItem::ComponentInstance(instance) => Self::Interface(
                instance
                    .exports(engine)
                    .filter_map(|(name, export)| match export.ty {
                        ComponentItem::ComponentFunc(function) => {
                            Some((name.to_owned(), signature(&function)))
                        }
                        _ => None,
                    })
                    .collect(),
            ),
            ComponentItem::ComponentFunc(function) => Self::Function(signature(function)),
            ComponentItem::CoreFunc(_) => Self::Other("core function"),
            ComponentItem::Module(_) => Self::Other("module"),
            ComponentItem::Component(_) => Self::Other("component"),
            ComponentItem::Type(_) => Self::Other("type"),
            ComponentItem::Resource(_) => Self::Other("resource"),
        }
    }
}

/// A function's parameters and result, types expanded.
fn signature(function: &ComponentFunc) -> String {
    let params: Vec<String> = function
        .params()
        .map(|(name, ty)| format!("{name}: {}", written(&ty)))
        .collect();
    let results: Vec<String> = function.results().map(|ty| written(&ty)).collect();
    let arrow = if results.is_empty() { "" } else { " -> " };
    format!("({}){arrow}{}", params.join(", "), results.join(", "))
}

/// A type as WIT writes it, names of records and variants expanded to what they
/// hold.
fn written(ty: &Type) -> String {
    let all = |parts: Vec<String>| parts.join(", ");
    let or_blank = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| written(&ty));
    match ty {
        Type::Bool => "bool".into(),
        Type::S8 => "s8".into(),
        Type::U8 => "u8".into(),
        Type::S16 => "s16".into(),
        Type::U16 => "u16".into(),
        Type::S32 => "s32".into(),
        Type::U32 => "u32".into(),
        Type::S64 => "s64".into(),
        Type::U64 => "u64".into(),
        Type::Float32 => "f32".into(),
        Type::Float64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::ErrorContext => "error-context".into(),
        Type::List(list) => format!("list<{}>", written(&list.ty())),
        Type::FixedLengthList(list) => format!("list<{}, {}>", written(&list.ty()), list.len()),
        Type::Map(map) => format!("map<{}, {}>", written(&map.key()), written(&map.value())),
        Type::Tuple(tuple) => {
            format!(
                "tuple<{}>",
                all(tuple.types().map(|ty| written(&ty)).collect())
            )
        }
        Type::Option(option) => format!("option<{}>", written(&option.ty())),
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => "result".into(),
            (Some(ok), None) => format!("result<{}>", written(&ok)),
            (ok, err) => format!("result<{}, {}>", or_blank(ok), or_blank(err)),
        },
        Type::Record(record) => {
            let fields = record
                .fields()
                .map(|field| format!("{}: {}", field.name, written(&field.ty)));
            format!("record{{{}}}", all(fields.collect()))
        }
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| match case.ty {
                Some(ty) => format!("{}({})", case.name, written(&ty)),
                None => case.name.to_owned(),
            });
            format!("variant{{{}}}", all(cases.collect()))
        }
        Type::Enum(names) => {
            format!(
                "enum{{{}}}",
                all(names.names().map(str::to_owned).collect())
            )
        }
        Type::Flags(names) => {
            format!(
                "flags{{{}}}",
                all(names.names().map(str::to_owned).collect())
            )
        }
        // Two resources can't be told apart by anything that lasts.
        Type::Own(_) => "own<resource>".into(),
        Type::Borrow(_) => "borrow<resource>".into(),
        Type::Future(future) => format!("future<{}>", or_blank(future.ty())),
        Type::Stream(stream) => format!("stream<{}>", or_blank(stream.ty())),
    }
}
