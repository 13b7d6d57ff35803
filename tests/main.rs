//! papertape from the outside.

mod architecture;
mod mutations;
