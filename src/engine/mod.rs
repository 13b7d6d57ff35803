//! What happens to an account while the bars go by.
//!
//! [`walk::Walk`] is the one walk over the bars; it serves backtests, sweeps, paper accounts and
//! checks. It reads a [`Frame`] (all symbols on one time axis) and the rules as bit masks, jumps from
//! event to event, and leaves an [`Outcome`]: fills, trades, and the stretches between events during
//! which the position did not change. Equity is never accumulated: on every bar it is
//! `cash + sum(units * close)` of the stretch that covers it.

pub mod command;
pub mod cost;
pub mod frame;
pub mod model;
pub mod order;
pub mod outcome;
pub mod settings;
pub mod trade;
pub mod trail;
pub mod waiting;
pub mod walk;

mod cash;
#[cfg(test)]
mod command_tests;
mod dates;
mod decide;
mod fill;
mod guard;
#[cfg(test)]
mod guard_tests;
mod inside;
#[cfg(test)]
mod inside_tests;
mod ledger;
#[cfg(test)]
mod leg_tests;
mod legs;
mod moving;
#[cfg(test)]
mod properties;
mod protect;
mod reading;
mod rest;
mod scene;
mod sizing;
mod standing;
mod straight;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod volume_tests;
mod weigh;
#[cfg(test)]
mod weigh_tests;
#[cfg(test)]
mod worlds;

pub use command::{Command, Hand};
pub use cost::{Commission, Costs, Slippage};
pub use frame::{Aligned, Day, Detail, Frame};
pub use model::{Axes, Model};
pub use order::{Cause, Intent, Order, OrderStatus, Reason};
pub use outcome::{Booking, Outcome, Stretch};
pub use settings::{Risk, Settings, Sizing};
pub use standing::Change;
pub use trade::{ClosedBy, Fill, Moment, Side, Trade};
pub use waiting::Waiting;
pub use walk::Walk;

/// The version of everything that can change a number. It is part of every identity and is raised
/// with the change, so that no result computed before it is taken for one computed after.
pub const ENGINE: u32 = 11;
