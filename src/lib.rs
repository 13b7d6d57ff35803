//! papertape runs trading sessions from TOML manifests.
pub mod bars;
pub mod diag;
pub mod engine;
pub mod expr;
pub mod metrics;
pub mod strategy;
