//! The language of the templates: minijinja with our rules for escaping, our filters and our charts.
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

use super::chart::{self, panel};
use super::context::{Goal, Prices, TradeRow, Unit};
use super::format;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};

/// What a template's file name ends with; the name of its report goes without.
pub(super) const ENDING: &str = ".jinja";
/// The escaping of what is printed into a Markdown template.
const MARKDOWN: &str = "markdown";

/// The engine with our rules for escaping, our filters and our charts.
pub(super) fn environment() -> Environment<'static> {
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
