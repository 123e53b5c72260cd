//! The WIT layer: the imports behind the traits of [`crate::host`], and the
//! export behind [`crate::router`]. Nothing is decided here.

mod imports;
mod incoming;
