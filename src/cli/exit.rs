//! What the process returns.

use std::process::ExitCode;

/// An exit code with a meaning; scripts may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every selected session finished (or was cached) and every gate held.
    Success,
    /// Everything ran, and a gate failed: a promise, a comparison, a threshold.
    Gate,
    /// Usage or manifest is wrong; nothing ran.
    Usage,
    /// At least one session failed or was refused; the others went on.
    Failed,
    /// Nothing was selected.
    Nothing,
    /// Stopped before every session had run.
    Incomplete,
    /// A baseline is missing or unreadable.
    Baseline,
    /// A bug in papertape.
    Bug,
    /// The store could not be written or read.
    Store,
    /// Somebody else holds the lock.
    Locked,
    /// SIGHUP: its terminal was closed.
    HungUp,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Gate => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::Nothing => 4,
            Self::Incomplete => 5,
            Self::Baseline => 6,
            Self::Bug => 70,
            Self::Store => 74,
            Self::Locked => 75,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl Exit {
    /// All of them, the gravest first.
    const BY_GRAVITY: [Self; 13] = [
        Self::Interrupted,
        Self::Terminated,
        Self::HungUp,
        Self::Bug,
        Self::Store,
        Self::Locked,
        Self::Usage,
        Self::Incomplete,
        Self::Failed,
        Self::Baseline,
        Self::Gate,
        Self::Nothing,
        Self::Success,
    ];

    /// The one that several things end with together.
    pub fn gravest(exits: impl IntoIterator<Item = Self>) -> Self {
        let place = |exit: &Self| Self::BY_GRAVITY.iter().position(|known| known == exit);
        exits.into_iter().min_by_key(place).unwrap_or(Self::Success)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
