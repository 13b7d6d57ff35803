//! `papertape paper recover`: an account goes back to a checkpoint, or on in spite of one.

use super::command::{this_process, who};
use super::which;
use crate::cli::context::{Context, Usage};
use crate::cli::exit::Exit;
use crate::cli::finding::store_with;
use crate::cli::output::{Cell, Format, Kind, Records};
use crate::engine::ENGINE;
use crate::paper::recover::{Place, Undone, Which, places};
use crate::paper::{Account, Refused};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::io::{IsTerminal, Write};

/// List the checkpoints of an account, go back to one, or go on in spite of the last one
///
/// Without an option the checkpoints are listed, each with whether the account can go back to it: its
/// bars and commands up to there must be what they were. Going back shows first what would be undone.
/// Nothing is deleted: what is undone is kept in `undone/` in the account's directory, and the journal
/// says so. The next run takes the bars of the source again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper recover btc-paper
  papertape paper recover btc-paper --to 12
  papertape paper recover btc-paper --to 2026-11-20 --yes
  papertape paper recover btc-paper --accept")]
pub(super) struct Recover {
    /// The name of its session [default: the only account there is]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// Go back to this checkpoint: its number, `latest`, or the last one until a day (in UTC) or instant
    #[arg(long, value_name = "WHICH", value_parser = Which::parse)]
    to: Option<Which>,
    /// Go back without being asked
    #[arg(long, requires = "to")]
    yes: bool,
    /// Go on as the account is now, though its last checkpoint says otherwise: after a new version of
    /// the engine, or a file that was repaired by hand
    #[arg(long, conflicts_with = "to")]
    accept: bool,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Recover {
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let store = store_with(self.session.as_deref(), context);
        let name = which(&store, self.session.as_deref())?.map_err(Usage)?;
        if let Some(which) = self.to {
            let account = Account::open(&store, &name, &this_process())?;
            return self.go_back(account, which, context);
        }
        if self.accept {
            let account = Account::open(&store, &name, &this_process())?;
            return self.go_on(account, context);
        }
        let reader = store.account(&name);
        let history = crate::paper::History::read(&reader)?;
        if let Some(fact) = history.wrong() {
            context.warn(format!("{name}: {fact}"));
        }
        list(&places(&reader, &history)?).print(self.format)
    }

    fn go_on(&self, account: Account, context: &Context) -> Result<Exit> {
        let name = account.name().to_owned();
        let (lost_bars, is_asked) = (account.lost_bars(), !account.unapproved().is_empty());
        standing(&account).print(self.format)?;
        if let Some(fact) = account.differs() {
            context.say(&format!("{name}: {fact}"));
        }
        let aside = match account.accept(&who(), &stamp_now()) {
            Ok(aside) => aside,
            Err(Refused::Store(error)) => return Err(error.into()),
            Err(refused) => return Err(Usage(format!("{name}: {refused}")).into()),
        };
        if let Some(aside) = &aside {
            context.say(&format!("{name}: what is left of its own bars is kept in {aside}"));
        }
        context.say(&match lost_bars {
            true => format!(
                "{name}: the next run takes the bars from their source again, and goes on if it has them all"
            ),
            false => format!(
                "{name}: the next run goes on with what the account is then, whatever the checkpoint says"
            ),
        });
        if is_asked {
            context.say(&format!(
                "{name}: the orders that wait for approval may have other numbers then; approve what `papertape paper status` shows after it"
            ));
        }
        Ok(Exit::Success)
    }

    fn go_back(&self, account: Account, which: Which, context: &Context) -> Result<Exit> {
        let name = account.name().to_owned();
        let reader = account.directory().reader();
        let places = places(reader, &account)?;
        let wrong = |fact: String| Usage(format!("{name}: {fact}"));
        let undone = Undone::by(which.of(&places).map_err(wrong)?, reader, &account)?;
        plan(&undone).print(self.format)?;
        let number = undone.checkpoint.number;
        if !self.yes && !asked(&format!("{name}: go back to checkpoint {number}?")) {
            context.say(&format!("{name}: nothing was done; `--yes` goes back"));
            return Ok(Exit::Success);
        }
        let aside = account.go_back(&undone, &who(), &stamp_now())?;
        context.say(&format!(
            "{name}: is at checkpoint {number}; what came after it is kept in {aside}"
        ));
        Ok(Exit::Success)
    }
}

/// Whether somebody who is asked `question` on a terminal says yes; nobody is asked elsewhere.
fn asked(question: &str) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// The name of a directory for what is kept aside now.
fn stamp_now() -> String {
    Utc::now().format("%Y%m%dT%H%M%S%.3fZ").to_string()
}

/// Where the account stood at its last checkpoint, as far as that can be read, and what its files say now.
fn standing(account: &Account) -> Records {
    let mut records = Records::new([
        ("standing", Kind::Text),
        ("bars", Kind::Count),
        ("last_bar", Kind::Time),
        ("commands", Kind::Count),
        ("engine", Kind::Text),
    ]);
    let known = account.checkpoint();
    let number = account.last_checkpoint();
    records.push(vec![
        format!("checkpoint {number}").as_str().into(),
        Cell::from(known.map(|it| it.bars)),
        Cell::from(known.and_then(|it| it.last)),
        Cell::from(known.map(|it| it.commands)),
        Cell::from(known.map(|it| it.engine.to_string())),
    ]);
    let bars: usize = account.bars().iter().map(|bars| bars.len()).sum();
    records.push(vec![
        "now".into(),
        bars.into(),
        Cell::from(account.last_bar().and_then(DateTime::from_timestamp_micros)),
        account.instructions().len().into(),
        ENGINE.to_string().as_str().into(),
    ]);
    records
}

fn list(places: &[Place]) -> Records {
    let mut records = Records::new([
        ("checkpoint", Kind::Text),
        ("made", Kind::Time),
        ("last_bar", Kind::Time),
        ("bars", Kind::Count),
        ("commands", Kind::Count),
        ("fills", Kind::Count),
        ("equity", Kind::Money),
        ("engine", Kind::Text),
        ("can_go_back", Kind::Text),
    ]);
    for Place { number, checkpoint, unfit } in places.iter().rev() {
        let fits = unfit.as_ref().map_or_else(|| "yes".to_owned(), |fact| format!("no: {fact}"));
        let of = checkpoint.as_ref();
        records.push(vec![
            number.to_string().as_str().into(),
            Cell::from(of.map(|it| it.made)),
            Cell::from(of.and_then(|it| it.last)),
            Cell::from(of.map(|it| it.bars)),
            Cell::from(of.map(|it| it.commands)),
            Cell::from(of.map(|it| it.fills)),
            Cell::from(of.map(|it| it.equity)),
            Cell::from(of.map(|it| it.engine.to_string())),
            fits.as_str().into(),
        ]);
    }
    records
}

/// What would be undone: a line for each symbol and command, and for what is counted alone.
fn plan(undone: &Undone) -> Records {
    let mut records = Records::new([
        ("undone", Kind::Text),
        ("count", Kind::Count),
        ("from", Kind::Time),
        ("to", Kind::Time),
        ("what", Kind::Text),
    ]);
    let time = |micros: i64| Cell::from(DateTime::from_timestamp_micros(micros));
    for (symbol, count, first, last) in &undone.bars {
        let what = symbol.as_str().into();
        records.push(vec!["bars".into(), (*count).into(), time(*first), time(*last), what]);
    }
    for given in &undone.commands {
        let what = format!("{}, by {}", given.command, given.by);
        let at = || Cell::from(given.at);
        records.push(vec!["command".into(), 1_u32.into(), at(), at(), what.as_str().into()]);
    }
    let numbers: Vec<String> = undone.checkpoints.iter().map(u64::to_string).collect();
    for (name, count, what) in [
        ("fills", undone.fills, ""),
        ("orders", undone.orders, ""),
        ("events", undone.events, "they stay in the journal"),
        ("checkpoints", undone.checkpoints.len(), &numbers.join(", ")),
    ] {
        let none = || Cell::Absent;
        records.push(vec![name.into(), count.into(), none(), none(), what.into()]);
    }
    records
}
