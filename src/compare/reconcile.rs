//! A paper account held against a backtest over the same window, trade by trade, and what explains the
//! first difference.
//!
//! The backtest obeys the commands of the account's journal, each after the bar after which it was given,
//! or none of them. Whatever can make the two differ is put back alone: the manifest as it is now, the bars
//! as the source has them now, no commands. Where an account with one of these parts from the account as it
//! is at the very place at which the backtest does, that is why.

use super::cause::{Cause, Moved, causes, unexplained};
use super::sheet::Sheet;
use super::snapshot::Snapshot;
use super::story::{Sides, Story, story_of};
use crate::bars::Bars;
use crate::batch::{self, Done, kept::Kept, kept::stamp};
use crate::engine::ENGINE;
use crate::expr::Scalar;
use crate::metrics::Metric;
use crate::paper::{EQUITY, History, equity_csv, take};
use crate::plan::{Instruction, Plan, Prepared};
use std::sync::Arc;

/// Which bars the backtest runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Those that the source of the manifest has now.
    Source,
    /// Those that the account has seen.
    OwnBars,
}

/// What an account is held against.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Which bars the backtest runs on.
    pub bars: Against,
    /// Whether it obeys the commands of the account.
    pub obeys: bool,
    /// Whether its files are wanted.
    pub files: bool,
}

/// What the views of an account show.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Its trades; `None` where they are not there.
    pub trades: Option<Sheet>,
    /// How many bars it had walked over when they were written.
    pub bars: u64,
    /// How many commands it had been given then.
    pub commands: usize,
}

/// A file by its name.
pub type File = (&'static str, Vec<u8>);

/// An account beside a backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// The account.
    pub account: Snapshot,
    /// The backtest.
    pub backtest: Snapshot,
    /// Where they part; `None` if every order, fill and day is the same.
    pub story: Option<Story>,
    /// Why, what explains the first difference first; without one, what is other and changes nothing.
    pub causes: Vec<Cause>,
    /// What a reader should know about the comparison.
    pub notes: Vec<String>,
    /// How many commands the account was given.
    pub commands: usize,
    /// The files of the backtest, if they are wanted: those of a session that a run keeps, and the view
    /// `equity.csv` of an account.
    pub files: Vec<File>,
}

/// What one session comes to, given what.
struct Bench<'a> {
    plan: &'a Plan,
    prepared: &'a mut Prepared,
    index: usize,
    history: &'a History,
}

/// What an account is walked over with.
#[derive(Clone)]
struct Given {
    params: Vec<Scalar>,
    bars: Vec<Bars>,
    /// What it was told; `None` for a backtest of the manifest alone, whose orders nobody has to approve.
    told: Option<Vec<Instruction>>,
}

impl Bench<'_> {
    /// What `look` finds in what comes of it.
    fn see<T>(
        &mut self,
        given: Given,
        look: impl FnOnce(&Kept<'_>, &Done) -> Option<T>,
    ) -> Result<T, String> {
        let base = self.plan.base(&self.plan.points[self.index]);
        let mut session = self.history.session(base)?;
        session.params = given.params;
        session.paper.approval &= given.told.is_some();
        let data = self.history.data(&session, given.bars, self.prepared)?;
        let told = given.told.unwrap_or_default();
        self.prepared.put(self.index, session, Arc::new(data), &told)?;
        let job = self.prepared.jobs.iter().find(|job| job.index == self.index);
        let job = job.ok_or("the session is not planned")?;
        let done = batch::alone(self.plan, self.prepared, job, true)
            .result
            .map_err(|failure| failure.error)?;
        let kept = Kept::of(self.plan, self.prepared, job, &done);
        let seen = kept.as_ref().and_then(|kept| look(kept, &done));
        seen.ok_or_else(|| "the account has seen no bar of its range yet".to_owned())
    }

    /// What comes of it, and what of its history is not what the last checkpoint says.
    fn walk(&mut self, given: Given) -> Result<(Snapshot, Option<String>), String> {
        let history = self.history;
        self.see(given, |kept, done| {
            let Kept { plan, prepared, job, .. } = *kept;
            let snapshot = Snapshot::computed(plan, prepared, job, done)?;
            Some((snapshot, history.differs_from_checkpoint(kept)))
        })
    }

    /// The files of what comes of it.
    fn files(&mut self, given: Given) -> Result<Vec<File>, String> {
        self.see(given, |kept, _| {
            let equity = (EQUITY, equity_csv(kept));
            Some(kept.files().into_iter().chain([equity]).collect())
        })
    }
}

/// Hold the account of session number `index` of a plan, whose files tell `history` and whose views have
/// `shown` it, against a backtest.
pub fn reconcile(
    plan: &Plan,
    prepared: &mut Prepared,
    index: usize,
    history: &History,
    shown: &Shown,
    wanted: Wanted,
) -> Result<Reconciled, String> {
    let base = plan.base(&plan.points[index]);
    let terms = history.terms().ok_or("the account is not open yet")?;
    let source = prepared.source(&base.session.data).map_err(str::to_owned).cloned();
    let (own, told) = (history.bars().to_vec(), history.instructions());
    let (bars, mut notes) = match wanted.bars {
        Against::OwnBars => (own.clone(), Vec::new()),
        Against::Source => {
            let source = source.map_err(|fact| {
                format!("{fact}; `--own-bars` compares with the bars that the account has seen")
            })?;
            let cut = own.iter().filter_map(|bars| {
                let begins = source.symbol(&bars.symbol)?.time.first().copied()?;
                (bars.time.first() < Some(&begins)).then(|| {
                    let (symbol, begins) = (&bars.symbol, stamp(begins));
                    format!("the source of `{symbol}` begins at {begins}; earlier bars are the account's own")
                })
            });
            let earlier = own.iter().filter_map(|bars| {
                Some(take::earlier(terms, bars, source.symbol(&bars.symbol)?)?.to_string())
            });
            (take::again(terms, &own, &source)?, cut.chain(earlier).collect())
        }
    };
    let mut bench = Bench { plan, prepared, index, history };
    let is_told_something = !told.is_empty() || base.session.paper.approval;
    let commands = history.given().len();
    let opened = Given { params: terms.values(), bars: own, told: Some(told) };
    let (walked, differs) = bench.walk(opened.clone())?;
    let manifest = manifest(history, bench.prepared, plan, index);
    let differs = differs.or_else(|| edited(shown, &walked, commands));
    // What was told of an account is the truth of it, where it cannot be computed again.
    let is_told = differs.is_none() && manifest.is_none();
    let account = match &shown.trades {
        _ if is_told => walked.clone(),
        Some(trades) => told_by(trades, history, &walked),
        None => {
            let fact = "the account's trades.csv is gone; what it comes to now is compared";
            notes.push(fact.into());
            walked.clone()
        }
    };
    let params = match wanted.obeys {
        true => as_opened(history, &base.session.params),
        false => base.session.params.clone(),
    };
    let told = opened.told.clone().filter(|_| wanted.obeys);
    let given = Given { params: params.clone(), bars: bars.clone(), told };
    let (backtest, _) = bench.walk(given.clone())?;
    let files = if wanted.files { bench.files(given)? } else { Vec::new() };
    let story = story_of(&account, &backtest, Sides::ACCOUNT);
    let place = |story: &Option<Story>| story.as_ref().map(|story| story.at.clone());
    let at = place(&story);
    let mut found: Vec<(bool, Cause)> = Vec::new();
    let mut tell =
        |parts: Option<String>, cause: Cause| found.push((parts.is_some() && parts == at, cause));
    if !is_told {
        let parts = place(&story_of(&account, &walked, Sides::ACCOUNT));
        let engine = history.checkpoint().map_or(ENGINE, |known| known.engine);
        let component = if engine == ENGINE { "history" } else { "engine" };
        // Another manifest makes another history.
        if let Some(fact) = differs.filter(|_| manifest.is_none() || engine != ENGINE) {
            tell(parts.clone(), Cause { component, moved: Vec::new(), note: Some(fact) });
        }
        if let Some(fact) = manifest {
            tell(parts, Cause { component: "settings", moved: Vec::new(), note: Some(fact) });
        }
    }
    if opened.params != params {
        let (now, _) = bench.walk(Given { params: params.clone(), ..opened.clone() })?;
        let parts = place(&story_of(&walked, &now, Sides::ACCOUNT));
        tell(parts, param_cause(history, &params));
    }
    if is_told_something && !wanted.obeys {
        let (untold, _) = bench.walk(Given { told: None, ..opened.clone() })?;
        let parts = place(&story_of(&walked, &untold, Sides::ACCOUNT));
        tell(parts.clone(), commands_cause(history, parts.as_deref()));
    }
    if wanted.bars == Against::Source {
        let (revised, _) = bench.walk(Given { bars, ..opened })?;
        let parts = place(&story_of(&walked, &revised, Sides::ACCOUNT));
        for cause in causes(&walked, &revised) {
            tell(parts.clone(), cause);
        }
    }
    // What parts them at that very place comes first; the sort is stable.
    found.sort_by_key(|(decides, _)| !decides);
    let mut causes: Vec<Cause> = found.into_iter().map(|(_, cause)| cause).collect();
    if story.is_some() && causes.is_empty() {
        causes.push(unexplained());
    }
    Ok(Reconciled { account, backtest, story, causes, notes, commands, files })
}

/// The parameters of the manifest, with the values that the account was opened with where its commands
/// make of them what the manifest says.
fn as_opened(history: &History, params: &[Scalar]) -> Vec<Scalar> {
    let opened = history.terms().map(|terms| terms.values()).unwrap_or_default();
    let now = history.params();
    let value = |(index, value): (usize, &Scalar)| match now.get(index) == Some(value) {
        true => opened.get(index).unwrap_or(value).clone(),
        false => value.clone(),
    };
    params.iter().enumerate().map(value).collect()
}

/// The account as the view of its trades tells it, for what it comes to now is something else.
fn told_by(trades: &Sheet, history: &History, walked: &Snapshot) -> Snapshot {
    let equity = history.checkpoint().map(|known| (Metric::FinalEquity, Some(known.equity)));
    Snapshot {
        trades: Some(trades.clone()),
        orders: None,
        daily: None,
        metrics: equity.into_iter().collect(),
        ..walked.clone()
    }
}

/// What is said of a view of the account's trades that shows others than there are.
fn edited(shown: &Shown, walked: &Snapshot, commands: usize) -> Option<String> {
    let is_current = shown.bars == walked.range.bars && shown.commands == commands;
    let is_other = shown.trades.is_some() && shown.trades != walked.trades;
    let fact = "trades.csv is not what its bars and commands make of the account";
    (is_current && is_other).then(|| format!("{fact}; with its next bar it is written again"))
}

/// What of the manifest's rules and settings is not what was agreed, but for parameters; `None` if
/// nothing is.
fn manifest(history: &History, prepared: &Prepared, plan: &Plan, index: usize) -> Option<String> {
    let terms = history.terms()?;
    let job = prepared.jobs.iter().find(|job| job.index == index)?;
    let work = job.work.as_ref().ok()?;
    if terms.are_of(work) {
        return None;
    }
    let base = plan.base(&plan.points[index]);
    let differences = terms.differences(base, &base.session.params);
    Some(match differences.is_empty() {
        true => "this version reads more into the manifest than the one before".to_owned(),
        false => differences.join(", "),
    })
}

fn param_cause(history: &History, params: &[Scalar]) -> Cause {
    let known = history.terms().map(|terms| terms.params.as_slice()).unwrap_or_default();
    let opened = history.terms().map(|terms| terms.values()).unwrap_or_default();
    let word = |value: &Scalar| Some(crate::plan::word(value));
    let moved = known.iter().zip(&opened).zip(params).filter(|((_, old), new)| old != new);
    let moved = moved.map(|((param, old), new)| Moved {
        what: format!("params.{}", param.name),
        symbol: None,
        time: None,
        before: word(old),
        after: word(new),
    });
    Cause { component: "settings", moved: moved.collect(), note: None }
}

/// The commands that were given before the account parted from itself without them.
fn commands_cause(history: &History, parts: Option<&str>) -> Cause {
    // The last one before the difference is the one that made it, most likely.
    let words = history.given().iter().rev().filter_map(|given| {
        let after = given.after.map(stamp);
        let is_earlier = match (&after, parts) {
            (Some(after), Some(at)) => after.as_str() <= at,
            _ => true,
        };
        let when =
            after.map_or_else(|| "before the first bar".into(), |it| format!("after bar {it}"));
        is_earlier.then(|| format!("{}, by {} {when}", given.command, given.by))
    });
    let words: Vec<String> = words.collect();
    let note = match words.is_empty() {
        true => "entries waited for approval".to_owned(),
        false => words.join("; "),
    };
    Cause { component: "commands", moved: Vec::new(), note: Some(note) }
}
