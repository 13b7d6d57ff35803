//! `papertape paper`: the accounts of paper sessions, followed, shown and commanded.

mod command;
mod follow;
mod reconcile;
mod recover;
mod screen;
mod show;
mod spool;
mod status;

use super::context::Context;
use super::exit::Exit;
use crate::manifest::project::shown;
use crate::store::{Store, StoreError};
use anyhow::Result;

/// Follow paper accounts, show them, and tell them what to do
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper follow sessions/nightly.toml --session btc-paper
  papertape paper status --watch
  papertape paper pause btc-paper")]
pub(super) struct Paper {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Status(status::Status),
    Follow(follow::Follow),
    /// Enter nothing more; what is held is left by its rules and stops
    Pause(command::Account),
    /// Enter again after a pause
    Resume(command::Account),
    /// Close what is held at the next open; then the account is closed
    Stop(command::Account),
    /// Close the account at once, and leave what it holds
    Kill(command::Account),
    /// Put the account aside under a dated name, and begin a new one: at once if it is followed, else
    /// with the next run
    Restart(command::Account),
    /// Close what is held at the next open, and go on
    CloseAll(command::Account),
    /// Take back every order that waits
    CancelOrders(command::Account),
    Adjust(command::Adjust),
    Recover(recover::Recover),
    /// Let orders go that wait for approval; each is filled at the next open, or rests from there on
    Approve(command::Orders),
    /// Refuse orders that wait for approval
    Refuse(command::Orders),
    Reconcile(reconcile::Reconcile),
}

impl Paper {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        use crate::paper::Command as To;
        match self.command {
            Command::Status(status) => status.run(context),
            Command::Follow(follow) => follow.run(context),
            Command::Pause(account) => account.tell(To::Pause, context),
            Command::Resume(account) => account.tell(To::Resume, context),
            Command::Stop(account) => account.tell(To::Stop, context),
            Command::Kill(account) => account.tell(To::Kill, context),
            Command::Restart(account) => account.restart(context),
            Command::CloseAll(account) => account.tell(To::CloseAll, context),
            Command::CancelOrders(account) => account.tell(To::CancelOrders, context),
            Command::Adjust(adjust) => adjust.run(context),
            Command::Recover(recover) => recover.run(context),
            Command::Approve(orders) => orders.tell(|order| To::Approve { order }, context),
            Command::Refuse(orders) => orders.tell(|order| To::Refuse { order }, context),
            Command::Reconcile(reconcile) => reconcile.run(context),
        }
    }
}

/// The name of the account that `named` means for whoever only looks at it: it may have been put aside.
fn which_to_see(store: &Store, named: Option<&str>) -> Result<Result<String, String>, StoreError> {
    match named {
        Some(name) if store.accounts_aside()?.iter().any(|aside| aside == name) => {
            Ok(Ok(name.to_owned()))
        }
        named => which(store, named),
    }
}

/// The name of the account that `named` means: the only one, if none is named. `Err` is what to say.
fn which(store: &Store, named: Option<&str>) -> Result<Result<String, String>, StoreError> {
    let (known, aside) = (store.accounts()?, store.accounts_aside()?);
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    if let Some(name) = named.filter(|name| aside.iter().any(|aside| aside == name)) {
        return Ok(Err(format!(
            "`{name}` was put aside and is only looked at, by `papertape events`, `papertape paper status` and `papertape paper reconcile`"
        )));
    }
    let aside = match &aside[..] {
        [] => String::new(),
        aside => format!("; put aside: {}", aside.join(", ")),
    };
    Ok(match (named, &names[..]) {
        (Some(name), _) if names.contains(&name) => Ok(name.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (_, []) => Err(format!(
            "there is no paper account yet in {}; `papertape run` opens one for each session with `mode = \"paper\"`, and `--output DIRECTORY` looks elsewhere{aside}",
            shown(store.path())
        )),
        (Some(name), _) => Err(match crate::diag::closest(name, &names) {
            Some(near) => format!("there is no account `{name}`; did you mean `{near}`?"),
            None => format!("there is no account `{name}`; there are {}", names.join(", ")),
        }),
        (None, _) => Err(format!("name an account; there are {}", names.join(", "))),
    })
}
