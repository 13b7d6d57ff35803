//! The report room: a run as a page and as a text, rendered by minijinja from what the store holds.
//!
//! [`context`] is what a template sees, [`mod@format`] how values are written, [`chart`] draws. The
//! built-in templates are part of the program; a file of the same name in the project's
//! `templates/reports/` replaces one, and further files there are further reports: `NAME.jinja` is
//! the report `NAME`. A name that begins with `_` is a part for others to include. All are compiled
//! when [`Templates`] is made, so that a mistake shows before a run and not after it.

pub mod analysis;
pub mod chart;
pub mod check;
pub mod comparison;
pub mod context;
pub mod format;
mod language;
pub mod load;
pub mod page;
pub mod registry;
pub mod split;
pub mod suspicion;
pub mod sweep;
mod templates;
#[cfg(test)]
mod tests;

pub use templates::{Error, SESSION, SWEEP, Templates};
