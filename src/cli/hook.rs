//! `papertape hook`: the process that stands between a run and a command that it calls.

use super::exit::Exit;
use crate::hook;
use std::path::PathBuf;
use std::time::Duration;

/// Call a command for a hook, end it when its time is over, and log what went wrong
#[derive(Debug, clap::Args)]
pub(super) struct Hook {
    /// The hook
    #[arg(long)]
    name: String,
    /// How long the command may take
    #[arg(long)]
    milliseconds: u64,
    /// Where it is logged what went wrong
    #[arg(long)]
    log: PathBuf,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

impl Hook {
    /// Do it.
    pub(super) fn run(self) -> Exit {
        let timeout = Duration::from_millis(self.milliseconds);
        hook::supervise(&self.name, &self.command, timeout, &self.log);
        Exit::Success
    }
}
