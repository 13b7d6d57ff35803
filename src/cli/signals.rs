//! Ctrl-C and SIGTERM: once to finish what is running, twice to stop at once, which once does too as
//! long as nothing runs.

use super::context::Context;
use super::exit::Exit;
use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Arriving;
use signal_hook::low_level;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

/// The signals that came. SIGHUP is the same as once: several come when a terminal is closed.
#[derive(Debug, Default, Clone)]
pub(super) struct Signals {
    /// Whether one came.
    pub(super) cancel: Arc<AtomicBool>,
    received: Arc<AtomicI32>,
    has_begun: Arc<AtomicBool>,
}

impl Signals {
    /// Listen from now on; `remedy` is said by who is stopped at once.
    pub(super) fn listen(context: &Context, remedy: &'static str) -> Result<Self> {
        let mut wanted = vec![SIGINT, SIGTERM];
        if !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let mut arriving = Arriving::new(wanted)?;
        let signals = Self::default();
        let Self { cancel, received, has_begun } = signals.clone();
        let context = context.clone();
        // A thread and no handler: two that come at the same moment are told from one, and can be told of.
        thread::Builder::new().name("signals".into()).spawn(move || {
            let mut is_second = false;
            for signal in arriving.forever() {
                if !has_begun.load(Ordering::Relaxed) {
                    context.complain("stopped before anything ran");
                    low_level::exit(exit_of(signal).code().into());
                }
                if is_second && signal != SIGHUP {
                    context.complain(&format!("stopped at once by a second signal; {remedy}"));
                    low_level::exit(exit_of(signal).code().into());
                }
                is_second |= signal != SIGHUP;
                received.store(signal, Ordering::Relaxed);
                cancel.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(signals)
    }

    /// What runs from now on is finished before the process ends.
    pub(super) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// The exit code of the signal that came, if one did.
    pub(super) fn exit(&self) -> Option<Exit> {
        let signal = self.received.load(Ordering::Relaxed);
        (signal != 0).then(|| exit_of(signal))
    }
}

fn exit_of(signal: i32) -> Exit {
    match signal {
        SIGHUP => Exit::HungUp,
        SIGTERM => Exit::Terminated,
        _ => Exit::Interrupted,
    }
}

/// Whether whoever started this process has it ignore a signal, as `nohup` does. Where that cannot be
/// asked it stays as it is.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}
