//! What its owner tells an account between two bars.
//!
//! A command takes effect after the close of a bar, when everything that the bar decided is done; so
//! an account that is walked over again with the same commands does the same. A backtest has none.

/// Something that an account is told to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Enter nothing more; what is held is left by its rules and stops.
    Pause,
    /// Enter again.
    Resume,
    /// Close what is held at the next open, and enter nothing any more.
    Stop,
    /// Do nothing any more; what is held stays.
    Kill,
    /// Close what is held at the next open.
    CloseAll,
    /// Take back every order that waits.
    CancelOrders,
    /// Multiply the size of every later entry.
    Size {
        /// By what; above 0.
        factor: f64,
    },
    /// Bring stops nearer: those of what is held to the last close, those of later entries to their
    /// price.
    Tighten {
        /// By this fraction of their distance, above 0 and below 1.
        fraction: f64,
    },
    /// Enter a symbol no more, or again.
    Trade {
        /// The symbol's place in the session.
        symbol: usize,
        /// Whether it may be entered.
        allowed: bool,
    },
}
