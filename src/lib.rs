//! papertape runs trading sessions from TOML manifests.
pub mod bars;
pub mod batch;
pub mod diag;
pub mod engine;
pub mod expr;
pub mod manifest;
pub mod market;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod store;
pub mod strategy;
