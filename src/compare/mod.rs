//! Two results side by side: what differs, why, and whether that is allowed.
//!
//! A [`Snapshot`] is everything of one result that can be compared; a [`Baseline`] is one that was
//! accepted. [`causes`](fn@causes) names the components of the identity that moved, with the key, rule or price;
//! [`story`](fn@story) finds the first bar at which two results differ and what decided it; [`judge`] holds
//! the differences against the gates of the manifest. This room computes and returns facts; the
//! report room and the command line write them down.

pub mod baseline;
pub mod cause;
pub mod check;
pub mod noise;
pub mod reconcile;
pub mod sheet;
pub mod snapshot;
pub mod story;
pub mod table;
pub mod verdict;

pub use baseline::{Accepted, Baseline, Baselines, Lack, Source};
pub use cause::{Cause, causes};
pub use check::{Checked, Checks, Standing};
pub use reconcile::{Against, Reconciled, Shown, Wanted};
pub use sheet::Sheet;
pub use snapshot::{Snapshot, Span};
pub use story::{Story, story};
pub use verdict::{Finding, Level, Verdict, judge};
