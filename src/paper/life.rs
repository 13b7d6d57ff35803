//! The life of a paper account: the states that it can be in, and what leads from one to another.
//!
//! The table [`TRANSITIONS`] is all there is. What is not in it is refused with a message, and
//! a test holds `docs/follow.md` to it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Writes an enum of plain words with its list, so that no word is forgotten.
macro_rules! named {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $about:literal])+ $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[doc = $about])+ #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The one with this word.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.word() == word)
            }

            /// What it means, as a sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($about),+).trim_ascii(),)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

named! {
    /// What an account is at the moment.
    State {
        /// It is opened: replayed from its journal and its bars, and compared with its checkpoint.
        Initializing = "initializing",
        /// It takes bars and trades.
        Active = "active",
        /// It takes bars and enters nothing; what is held is looked after as ever.
        Paused = "paused",
        /// Its data is stale or did not pass the checks: it waits, and goes on when that is mended.
        Suspended = "suspended",
        /// It was stopped: what it holds is sold at the next open, and nothing is entered.
        Closing = "closing",
        /// It is over. `restart` puts it aside and begins a new one.
        Closed = "closed",
        /// Something went wrong that waiting does not mend; the journal says what.
        Error = "error",
    }
}

named! {
    /// What can happen to an account.
    Cause {
        /// It was opened and is as it was left.
        Ready = "ready",
        /// It was opened, and had been paused.
        ReadyPaused = "ready, paused",
        /// It was opened, and had been stopped while it held something.
        ReadyClosing = "ready, closing",
        /// It was opened, and is over.
        ReadyClosed = "ready, closed",
        /// Somebody paused it, or `pause_when` was true.
        Pause = "pause",
        /// Somebody let it go on, or `resume_when` was true.
        Resume = "resume",
        /// No bar came for `paper.stale_after`.
        Stale = "stale",
        /// Its data did not pass the checks, or was revised.
        Unfit = "unfit",
        /// Good bars come again.
        Fit = "fit",
        /// Good bars come again, to an account that is paused.
        FitPaused = "fit, paused",
        /// Somebody stopped it, or `stop_when` was true.
        Stop = "stop",
        /// It holds nothing any more.
        Flat = "flat",
        /// Somebody ended it without selling what it holds.
        Kill = "kill",
        /// Somebody began it anew.
        Restart = "restart",
        /// Somebody took it back to a checkpoint.
        Recover = "recover",
        /// Something went wrong.
        Failure = "failure",
        /// It is opened again.
        Open = "open",
    }
}

/// Every way from one state to another: from, because of, to.
pub const TRANSITIONS: &[(State, Cause, State)] = {
    use Cause::*;
    use State::*;
    &[
        (Initializing, Ready, Active),
        (Initializing, ReadyPaused, Paused),
        (Initializing, ReadyClosing, Closing),
        (Initializing, ReadyClosed, Closed),
        (Initializing, Unfit, Suspended),
        (Initializing, Restart, Initializing),
        (Initializing, Recover, Initializing),
        (Initializing, Failure, Error),
        (Active, Open, Initializing),
        (Active, Pause, Paused),
        (Active, Stale, Suspended),
        (Active, Unfit, Suspended),
        (Active, Stop, Closing),
        (Active, Kill, Closed),
        (Active, Restart, Initializing),
        (Active, Recover, Initializing),
        (Active, Failure, Error),
        (Paused, Open, Initializing),
        (Paused, Resume, Active),
        (Paused, Stale, Suspended),
        (Paused, Unfit, Suspended),
        (Paused, Stop, Closing),
        (Paused, Kill, Closed),
        (Paused, Restart, Initializing),
        (Paused, Recover, Initializing),
        (Paused, Failure, Error),
        (Suspended, Open, Initializing),
        (Suspended, Pause, Suspended),
        (Suspended, Resume, Suspended),
        (Suspended, Fit, Active),
        (Suspended, FitPaused, Paused),
        (Suspended, Stop, Closing),
        (Suspended, Kill, Closed),
        (Suspended, Restart, Initializing),
        (Suspended, Recover, Initializing),
        (Suspended, Failure, Error),
        (Closing, Open, Initializing),
        (Closing, Flat, Closed),
        (Closing, Kill, Closed),
        (Closing, Restart, Initializing),
        (Closing, Recover, Initializing),
        (Closing, Failure, Error),
        (Closed, Restart, Initializing),
        (Closed, Recover, Initializing),
        (Error, Open, Initializing),
        (Error, Kill, Closed),
        (Error, Restart, Initializing),
        (Error, Recover, Initializing),
    ]
};

/// That a state does not lead anywhere for a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{cause}` is not possible while the account is {being}; {remedy}", being = from.being(), remedy = remedy(*from, *cause))]
pub struct Impossible {
    /// The state.
    pub from: State,
    /// What was to happen.
    pub cause: Cause,
}

fn remedy(from: State, cause: Cause) -> String {
    match (from, cause) {
        (State::Paused, Cause::Pause) => "it is paused already".to_owned(),
        (State::Active, Cause::Resume) => "it is not paused".to_owned(),
        (State::Initializing, _) => "the next run opens it".to_owned(),
        (State::Closing, Cause::Stop) => "it is stopped already".to_owned(),
        (State::Closed, _) => "`papertape paper restart` begins a new one".to_owned(),
        _ => {
            let commands = leaving(from).map(|(cause, _)| cause).filter(|it| it.is_command());
            let causes: Vec<&str> = commands.map(Cause::word).collect();
            let causes = format!("it can be told {}", causes.join(", "));
            match from {
                State::Error => format!("{}; {causes}", from.instead_of_orders()),
                _ => causes,
            }
        }
    }
}

fn leaving(from: State) -> impl Iterator<Item = (Cause, State)> {
    TRANSITIONS.iter().filter(move |(state, ..)| *state == from).map(|&(_, cause, to)| (cause, to))
}

impl Cause {
    /// Whether a person can cause it by a command.
    pub fn is_command(self) -> bool {
        matches!(self, Self::Pause | Self::Resume | Self::Stop | Self::Kill | Self::Restart)
    }
}

impl State {
    /// What the account is, within a sentence.
    pub(super) fn being(self) -> &'static str {
        if self == Self::Error { "in error" } else { self.word() }
    }

    /// The state that `cause` leads to.
    pub fn after(self, cause: Cause) -> Result<Self, Impossible> {
        let found = leaving(self).find(|(known, _)| *known == cause);
        found.map(|(_, to)| to).ok_or(Impossible { from: self, cause })
    }

    /// Whether nothing comes after it.
    pub fn is_over(self) -> bool {
        self == Self::Closed
    }

    /// The causes that lead to `to`, one after the other; none if nothing does.
    pub fn way(self, to: Self) -> Vec<(Cause, Self)> {
        let direct = leaving(self).find(|(_, next)| *next == to);
        let over = || {
            let steps = leaving(self).filter(|(_, between)| *between == Self::Closing);
            let further = |step: (Cause, Self)| {
                let rest = leaving(Self::Closing).find(|(_, next)| *next == to)?;
                Some(vec![step, rest])
            };
            steps.filter_map(further).next().unwrap_or_default()
        };
        // Killed is what was not stopped before, and stopped is what ends by itself.
        match direct {
            Some((Cause::Kill, _)) | None => over(),
            Some(step) => vec![step],
        }
    }

    /// Whether orders may be changed by hand: positions closed, orders cancelled or approved, settings
    /// adjusted.
    pub fn takes_orders(self) -> bool {
        matches!(self, Self::Active | Self::Paused | Self::Suspended)
    }

    /// What is said where they may not.
    pub fn instead_of_orders(self) -> &'static str {
        match self {
            Self::Initializing => "the next run opens it",
            Self::Error => "once what is wrong with it is mended the next run opens it again",
            _ => "it takes no orders any more",
        }
    }
}

/// The states and the transitions as a section of documentation.
pub fn markdown() -> String {
    let mut text = String::from("| state | meaning |\n| --- | --- |\n");
    for state in State::ALL {
        text.push_str(&format!("| `{state}` | {} |\n", state.about()));
    }
    text.push_str("\n| from | because of | to |\n| --- | --- | --- |\n");
    for (from, cause, to) in TRANSITIONS {
        text.push_str(&format!("| `{from}` | `{cause}` | `{to}` |\n"));
    }
    text.push_str("\n| cause | meaning |\n| --- | --- |\n");
    for cause in Cause::ALL {
        text.push_str(&format!("| `{cause}` | {} |\n", cause.about()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_and_a_cause_lead_to_one_state() {
        for (number, (from, cause, _)) in TRANSITIONS.iter().enumerate() {
            let others = &TRANSITIONS[number + 1..];
            assert!(others.iter().all(|(state, other, _)| (state, other) != (from, cause)));
        }
    }

    #[test]
    fn the_documentation_has_the_table() {
        let page = std::fs::read_to_string("docs/follow.md").unwrap();
        assert!(page.contains(&markdown()), "docs/follow.md should hold\n{}", markdown());
    }

    #[test]
    fn every_state_is_reached_and_every_cause_does_something() {
        for state in State::ALL {
            assert!(TRANSITIONS.iter().any(|(_, _, to)| to == state), "{state}");
            assert!(leaving(*state).next().is_some(), "{state}");
        }
        for cause in Cause::ALL {
            assert!(TRANSITIONS.iter().any(|(_, known, _)| known == cause), "{cause}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_whatever_it_is() {
        let mut refused = 0;
        for (&from, &cause) in
            State::ALL.iter().flat_map(|it| Cause::ALL.iter().map(move |c| (it, c)))
        {
            let known =
                TRANSITIONS.iter().find(|(state, known, _)| (state, known) == (&from, &cause));
            match (known, from.after(cause)) {
                (Some((_, _, to)), found) => assert_eq!(found, Ok(*to)),
                (None, Ok(to)) => panic!("{from} leads to {to} because of {cause}"),
                (None, Err(impossible)) => {
                    let told = impossible.to_string();
                    assert!(
                        told.starts_with(&format!("`{cause}` is not possible while")),
                        "{told}"
                    );
                    assert!(!told.ends_with("; ") && !told.ends_with("told "), "{told}");
                    refused += 1;
                }
            }
        }
        assert_eq!(refused + TRANSITIONS.len(), State::ALL.len() * Cause::ALL.len());
    }

    #[test]
    fn what_is_impossible_is_refused_with_a_remedy() {
        let told = |state: State, cause| state.after(cause).unwrap_err().to_string();
        assert_eq!(
            told(State::Paused, Cause::Pause),
            "`pause` is not possible while the account is paused; it is paused already"
        );
        assert_eq!(
            told(State::Closed, Cause::Stop),
            "`stop` is not possible while the account is closed; `papertape paper restart` begins a new one"
        );
        assert_eq!(
            told(State::Closing, Cause::Pause),
            "`pause` is not possible while the account is closing; it can be told kill, restart"
        );
        assert_eq!(State::Active.after(Cause::Pause), Ok(State::Paused));
    }
}
