//! `papertape explain`: every let, expression, rule, order and fill of one bar.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Cell, Column, Facts, Format, Kind, Records};
use super::planning::assignments;
use super::sessions::find;
use crate::batch::kept::stamp;
use crate::diag::{Mistakes, closest};
use crate::expr::Scalar;
use crate::manifest::{Layers, Mode, Project};
use crate::paper::{Given, History};
use crate::plan::file::{self, Frozen};
use crate::plan::{Base, Plan, Point, Prepared, Selection, hex};
use crate::store::Store;
use crate::trace::explain::{Explanation, Said, SymbolBar, Waits, explain};
use anyhow::Result;
use chrono::Utc;
use serde_json::Value;
use std::path::PathBuf;

/// Explain one bar of a session: the value of every let, expression and rule there, the position,
/// what waits, and the orders and fills
///
/// The session is one of the registry, as its newest run ran it, or one of the manifests that are
/// named. It runs again for this, and nothing is stored. A value that is missing is said to be; each
/// expression stands with its value on the bar before and on the bar. What is inside `@` or `at` is read
/// on other bars: it stands with the last of them that had closed, and with the one before that. Orders
/// that rest, stops, targets and trailing stops stand with their prices at the close of the bar before,
/// when they were to meet this bar, and at its own close.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape explain goog-trend --at 2008-09-15
  papertape explain 'goog-grid[fast=10,slow=30]' sessions/quickstart.toml --at 2008-09-15
  papertape explain 3f2a91c07d --at 2020-12-15T10:30 --format json")]
pub(super) struct Explain {
    /// The session: its name, its key with axis values, or the first digits of its identity
    session: String,
    /// Manifests that declare it [default: the registry says how it ran]
    #[arg(value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
    /// The bar: a day, a local time, an instant with its offset (or Z), or its number in the range
    #[arg(long, value_name = "TIME")]
    at: String,
    /// Explain this symbol alone
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// The run: `latest`, its id, or a part of it [default: the newest that ran the session]
    #[arg(long, value_name = "RUN", conflicts_with = "manifests")]
    run: Option<String>,
    /// Set a key of the session, such as `params.fast=5`; may be repeated
    #[arg(long, value_name = "PATH=VALUE", requires = "manifests")]
    set: Vec<String>,
    /// Lay this profile of the manifest over the session
    #[arg(long, value_name = "NAME", requires = "manifests")]
    profile: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A plan of one session.
struct One {
    plan: Plan,
    /// The identity it had when it ran.
    identity: Option<String>,
}

impl Explain {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let mut mistakes = Mistakes::default();
        let one = match self.manifests.is_empty() {
            true => self.of_run(context)?,
            false => match self.of_manifests(context, &mut mistakes)? {
                Some(one) => one,
                None => {
                    context.show(&mistakes);
                    return Ok(Exit::Usage);
                }
            },
        };
        let mut prepared = Prepared::new(&one.plan, &mut mistakes);
        context.show(&mistakes);
        if mistakes.has_errors() {
            return Ok(Exit::Usage);
        }
        let account = put_account(&one.plan, &mut prepared, &context.store())?;
        let explanation = explain(&one.plan, &prepared, &self.at, self.symbol.as_deref())
            .map_err(|fact| Usage(format!("session `{}`: {fact}", self.session)))?;
        let identity = prepared.jobs.first().and_then(|job| job.work.as_ref().ok());
        let identity = identity.map(|work| hex(&work.identity().digest(), 64));
        if one.identity.is_some() && one.identity != identity && account.is_none() {
            context
                .warn("the data is not what it was when the session ran: this is what it does now");
        }
        let facts = Facts::default()
            .with("session", Kind::Text, key(&one.plan, &one.plan.points[0]))
            .with("id", Kind::Text, identity.map(|digits| digits[..10].to_owned()));
        let params = params(&one.plan, &explanation.params);
        let facts = facts_of(facts, params, &explanation, self.format);
        let commands = account.as_ref().map(|history| commands(history, &explanation.time));
        let is_said = |commands: &Records| !self.format.is_for_people() || !commands.is_empty();
        let facts = match commands.filter(is_said) {
            Some(commands) => facts.part("commands", commands),
            None => facts,
        };
        facts.print(self.format)
    }

    /// The session as the manifests declare it.
    fn of_manifests(&self, context: &Context, mistakes: &mut Mistakes) -> Result<Option<One>> {
        let (root, today) = (context.root.as_deref(), Utc::now().date_naive());
        let projects: Vec<Project> =
            self.manifests.iter().map(|path| Project::of(path, root, today)).collect();
        let set = assignments("--set", &self.set);
        let layers = Layers { profile: self.profile.as_deref(), set: &set, unset: &[] };
        let all = Selection::default();
        let Some(mut plan) = Plan::read(&self.manifests, projects, &layers, &all, mistakes) else {
            return Ok(None);
        };
        let found = plan.points.iter().position(|point| key(&plan, point) == self.session);
        let point = match found {
            Some(index) => plan.points[index],
            // Digits of an identity are known only with the data.
            None if self.session.chars().all(|c| c.is_ascii_hexdigit()) => {
                let prepared = Prepared::new(&plan, mistakes);
                let job = prepared.jobs.iter().find(|job| {
                    job.work.as_ref().is_ok_and(|work| {
                        hex(&work.identity().digest(), 64).starts_with(&self.session)
                    })
                });
                let index = job.map(|job| job.index).ok_or_else(|| self.unknown(&plan))?;
                plan.points[index]
            }
            None => return Err(self.unknown(&plan).into()),
        };
        plan.points = vec![point];
        Ok(Some(One { plan, identity: None }))
    }

    /// The session as a run ran it: the one that is named, or the newest that did.
    fn of_run(&self, context: &Context) -> Result<One> {
        let store = context.store();
        let run = match &self.run {
            Some(run) => run.clone(),
            None => {
                let (records, _) = store.records();
                let name = self.session.split('[').next().unwrap_or(&self.session);
                let record = find(&records, &self.session).or_else(|| find(&records, name));
                let record = record.ok_or_else(|| {
                    let names: Vec<&str> = records.iter().map(|r| r.session.as_str()).collect();
                    let remedy = match closest(name, &names) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "name the manifest that declares it".to_owned(),
                    };
                    Usage(format!("no run has a session `{}`; {remedy}", self.session))
                })?;
                record.run.clone()
            }
        };
        let reader = store.open_run(&run)?;
        let frozen = file::read(&reader.plan()?)
            .map_err(|error| Usage(format!("run {}: {error:#}", reader.id())))?;
        let Frozen { mut plan, identities, .. } = frozen;
        let is_it = |(index, point): &(usize, &Point)| {
            let identity = identities[*index].as_deref().unwrap_or_default();
            key(&plan, point) == self.session || identity.starts_with(&self.session)
        };
        let found = plan.points.iter().enumerate().find(is_it).map(|(index, _)| index);
        let index = found.ok_or_else(|| self.unknown(&plan))?;
        plan.points = vec![plan.points[index]];
        Ok(One { plan, identity: identities[index].clone() })
    }

    /// What to say to somebody who names a session that is not there, or a whole sweep.
    fn unknown(&self, plan: &Plan) -> Usage {
        let is_base = |base: &&Base| base.session.name == self.session;
        if let Some(base) = plan.bases.iter().find(is_base) {
            let points = plan
                .points
                .iter()
                .filter(|point| plan.base(point).session.name == base.session.name);
            let keys: Vec<String> = points.take(3).map(|point| key(plan, point)).collect();
            let fact = format!("`{}` is a sweep; name one of its points", self.session);
            return Usage(format!("{fact}, such as `{}`", keys.join("`, `")));
        }
        let keys: Vec<String> = plan.points.iter().map(|point| key(plan, point)).collect();
        let known: Vec<&str> = keys.iter().map(String::as_str).collect();
        let remedy = match closest(&self.session, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", known[..known.len().min(5)].join(", ")),
        };
        Usage(format!("there is no session `{}`; {remedy}", self.session))
    }
}

/// Let the session of `plan` run on the bars of its paper account, with the commands that it was given;
/// `None` if it has none.
fn put_account(plan: &Plan, prepared: &mut Prepared, store: &Store) -> Result<Option<History>> {
    let base = plan.base(&plan.points[0]);
    let account = store.account(&base.session.name);
    if base.session.mode != Mode::Paper || !account.exists() {
        return Ok(None);
    }
    let history = History::read(&account)?;
    if history.terms().is_none() {
        return Ok(None);
    }
    history.put(prepared, 0, base).map_err(Usage)?;
    Ok(Some(history))
}

/// What an account was told after the bar that opened at `time`.
fn commands(history: &History, time: &str) -> Records {
    let columns = [("given", Kind::Time), ("by", Kind::Text), ("command", Kind::Text)];
    let mut records = Records::new(columns);
    let is_its = |given: &&Given| given.after.is_some_and(|after| stamp(after) == time);
    for given in history.given().iter().filter(is_its) {
        records.push(vec![given.at.into(), (&given.by).into(), given.command.to_string().into()]);
    }
    records
}

fn key(plan: &Plan, point: &Point) -> String {
    plan.base(point).key(point)
}

/// The parameters of the session's strategy.
fn params(plan: &Plan, values: &[Scalar]) -> Facts {
    let point = &plan.points[0];
    let definition = plan.base(point).definition(point);
    definition.params.iter().zip(values).fold(Facts::default(), |facts, (param, value)| {
        facts.with(&param.name, Kind::Text, scalar(value, Format::Json))
    })
}

fn facts_of(facts: Facts, params: Facts, explained: &Explanation, format: Format) -> Facts {
    let facts = facts
        .with("time", Kind::Text, &explained.time)
        .with("local", Kind::Text, &explained.local)
        .with("bar", Kind::Count, explained.bar)
        .with("equity", Kind::Money, explained.equity)
        .with("cash", Kind::Money, explained.cash)
        .part("params", params);
    let facts = match explained.events.is_empty() {
        true => facts,
        false => facts.part("account", events(&explained.events)),
    };
    let symbols = explained.symbols.iter();
    let each = |facts: Facts| {
        symbols.fold(facts, |facts, bar| facts.part(&bar.symbol, symbol(bar, format)))
    };
    // A program finds a symbol under its name, which may be any word.
    if format.is_for_people() { each(facts) } else { facts.part("symbols", each(Facts::default())) }
}

fn symbol(bar: &SymbolBar, format: Format) -> Facts {
    let names = ["open", "high", "low", "close", "volume"];
    let prices = bar.prices.map(|prices| prices.map(Some)).unwrap_or_default();
    let facts = names
        .iter()
        .zip(prices)
        .fold(Facts::default(), |facts, (name, price)| facts.with(name, Kind::Number, price));
    let facts = facts
        .with("units_before", Kind::Number, bar.units[0])
        .with("units_after", Kind::Number, bar.units[1])
        .with("decided", Kind::Text, &bar.decision);
    let parts = [
        ("let", said(&bar.lets, format)),
        ("rules", said(&bar.rules, format)),
        ("waiting", waiting(&bar.waiting)),
        ("events", events(&bar.events)),
    ];
    // A program finds every part; a person need not read that there is nothing.
    let parts =
        parts.into_iter().filter(|(_, records)| !format.is_for_people() || !records.is_empty());
    parts.fold(facts, |facts, (name, records)| facts.part(name, records))
}

/// Expressions with their values: for people a line each, the parts of one below it behind a dot for
/// each level; for programs nested.
fn said(all: &[Said], format: Format) -> Records {
    let values = [("before", Kind::Number), ("now", Kind::Number)];
    if format.is_for_people() {
        let is_elsewhere = all.iter().any(reads_elsewhere);
        let bar = [("bar", Kind::Text)].into_iter().filter(|_| is_elsewhere);
        let columns = [("expression", Kind::Text)].into_iter().chain(values).chain(bar);
        let mut lines = Records::new(columns);
        all.iter().for_each(|said| line(&mut lines, said, 0, is_elsewhere));
        return lines;
    }
    let names = [("name", Kind::Text), ("expression", Kind::Text)];
    let places = [("symbol", Kind::Text), ("timeframe", Kind::Text), ("time", Kind::Text)];
    let parts = [("parts", Kind::Text)];
    let mut records = Records::new(names.into_iter().chain(values).chain(places).chain(parts));
    for Said { name, text, before, now, elsewhere, parts } in all {
        let (before, now) = (scalar(before, format), scalar(now, format));
        let at = elsewhere.as_ref();
        records.push(vec![
            name.into(),
            text.into(),
            before,
            now,
            at.map(|at| at.symbol.as_str()).into(),
            at.map(|at| at.timeframe.as_str()).into(),
            at.and_then(|at| at.time.as_deref()).into(),
            said(parts, format).into(),
        ]);
    }
    records
}

/// Whether it, or a part of it, is read on other bars.
fn reads_elsewhere(said: &Said) -> bool {
    said.elsewhere.is_some() || said.parts.iter().any(reads_elsewhere)
}

/// `places` says whether there is a column for the bars on which things are read.
fn line(lines: &mut Records, said: &Said, depth: usize, places: bool) {
    let format = Format::Table;
    let name = if said.name.is_empty() { String::new() } else { format!("{} = ", said.name) };
    let text = format!("{}{name}{}", "· ".repeat(depth), said.text);
    let mut cells = vec![text.into(), scalar(&said.before, format), scalar(&said.now, format)];
    if places {
        let bar = said.elsewhere.as_ref().map(|at| match &at.time {
            Some(time) => format!("{} {} {time}", at.symbol, at.timeframe),
            None => format!("{} {}, none closed yet", at.symbol, at.timeframe),
        });
        cells.push(bar.unwrap_or_default().into());
    }
    lines.push(cells);
    said.parts.iter().for_each(|part| line(lines, part, depth + 1, places));
}

/// Orders that wait and levels that hold: at the close of the bar before, and now.
fn waiting(all: &[Waits]) -> Records {
    let mut records = Records::new([
        ("what", Kind::Text),
        ("side", Kind::Text),
        ("units", Kind::Number),
        ("since", Kind::Text),
        ("before", Kind::Number),
        ("now", Kind::Number),
        ("trigger", Kind::Number),
        ("due", Kind::Text),
        ("state", Kind::Text),
    ]);
    for one in all {
        records.push(vec![
            (&one.what).into(),
            one.side.into(),
            one.units.into(),
            one.since.as_deref().into(),
            one.before.into(),
            one.now.into(),
            one.trigger.into(),
            one.due.as_deref().into(),
            if one.waits { "waits" } else { "done" }.into(),
        ]);
    }
    records
}

fn scalar(value: &Scalar, format: Format) -> Cell {
    match value {
        Scalar::Number(number) => (*number).into(),
        Scalar::Bool(flag) => (*flag).into(),
        Scalar::Text(text) => (&**text).into(),
        Scalar::Missing if format.is_for_people() => "missing".into(),
        Scalar::Missing => Cell::Absent,
    }
}

/// Events as the journal has them: a column for each of their facts.
fn events(events: &[Value]) -> Records {
    let objects = || events.iter().filter_map(Value::as_object);
    let mut names: Vec<&String> = Vec::new();
    for name in objects().flat_map(|event| event.keys()) {
        if name != "symbol" && !names.contains(&name) {
            names.push(name);
        }
    }
    let is_number =
        |name: &str| objects().any(|event| event.get(name).is_some_and(Value::is_number));
    let kind = |name: &str| if is_number(name) { Kind::Number } else { Kind::Text };
    let mut records = Records::new(names.iter().map(|name| Column::new(name.as_str(), kind(name))));
    for event in objects() {
        let cell = |name: &&String| match event.get(name.as_str()) {
            None | Some(Value::Null) => Cell::Absent,
            Some(Value::Number(number)) => number.as_f64().into(),
            Some(Value::Bool(flag)) => (*flag).into(),
            Some(Value::String(text)) => text.into(),
            Some(other) => other.to_string().into(),
        };
        records.push(names.iter().map(cell).collect());
    }
    records
}
