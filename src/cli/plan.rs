//! `papertape plan`: what would run, and what would not.

use super::context::Context;
use super::exit::Exit;
use super::output::{self, Cell, Column, Format, Kind};
use super::planning::{Planned, Planning};
use crate::batch::execute;
use crate::plan::{Base, Job};
use anyhow::Result;
use std::collections::HashMap;

/// Show what would run: new and cached sessions, and what sweep rules removed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape plan sessions/quickstart.toml
  papertape plan sessions/quickstart.toml --format json")]
pub struct Plan {
    #[command(flatten)]
    planning: Planning,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}
