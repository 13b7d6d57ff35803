//! The report room: a run as a page and as a text, rendered by minijinja from what the store holds.
//!
//! [`context`] is what a template sees, [`mod@format`] how values are written, [`chart`] draws. The
//! built-in templates are part of the program; a file of the same name in the project's
//! `templates/reports/` replaces one, and further files there are further reports: `NAME.jinja` is
//! the report `NAME`. A name that begins with `_` is a part for others to include. All are compiled
//! when [`Templates`] is made, so that a mistake shows before a run and not after it.
//!
//! Nothing that text holds becomes markup. Where a template prints a value, the ending of its name
//! decides: `.md` is escaped as Markdown, `.txt`, `.csv`, `.json` and `.tex` are left as they are,
//! and everything else is escaped as HTML. `None` and numbers that are not finite are a dash, and a
//! name that does not exist is an error.
//!
//! | filter | writes |
//! | --- | --- |
//! | `metric(unit)`, `metric(unit, digits)` | a value in its unit |
//! | `digits(unit)` | of a list of values: the decimals that suit them together |
//! | `fraction`, `ratio`, `money`, `count`, `days` | the same with the unit in the name |
//! | `heat(largest)` | the class of a cell in a heat map: `up1` to `up3`, `down1` to `down3`, or none |
//! | `number`, `price` | six digits or more, without trailing zeros; with two decimals at least |
//! | `seconds` | a length of wall-clock time |
//! | `date`, `time` | microseconds as a day; as a day and its time unless that is midnight |
//! | `md`, `code` | text, or a name as a code span, escaped for Markdown |
//! | `block(language)` | lines as a fenced block of Markdown |
//! | `json` | data as JSON that is safe inside a `script` element |
//! | `sparkline(width)` | a list of values as block characters |
//! | `spark` | a list of values as a small SVG |
//!
//! Functions draw charts; an `id` is used once on a page: `curves(sessions, title, id)`,
//! `histogram(values, unit, goal, title, id)`, `series(time, panels, title, id)`,
//! `bars(labels, values, unit, title, id)`, `scatter(across, up, titles, unit, id)` (the first point
//! filled), `excursions(trades, id)` and `prices_chart(prices, trades, id)`.

pub mod analysis;
pub mod chart;
pub mod check;
pub mod comparison;
pub mod context;
pub mod format;
pub mod load;
pub mod page;
pub mod registry;
pub mod split;
pub mod suspicion;
pub mod sweep;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};
use serde::Serialize;

use chart::panel;
use context::{Goal, Prices, RunReport, TradeRow, Unit};

/// Where a project keeps its own templates.
const FOLDER: &str = "templates/reports";
/// The escaping of what is printed into a Markdown template.
const MARKDOWN: &str = "markdown";
/// What a template's file name ends with; the name of its report goes without.
const ENDING: &str = ".jinja";
/// The endings of the files that are templates; others in the folder are left alone.
const ENDINGS: [&str; 3] = [ENDING, ".css", ".js"];

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/reports/", $name)))),+]
    };
}

const BUILT_IN: [(&str, &str); 19] = built_in![
    "report.html.jinja",
    "report.md.jinja",
    "sessions_report.html.jinja",
    "sessions_report.md.jinja",
    "sessions_summary.html.jinja",
    "sessions_summary.md.jinja",
    "index.html.jinja",
    "comparison.html.jinja",
    "comparison.md.jinja",
    "_registry.html.jinja",
    "session.html.jinja",
    "sweep.html.jinja",
    "_sweep.js",
    "_session.html.jinja",
    "_suspicions.html.jinja",
    "_split.html.jinja",
    "_search.js",
    "_style.css",
    "_sort.js",
];

/// The templates that are no report of a run: each command that makes them knows its own.
const PAGES: [&str; 9] = [
    SESSION,
    SWEEP,
    "sessions_report.html",
    "sessions_report.md",
    "sessions_summary.html",
    "sessions_summary.md",
    "index.html",
    "comparison.html",
    "comparison.md",
];

/// The page of one session.
pub const SESSION: &str = "session.html";

/// The page of one sweep.
pub const SWEEP: &str = "sweep.html";

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template file or its folder cannot be read.
    #[error("{}: cannot be read, {source}; make it readable or remove it", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such report.
    #[error("unknown report `{name}`; there are `{}`", known.join("`, `"))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A template has a mistake.
    #[error("{place}: {fact}; {remedy}")]
    Template {
        /// The file, or that it is built in, and the line.
        place: String,
        /// What is wrong, with the name concerned.
        fact: String,
        /// What would be right.
        remedy: &'static str,
        /// What the template engine said; `fact` has its words already, so it is no source.
        cause: Box<minijinja::Error>,
    },
}

/// The templates of a project, compiled.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Where each template was read from, by file name.
    places: BTreeMap<String, String>,
}

impl Templates {
    /// The built-in templates, and above them those of `project_dir`.
    pub fn new(project_dir: Option<&Path>) -> Result<Self, Error> {
        let mut templates = Self { environment: environment(), places: BTreeMap::new() };
        let own = project_dir.map(own_templates).transpose()?.unwrap_or_default();
        for (name, source) in BUILT_IN {
            if !own.contains_key(name) {
                let place = format!("built-in template `{name}`");
                templates.add(name.to_owned(), source.to_owned(), place)?;
            }
        }
        for (name, (path, source)) in own {
            templates.add(name, source, path.display().to_string())?;
        }
        Ok(templates)
    }

    /// The names of the reports of a run, such as `report.html`, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places
            .keys()
            .filter(|file| !file.starts_with('_'))
            .filter_map(|file| file.strip_suffix(ENDING))
            .filter(|name| !PAGES.contains(name))
    }

    /// The report `name`, such as `report.html`, of a run.
    pub fn render(&self, name: &str, context: &RunReport) -> Result<String, Error> {
        if !self.names().any(|known| known == name) {
            let known = self.names().map(str::to_owned).collect();
            return Err(Error::Unknown { name: name.to_owned(), known });
        }
        self.page(name, context)
    }

    /// The page `name` of `context`: a report, or what else has a template.
    pub fn page(&self, name: &str, context: &impl Serialize) -> Result<String, Error> {
        self.environment
            .get_template(&format!("{name}{ENDING}"))
            .and_then(|template| template.render(Value::from(Serde(context))))
            .map_err(|error| self.mistake(error))
    }

    fn add(&mut self, name: String, source: String, place: String) -> Result<(), Error> {
        self.places.insert(name.clone(), place);
        self.environment.add_template_owned(name, source).map_err(|error| self.mistake(error))
    }

    /// A mistake of the engine at its place: the innermost template that it came from.
    fn mistake(&self, error: minijinja::Error) -> Error {
        // An error inside an included template is the source of the error of the include.
        let mut innermost = &error;
        while let Some(cause) = std::error::Error::source(innermost)
            && let Some(cause) = cause.downcast_ref::<minijinja::Error>()
        {
            innermost = cause;
        }
        let name = innermost.name().or(error.name()).unwrap_or("template");
        let place = self.places.get(name).map_or(name, String::as_str);
        let line = innermost.line().or(error.line());
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let remedy = match innermost.kind() {
            ErrorKind::SyntaxError => "correct the template's syntax",
            ErrorKind::UndefinedError => "`papertape report --context` shows what there is",
            ErrorKind::UnknownFilter => "use a filter of `papertape::report` or of minijinja",
            ErrorKind::TemplateNotFound => "include a template that is in the same folder",
            _ => "correct the expression on that line",
        };
        Error::Template {
            place: format!("{place}{line}"),
            fact: fact(innermost),
            remedy,
            cause: Box::new(error),
        }
    }
}

/// What is wrong, with the expression that is undefined where the engine knows it.
fn fact(error: &minijinja::Error) -> String {
    let kind = error.kind().to_string();
    match error.detail() {
        Some(detail) => format!("{kind}, {detail}"),
        None => kind,
    }
}

/// The templates in the project's folder by file name; none when there is no such folder.
fn own_templates(project_dir: &Path) -> Result<BTreeMap<String, (PathBuf, String)>, Error> {
    let folder = project_dir.join(FOLDER);
    let mut own = BTreeMap::new();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(own),
        Err(source) => return Err(Error::Read { path: folder, source }),
    };
    for entry in entries {
        let entry = entry.map_err(|source| Error::Read { path: folder.clone(), source })?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) && path.is_file() {
            let source = fs::read_to_string(&path)
                .map_err(|source| Error::Read { path: path.clone(), source })?;
            own.insert(name, (path, source));
        }
    }
    Ok(own)
}

/// The engine with our rules for escaping, our filters and our charts.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    // A line that holds only a tag leaves no trace.
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .expect("the usual delimiters are valid"),
    );
    environment.set_auto_escape_callback(|name| {
        let name = name.strip_suffix(ENDING).unwrap_or(name);
        match name.rsplit('.').next() {
            Some("md") => AutoEscape::Custom(MARKDOWN.into()),
            Some("txt" | "csv" | "json" | "tex") => AutoEscape::None,
            // A part whose name does not say what it is for may end up on a page.
            _ => AutoEscape::Html,
        }
    });
    environment.set_formatter(print);

    environment.add_filter("metric", |value: &Value, unit: Serde<Unit>, digits: Option<usize>| {
        float(value).map(|value| plain(format::metric(value, unit.0, digits)))
    });
    environment.add_filter("digits", |values: &Value, unit: Serde<Unit>| {
        floats(values).map(|values| format::digits(unit.0, &values))
    });
    let units = [
        ("fraction", Unit::Fraction),
        ("ratio", Unit::Ratio),
        ("money", Unit::Money),
        ("count", Unit::Count),
        ("days", Unit::Days),
    ];
    for (name, unit) in units {
        environment.add_filter(name, move |value: &Value, digits: Option<usize>| {
            float(value).map(|value| plain(format::metric(value, unit, digits)))
        });
    }
    environment.add_filter("json", |value: &Value| {
        let text = serde_json::to_string(defined(value)?).map_err(|error| {
            minijinja::Error::new(ErrorKind::BadSerialization, error.to_string())
        })?;
        // Inside a script element nothing may look like the end of it.
        let text = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        Ok::<_, minijinja::Error>(plain(text))
    });
    environment.add_filter("heat", |value: &Value, largest: f64| {
        float(value).map(|value| plain(format::heat(value, largest).to_owned()))
    });
    environment.add_filter("number", |value: &Value| float(value).map(format::number).map(plain));
    environment.add_filter("price", |value: &Value| float(value).map(format::price).map(plain));
    environment.add_filter("seconds", |value: &Value| float(value).map(format::seconds).map(plain));
    environment.add_filter("date", |value: &Value| micros(value).map(format::date).map(plain));
    environment.add_filter("time", |value: &Value| micros(value).map(format::time).map(plain));
    environment.add_filter("md", |value: &Value| written(value, format::markdown));
    environment.add_filter("block", |value: &Value, language: &str| {
        let text = defined(value)?.to_string();
        Ok::<_, minijinja::Error>(plain(format::block(&text, language)))
    });
    environment.add_filter("code", |value: &Value| written(value, format::code));
    environment.add_filter("sparkline", |values: &Value, width: Option<usize>| {
        floats(values).map(|values| plain(format::sparkline(&values, width.unwrap_or(20))))
    });
    environment.add_filter("spark", |values: &Value| {
        floats(values).map(|values| Value::from_safe_string(chart::spark(&values)))
    });
    environment.add_function("curves", |lines: Serde<Vec<chart::Line>>, title: &str, id: &str| {
        Value::from_safe_string(chart::curves(&lines, title, id))
    });
    environment.add_function(
        "histogram",
        |values: &Value, unit: Serde<Unit>, goal: Serde<Option<Goal>>, title: &str, id: &str| {
            floats(values).map(|values| {
                Value::from_safe_string(chart::histogram(&values, unit.0, goal.0, title, id))
            })
        },
    );
    environment.add_function(
        "series",
        |time: Serde<Vec<i64>>, panels: Serde<Vec<panel::Panel>>, title: &str, id: &str| {
            Value::from_safe_string(panel::series(&time.0, &panels.0, title, id))
        },
    );
    environment.add_function(
        "bars",
        |labels: Serde<Vec<String>>, values: &Value, unit: Serde<Unit>, title: &str, id: &str| {
            floats(values).map(|values| {
                Value::from_safe_string(panel::bars(&labels.0, &values, unit.0, title, id))
            })
        },
    );
    environment.add_function(
        "scatter",
        |across: &Value, up: &Value, words: Serde<[String; 2]>, unit: Serde<Unit>, id: &str| {
            let (across, up) = (floats(across)?, floats(up)?);
            let [x, y] = &words.0;
            // The first is told from the others.
            let cloud = across.into_iter().zip(up).enumerate().map(|(at, (x, y))| (x, y, at == 0));
            let cloud: Vec<_> = cloud.collect();
            let svg = panel::scatter(&cloud, [x, y], unit.0, id);
            Ok::<_, minijinja::Error>(Value::from_safe_string(svg))
        },
    );
    environment.add_function("excursions", |trades: Serde<Vec<TradeRow>>, id: &str| {
        let cloud = trades.0.iter().filter_map(|it| Some((it.mae?, it.mfe?, it.profit > 0.0)));
        let words = ["Worst on the way (MAE)", "Best on the way (MFE)"];
        let cloud: Vec<_> = cloud.collect();
        Value::from_safe_string(panel::scatter(&cloud, words, Unit::Fraction, id))
    });
    environment.add_function(
        "prices_chart",
        |prices: Serde<Prices>, trades: Serde<Vec<TradeRow>>, id: &str| {
            Value::from_safe_string(chart::prices::prices(&prices.0, &trades.0, id))
        },
    );
    environment
}

/// Prints what `{{ ... }}` stands for, escaped as the template's name asks.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    // Only an `if` without an `else` comes here undefined; every other such name is an error.
    if value.is_undefined() {
        return Ok(());
    }
    let missing = value.is_none() || is_not_finite(value);
    let value = if missing { &Value::from(format::DASH) } else { value };
    let markdown = matches!(state.auto_escape(), AutoEscape::Custom(name) if name == MARKDOWN);
    if !markdown {
        return minijinja::escape_formatter(out, state, value);
    }
    let text = value.to_string();
    let plain = value.is_safe() || value.kind() == ValueKind::Number;
    let text = if plain { text } else { format::markdown(&text) };
    out.write_str(&text).map_err(Into::into)
}

/// What [`mod@format`] made of a number: digits, signs and units, which are markup nowhere.
fn plain(text: String) -> Value {
    Value::from_safe_string(text)
}

fn is_not_finite(value: &Value) -> bool {
    value.kind() == ValueKind::Number
        && f64::try_from(value.clone()).is_ok_and(|number| !number.is_finite())
}

/// The value, or an error that says which name does not exist.
fn defined(value: &Value) -> Result<&Value, minijinja::Error> {
    // Only the engine knows the name; it tells when something is looked up in the undefined.
    if value.is_undefined() {
        value.get_attr("value")?;
    }
    Ok(value)
}

/// The number of a value; `None` for none.
fn float(value: &Value) -> Result<Option<f64>, minijinja::Error> {
    let value = defined(value)?;
    if value.is_none() { Ok(None) } else { f64::try_from(value.clone()).map(Some) }
}

/// The numbers of a list, `NaN` for each none; an empty list for none.
fn floats(values: &Value) -> Result<Vec<f64>, minijinja::Error> {
    defined(values)?.try_iter()?.map(|value| Ok(float(&value)?.unwrap_or(f64::NAN))).collect()
}

/// The time of a value; `None` for none.
fn micros(value: &Value) -> Result<Option<i64>, minijinja::Error> {
    let value = defined(value)?;
    if value.is_none() { Ok(None) } else { i64::try_from(value.clone()).map(Some) }
}

/// Text through `escape`, marked as done so that it is not escaped again.
fn written(value: &Value, escape: fn(&str) -> String) -> Result<Value, minijinja::Error> {
    if defined(value)?.is_safe() {
        return Ok(value.clone());
    }
    let text = if value.is_none() { format::DASH.to_owned() } else { escape(&value.to_string()) };
    Ok(Value::from_safe_string(text))
}

#[cfg(test)]
mod tests {
    use super::context::*;
    use super::*;

    const DAY: i64 = 86_400_000_000;
    pub(super) const EVIL: &str =
        "<script>alert(1)</script>\"' onload='x' | a\r\n# `b` {{ title }} &amp; [l](x) -->";

    fn column(name: &str, unit: Unit, text: &str) -> Column {
        Column {
            name: name.to_owned(),
            title: text.to_owned(),
            unit,
            definition: text.to_owned(),
            sense: Some(Sense::Higher),
        }
    }

    fn session(text: &str, index: usize, days: i64, value: f64) -> Session {
        let all = || vec![text.to_owned(), text.to_owned()];
        let setting = || vec![Setting { path: text.to_owned(), value: text.to_owned() }];
        let equity: Vec<f64> =
            (0..days).map(|day| 10_000.0 + ((day * 7_919) % 1_009) as f64 + day as f64).collect();
        let trade = |day: i64| TradeRow {
            symbol: text.to_owned(),
            side: "long".to_owned(),
            units: 12.5,
            entry_time: day * DAY,
            entry_price: 101.25,
            exit_time: (day > 0).then_some((day + 3) * DAY + DAY / 2),
            exit_price: 99.5,
            profit: value,
            profit_fraction: Some(value),
            closed_by: (day > 0).then(|| text.to_owned()),
            ..TradeRow::default()
        };
        Session {
            key: text.to_owned(),
            id: "9f3a1c00bd".to_owned(),
            anchor: format!("session-{index}"),
            sweep: None,
            description: Some(text.to_owned()),
            notes: Some(text.to_owned()),
            suspicions: vec![Suspicion { name: text.to_owned(), fact: text.to_owned() }],
            page: Some(text.to_owned()),
            tags: all(),
            strategy: text.to_owned(),
            strategy_description: Some(text.to_owned()),
            mode: "paper".to_owned(),
            symbols: all(),
            from: text.to_owned(),
            to: text.to_owned(),
            bars: 2_148,
            capital: 10_000.0,
            currency: Some(text.to_owned()),
            model: text.to_owned(),
            model_axes: setting(),
            costs: text.to_owned(),
            metrics: vec![Metric {
                name: "sharpe".to_owned(),
                title: text.to_owned(),
                unit: Unit::Ratio,
                definition: text.to_owned(),
                sense: Some(Sense::Higher),
                value: Some(value),
            }],
            split: None,
            readings: vec![Reading {
                intrabar: text.to_owned(),
                metrics: vec![Metric {
                    name: "sharpe".to_owned(),
                    title: text.to_owned(),
                    unit: Unit::Ratio,
                    definition: text.to_owned(),
                    sense: None,
                    value: Some(value),
                }],
            }],
            backtesting_py: setting(),
            equity: Some(Curve {
                time: (0..days).map(|day| day * DAY).collect(),
                drawdown: equity.iter().map(|value| 1.0 - value / 20_000.0).collect(),
                benchmark: Some(equity.clone()),
                equity,
            }),
            trades: Trades {
                total: 137,
                rows: (0..50).map(trade).collect(),
                place: Some(text.to_owned()),
            },
            settings: text.repeat(3),
            data: Data { files: all(), digest: text.to_owned(), rows: 2_148, checks: all() },
            identity: setting(),
        }
    }

    /// A run with one of everything, in which every text is `text` and every metric `value`.
    fn report(text: &str, value: f64) -> RunReport {
        let row = |rank: usize, status: Status, sweep: Option<&str>| Row {
            rank: (status == Status::Completed).then_some(rank),
            key: text.to_owned(),
            id: "9f3a1c00bd".to_owned(),
            name: text.to_owned(),
            sweep: sweep.map(str::to_owned),
            strategy: text.to_owned(),
            mode: "paper".to_owned(),
            symbols: vec![text.to_owned()],
            status,
            error: (status != Status::Completed).then(|| text.to_owned()),
            axes: vec![Setting { path: text.to_owned(), value: text.to_owned() }],
            metrics: ["sharpe", "cagr"]
                .into_iter()
                .map(|name| Cell { name: name.to_owned(), value: Some(value), best: rank == 1 })
                .collect(),
            split: None,
            spark: Some(vec![1.0, value, 3.0]),
            anchor: sweep.is_none().then(|| "session-0".to_owned()),
        };
        let counts =
            Counts { selected: 5, completed: 2, failed: 1, refused: 1, aborted: 1, cached: 1 };
        RunReport {
            title: text.to_owned(),
            manifests: vec![text.to_owned(), text.to_owned()],
            run: Run {
                id: text.to_owned(),
                started: text.to_owned(),
                finished: Some(text.to_owned()),
                wall_seconds: Some(value),
                version: text.to_owned(),
                command: text.to_owned(),
                threads: 2,
                status: RunStatus::Failed,
                host: Some(text.to_owned()),
            },
            counts,
            objective: Objective {
                metric: "sharpe".to_owned(),
                title: text.to_owned(),
                unit: Unit::Ratio,
                goal: Goal::Maximize,
            },
            columns: vec![
                column("sharpe", Unit::Ratio, text),
                column("cagr", Unit::Fraction, text),
            ],
            rows: vec![
                row(1, Status::Completed, None),
                row(2, Status::Completed, Some(text)),
                row(3, Status::Failed, None),
                row(4, Status::Refused, None),
                row(5, Status::Aborted, None),
            ],
            omitted: Some(Omitted { rows: 240, place: text.to_owned() }),
            sweeps: vec![Sweep {
                name: text.to_owned(),
                points: 250,
                counts,
                axes: vec![Axis { path: text.to_owned(), values: vec![text.to_owned(); 30] }],
                objective: vec![0.5, value, 1.5],
                best: Some(text.to_owned()),
                page: text.to_owned(),
                quartiles: Some([0.5, value, 1.5]),
            }],
            sessions: vec![session(text, 0, 400, value), session(text, 1, 300, value)],
        }
    }

    fn empty() -> RunReport {
        let mut report = report("nothing", 1.0);
        report.rows.clear();
        report.sweeps.clear();
        report.sessions.clear();
        report.omitted = None;
        report.run.finished = None;
        report.run.wall_seconds = None;
        report.run.host = None;
        report
    }

    pub(super) fn built_in() -> Templates {
        Templates::new(None).expect("the built-in templates compile")
    }

    fn render(name: &str, context: &RunReport) -> String {
        built_in().render(name, context).expect("a built-in template renders")
    }

    /// The tags of a page with their attributes' names, without any text or attribute's value.
    pub(super) fn tags(page: &str) -> Vec<String> {
        let mut tags = Vec::new();
        let (mut tag, mut quoted) = (None::<String>, false);
        for c in page.chars() {
            match (&mut tag, c) {
                (None, '<') => tag = Some(String::new()),
                (Some(_), '"') => quoted = !quoted,
                (Some(_), '>') if !quoted => tags.extend(tag.take()),
                (Some(tag), _) if !quoted => tag.push(c),
                _ => {}
            }
        }
        tags
    }

    #[test]
    fn no_text_becomes_markup_on_the_page() {
        let plain = render("report.html", &report("plain", 1.25));
        let evil = render("report.html", &report(EVIL, 1.25));
        assert!(plain.contains("plain") && evil.contains("&lt;script&gt;alert(1)"));
        assert_eq!(tags(&plain), tags(&evil));
        assert_eq!(evil.matches("<script").count(), 1);
        assert!(!evil.contains("{{ title }} &amp; ["), "an ampersand is escaped");
    }

    #[test]
    fn no_text_becomes_markup_in_markdown() {
        let plain = render("report.md", &report("plain", 1.25));
        let evil = render("report.md", &report(EVIL, 1.25));
        assert!(evil.contains("&lt;script&gt;alert(1)"));
        assert!(!evil.contains('<') && !evil.contains("[l](x)"));
        let bars = |line: &str| line.matches('|').count();
        assert_eq!(
            plain.lines().map(bars).collect::<Vec<_>>(),
            evil.lines().map(bars).collect::<Vec<_>>()
        );
        let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(headings(&plain), headings(&evil));
        for line in evil.lines().filter(|line| line.starts_with('|')) {
            assert!(line.ends_with('|'), "{line}");
        }
    }

    #[test]
    fn nothing_prints_as_a_number_that_is_none() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
            let context = report("x", value);
            for name in ["report.html", "report.md"] {
                let text = render(name, &context);
                let body = text.rsplit("</style>").next().expect("a text has an end");
                let body = body.split("<script>").next().expect("a text has a start");
                let body = body.replace("preserveAspectRatio=\"none\"", "");
                let words = body.split(|c: char| !c.is_alphanumeric());
                for word in words {
                    let word = word.to_ascii_lowercase();
                    assert!(
                        word != "nan" && word != "inf" && word != "none",
                        "{name}, {value}: {word}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_undefined_metric_is_a_dash() {
        let mut context = report("x", 1.0);
        for cell in context.rows.iter_mut().flat_map(|row| &mut row.metrics) {
            cell.value = None;
        }
        assert!(render("report.md", &context).contains("| **–** | **–** |"));
        assert!(render("report.html", &context).contains("data-v=\"–\">–</td>"));
    }

    #[test]
    fn a_run_of_nothing_has_a_report() {
        assert!(render("report.html", &empty()).contains("No session has a row."));
        for status in [RunStatus::Completed, RunStatus::Incomplete, RunStatus::Running] {
            let mut context = empty();
            context.run.status = status;
            assert!(!render("report.html", &context).is_empty());
        }
        assert!(render("report.md", &empty()).starts_with("# nothing\n"));
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        let page = render("report.html", &report("plain", 1.25));
        for request in ["://", "src=", "url(", "@import", "<link", "<img"] {
            assert!(!page.contains(request), "{request}");
        }
    }

    #[test]
    fn the_best_is_marked_by_a_sign_and_not_by_weight_alone() {
        let page = render("report.html", &report("plain", 1.25));
        assert!(page.contains("<td class=\"n best\" data-v=\"1.25\">★ "));
        assert!(render("report.md", &report("plain", 1.25)).contains("**1.25** | **125.0 %** |"));
    }

    #[test]
    fn a_sessions_section_stays_small() {
        let mut context = empty();
        let before = render("report.html", &context).len();
        context.sessions.push(session("a-session-of-eight-years", 0, 2_000, 1.25));
        let bytes = render("report.html", &context).len() - before;
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    /// A project directory with `files` in its folder of templates.
    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let project = tempfile::tempdir().expect("a temporary directory");
        let folder = project.path().join(FOLDER);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file");
        }
        project
    }

    #[test]
    fn a_file_of_the_project_replaces_the_built_in_one() {
        let files = [
            ("report.md.jinja", "mine: {% include '_part.md.jinja' %}"),
            ("_part.md.jinja", "{{ title }}"),
            ("short.txt.jinja", "{{ counts.selected }} {{ title }}"),
            ("README.md", "{{ no template"),
        ];
        let project = project(&files);
        let templates = Templates::new(Some(project.path())).expect("they compile");
        assert_eq!(
            templates.names().collect::<Vec<_>>(),
            ["report.html", "report.md", "short.txt"]
        );
        let context = report("a|b", 1.0);
        assert_eq!(templates.render("report.md", &context).expect("renders"), "mine: a&#124;b");
        assert_eq!(templates.render("short.txt", &context).expect("renders"), "5 a|b");
        assert!(templates.render("report.html", &context).is_ok());
    }

    #[test]
    fn a_project_without_templates_has_the_built_in_ones() {
        let nowhere = tempfile::tempdir().expect("a temporary directory");
        let templates = Templates::new(Some(nowhere.path())).expect("they compile");
        assert_eq!(templates.names().collect::<Vec<_>>(), ["report.html", "report.md"]);
    }

    #[test]
    fn a_part_that_does_not_say_what_it_is_for_is_escaped() {
        let files =
            [("own.html.jinja", "{% include '_part.jinja' %}"), ("_part.jinja", "{{ title }}")];
        let project = project(&files);
        let templates = Templates::new(Some(project.path())).expect("they compile");
        assert_eq!(
            templates.render("own.html", &report("<b>", 1.0)).expect("renders"),
            "&lt;b&gt;"
        );
    }

    #[test]
    fn an_unknown_name_is_told_with_its_template_and_line() {
        for expression in [
            "row.shapre",
            "row.shapre|fraction",
            "row.shapre|date",
            "row.shapre|md",
            "row.shapre|spark",
        ] {
            let text = format!("{{% for row in rows %}}\n\n{{{{ {expression} }}}}{{% endfor %}}");
            for name in ["own.html.jinja", "own.md.jinja"] {
                let project = project(&[(name, &text)]);
                let templates = Templates::new(Some(project.path())).expect("it compiles");
                let own = name.strip_suffix(ENDING).expect("it ends so");
                let error = templates.render(own, &report("x", 1.0)).expect_err("unknown");
                let message = error.to_string();
                assert!(message.contains(&format!("{name}:3: ")), "{message}");
                assert!(message.contains("shapre"), "{message}");
            }
        }
    }

    #[test]
    fn a_mistake_in_a_part_is_told_at_its_own_place() {
        let files = [
            ("own.html.jinja", "{% include '_part.html.jinja' %}"),
            ("_part.html.jinja", "\n{{ titel }}"),
        ];
        let project = project(&files);
        let templates = Templates::new(Some(project.path())).expect("they compile");
        let error = templates.render("own.html", &report("x", 1.0)).expect_err("unknown");
        let message = error.to_string();
        assert!(message.contains("_part.html.jinja:2: "), "{message}");
        assert!(message.contains("titel"), "{message}");
    }

    #[test]
    fn broken_syntax_is_told_before_anything_is_rendered() {
        let project = project(&[("report.html.jinja", "a\n{% if %}")]);
        let error = Templates::new(Some(project.path())).expect_err("it does not compile");
        assert!(error.to_string().contains("report.html.jinja:2: "), "{error}");
    }

    #[test]
    fn an_unknown_report_is_told_with_those_there_are() {
        let error = built_in().render("report.pdf", &report("x", 1.0)).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "unknown report `report.pdf`; there are `report.html`, `report.md`"
        );
    }
}
