//! `papertape paper reconcile`: an account held against a backtest over the same window.

use super::which_to_see;
use crate::cli::context::{Context, Usage};
use crate::cli::exit::Exit;
use crate::cli::finding::store_with;
use crate::cli::output::{Cell, Facts, Format, Kind, Records};
use crate::cli::planning::{Planned, Planning};
use crate::compare::reconcile::reconcile;
use crate::compare::{Against, Reconciled, Sheet, Shown, Snapshot, Wanted};
use crate::diag::counted;
use crate::manifest::Mode;
use crate::metrics::Metric;
use crate::paper::History;
use crate::store::{ACCOUNT_FILE, AccountReader, Store, create_directories, write};
use anyhow::Result;
use serde_json::Value;
use std::path::PathBuf;

/// Compare an account with a backtest over the same window, trade by trade
///
/// The backtest runs over the source as it is now with the manifest as it is now, and is told what the
/// account was told, when it was told. The first difference is shown with what explains it: a revised bar,
/// a rule or setting that changed, another engine, and with `--without-commands` a command. Nothing is
/// stored, and the account may be followed meanwhile. The exit code is 0 if every order, fill and day is
/// the same, and 1 if not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper reconcile btc-paper
  papertape paper reconcile btc-paper sessions/nightly.toml --format json
  papertape paper reconcile btc-paper --own-bars --out backtest
  papertape paper reconcile btc-paper --without-commands")]
pub(super) struct Reconcile {
    /// The name of its session [default: the only account there is]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// The manifest that declares it [default: the one that it was run with last]
    #[arg(value_name = "MANIFEST")]
    manifest: Option<PathBuf>,
    /// Run the backtest over the bars that the account has seen, instead of the source
    #[arg(long)]
    own_bars: bool,
    /// Tell the backtest nothing: what would the account be without its commands?
    #[arg(long)]
    without_commands: bool,
    /// Write the files of the backtest into this directory: trades.csv, equity.csv, result.json and others
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
    /// Lay this profile of the manifest over the session
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Set a key of the session, as it is run; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The view of the account's trades.
const TRADES: &str = "trades.csv";

impl Reconcile {
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let store = store_with(self.session.as_deref(), context);
        let name = which_to_see(&store, self.session.as_deref())?.map_err(Usage)?;
        let (reader, session) = (store.account(&name), Store::session_of(&name));
        let manifest = match self.manifest {
            Some(manifest) => manifest,
            None => manifest(&reader, context)?.unwrap_or_else(|| PathBuf::from(session)),
        };
        let mut planning = Planning::of(manifest, self.set, vec![session.to_owned()]);
        planning.profile = self.profile;
        planning.find_sessions(context)?;
        let planned = match planning.plan(context)? {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        let Planned { plan, mut prepared, .. } = planned;
        let index = plan.points.iter().position(|point| {
            let base = plan.base(point);
            base.session.name == session && base.session.mode == Mode::Paper
        });
        let Some(index) = index else {
            let fact = format!("`{session}` is no session with `mode = \"paper\"` there any more");
            return Err(Usage(fact).into());
        };
        let history = History::read(&reader)?;
        let shown = shown(&reader)?;
        let wanted = Wanted {
            bars: if self.own_bars { Against::OwnBars } else { Against::Source },
            obeys: !self.without_commands,
            files: self.out.is_some(),
        };
        let (plan, prepared) = (&plan, &mut prepared);
        let reconciled = match history.wrong() {
            Some(fact) => Err(fact),
            None => reconcile(plan, prepared, index, &history, &shown, wanted),
        };
        let reconciled = match reconciled {
            Ok(reconciled) => reconciled,
            Err(fact) => {
                context.complain(&format!("{name}: {fact}"));
                return Ok(Exit::Failed);
            }
        };
        reconciled.notes.iter().for_each(|note| context.warn(format!("{name}: {note}")));
        if let Some(directory) = &self.out {
            create_directories(directory)?;
            for (file, bytes) in &reconciled.files {
                write(&directory.join(file), bytes)?;
            }
        }
        facts(&name, &reconciled, wanted).print(self.format)?;
        let story = reconciled.story.as_ref();
        let told = match (wanted.obeys, reconciled.commands) {
            (true, 1..) => format!(" with its {}", counted(reconciled.commands, "command")),
            _ => String::new(),
        };
        context.say(&match story {
            None => format!("{name}: every order, fill and day is that of the backtest{told}"),
            Some(story) => {
                let why = reconciled.causes.first().map_or_else(String::new, |it| it.text());
                let sentence = &story.sentence;
                format!("{name}: differs from the backtest: {sentence}; because of {why}")
            }
        });
        Ok(if story.is_none() { Exit::Success } else { Exit::Gate })
    }
}

/// The view that tells how the account is; null if there is none.
pub(super) fn how(reader: &AccountReader) -> Result<Value> {
    let view = reader.view(ACCOUNT_FILE)?.unwrap_or_default();
    Ok(serde_json::from_slice(&view).unwrap_or_default())
}

/// What the views of the account show.
fn shown(reader: &AccountReader) -> Result<Shown> {
    let (how, trades) = (how(reader)?, reader.view(TRADES)?);
    Ok(Shown {
        trades: trades.and_then(|bytes| Sheet::parse(&String::from_utf8_lossy(&bytes)).ok()),
        bars: how["bars"].as_u64().unwrap_or_default(),
        commands: how["commands"].as_u64().unwrap_or_default() as usize,
    })
}

/// The manifest with which the account was run last; `None` if it is not known, or not there any more.
pub(super) fn manifest(reader: &AccountReader, context: &Context) -> Result<Option<PathBuf>> {
    let view = how(reader)?;
    let path = view["manifest"].as_str().map(PathBuf::from);
    // It was written as it is seen from where that run began.
    let places = path.map(|path| [context.project().root.join(&path), path]);
    Ok(places.and_then(|places| places.into_iter().rev().find(|path| path.exists())))
}

fn facts(name: &str, reconciled: &Reconciled, wanted: Wanted) -> Facts {
    let Reconciled { account, backtest, story, causes, .. } = reconciled;
    let trades = |sheet: &Option<Sheet>| sheet.as_ref().map(|sheet| sheet.rows.len());
    let equity = |it: &Snapshot| it.metrics.get(&Metric::FinalEquity).copied().flatten();
    let part = story.as_ref();
    let facts = Facts::default()
        .with("session", Kind::Text, name)
        .with("same", Kind::Text, story.is_none())
        .with(
            "against",
            Kind::Text,
            match wanted.bars {
                Against::Source => "source",
                Against::OwnBars => "own bars",
            },
        )
        .with("commands_obeyed", Kind::Count, if wanted.obeys { reconciled.commands } else { 0 })
        .with("from", Kind::Text, account.range.from.to_string())
        .with("to", Kind::Text, account.range.to.to_string())
        .with("bars", Kind::Count, account.range.bars)
        .with("account_trades", Kind::Count, trades(&account.trades))
        .with("backtest_trades", Kind::Count, trades(&backtest.trades))
        .with("account_equity", Kind::Number, equity(account))
        .with("backtest_equity", Kind::Number, equity(backtest))
        .with("at", Kind::Text, part.map(|story| story.at.as_str()))
        .with("link", Kind::Text, part.map(|story| story.link))
        .with("symbol", Kind::Text, part.and_then(|story| story.symbol.as_deref()))
        .with("difference", Kind::Text, part.map(|story| story.sentence.as_str()));
    let mut reasons = Records::new([("because_of", Kind::Text), ("what", Kind::Text)]);
    for cause in causes {
        let text = cause.text();
        let what = text.split_once(": ").map_or("", |(_, what)| what);
        reasons.push(vec![cause.component.into(), what.into()]);
    }
    let mut facts = match causes.is_empty() {
        true => facts,
        false => facts.part("causes", reasons),
    };
    let Some(story) = story else { return facts };
    let columns = [("field", Kind::Text), ("account", Kind::Text), ("backtest", Kind::Text)];
    let mut fields = Records::new(columns);
    for field in &story.fields {
        let value = |side: &Option<String>| Cell::from(side.clone());
        fields.push(vec![field.name.as_str().into(), value(&field.before), value(&field.after)]);
    }
    facts = facts.part("fields", fields);
    let Some(trades) = &story.trades else { return facts };
    for (name, rows) in [("account", &trades.before), ("backtest", &trades.after)] {
        let columns: Vec<(String, Kind)> =
            trades.columns.iter().map(|column| (column.clone(), Kind::Text)).collect();
        let mut records = Records::new(columns);
        for row in rows {
            records.push(row.iter().map(Cell::from).collect());
        }
        facts = facts.part(&format!("trades_of_the_{name}"), records);
    }
    facts
}
