//! papertape from the outside: the built binary in projects of its own, one module a promise.

mod project;

mod architecture;
mod bench;
mod browser;
mod bytes;
mod cache;
mod check;
mod data;
mod events;
mod examples;
mod execution;
mod exit_codes;
mod explain;
mod failures;
mod follow;
mod golden;
mod hooks;
mod keys;
mod killed;
mod lint;
mod mistakes;
mod mutations;
mod oracles;
mod peers;
mod plot;
mod prune;
mod registry;
mod reports;
mod selection;
mod signals;
mod split;
mod streams;
mod symbols;
mod turns;
mod users;
