//! Paper accounts: the same engine on bars as they arrive, with an account that outlives the process.
//!
//! An account is a function of the bars that it has seen and of the commands that it was given. Its
//! directory holds both; everything else, from its fills to its metrics, is one walk over them, the
//! one that a backtest is. So an advance walks over all its bars again, compares what comes of it with
//! what was told before, and tells what is new: an account that is fed in any number of pieces, or
//! killed at any moment, is the same account. Walking over a hundred thousand bars again takes
//! milliseconds; keeping a state and hoping that it is the right one would cost more.
//!
//! [`history::History`] reads it, [`account::Account`] adds to it. [`night::Night`] moves every paper account of a plan forward by the bars that are new.

pub mod account;
pub mod checkpoint;
pub mod clock;
pub mod command;
pub mod follow;
pub mod history;
pub mod life;
pub mod night;
pub mod obey;
pub mod recover;
pub mod replay;
pub mod take;
pub mod terms;

mod stale;
mod state;
mod tell;
mod thin;
mod views;

pub use account::{Account, Refused, Settled};
pub use checkpoint::Checkpoint;
pub use clock::Clock;
pub use command::Command;
pub use follow::Follower;
pub use history::{Given, History};
pub use life::State;
pub use night::Night;
pub use terms::Terms;
pub use views::{EQUITY, equity_csv};
