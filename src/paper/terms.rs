//! What was agreed when an account was opened: the rules and settings that it goes on with, whatever
//! the manifest says later, and the symbols, columns and the first day that were pinned then.

use crate::expr::Scalar;
use crate::manifest::{DataSettings, Node, Session, Table};
use crate::plan::{Base, Work, hex, word};
use crate::strategy::ParamKind;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys that change nothing of what an account does, or that are pinned and compared by themselves.
const OUTSIDE: &[&str] = &[
    "description",
    "notes",
    "env",
    "tags",
    "currency",
    "expect",
    "params",
    "data.path",
    "data.checks",
    "data.delay",
    "data.time_format",
    "data.time_unit",
    "data.symbol_column",
    "paper.on_revised",
    "paper.stale_after",
    "paper.checkpoint_every",
    "paper.keep_checkpoints",
    "paper.heartbeat",
    "mode",
    "strategy",
];

/// What was agreed when an account was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The strategy's name.
    pub strategy: String,
    /// The digest of the compiled strategy, as hex.
    pub rules: String,
    /// The digest of the settings without parameters, as hex.
    pub settings: String,
    /// The first day of its range, which relative dates do not move any more; `None` for all rows.
    pub from: Option<NaiveDate>,
    /// The symbols that it trades, in order.
    pub symbols: Vec<String>,
    /// Further symbols that its rules look at.
    pub others: Vec<String>,
    /// The length of a bar of each of them, in the same order, in microseconds.
    pub timeframes: Vec<i64>,
    /// The further columns of the data, and whether they hold booleans.
    pub columns: Vec<(String, bool)>,
    /// Money at the start.
    pub capital: f64,
    /// The name of the currency.
    pub currency: String,
    /// The parameters, in the strategy's order.
    pub params: Vec<Param>,
    /// Every key that can change what it does, as it was written, by its path.
    pub written: BTreeMap<String, String>,
}

/// A parameter, its value when the account was opened, and what values it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// `int`, `float`, `bool`, `choice` or `symbol`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The smallest value, of numbers.
    pub min: Option<f64>,
    /// The largest value, of numbers.
    pub max: Option<f64>,
    /// The words of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Param {
    /// What values it takes.
    pub fn kind(&self) -> ParamKind {
        let (min, max) = (self.min, self.max);
        match self.kind.as_str() {
            "int" => ParamKind::Int { min, max },
            "float" => ParamKind::Float { min, max },
            "bool" => ParamKind::Bool,
            "choice" => ParamKind::Choice(self.choices.clone()),
            _ => ParamKind::Symbol,
        }
    }
}

impl Terms {
    /// The terms of a session that is ready to run on the data of its manifest.
    pub fn of(base: &Base, work: &Work) -> Self {
        let (session, data) = (&base.session, &work.variant().data);
        let symbols = match &session.symbols {
            Some(symbols) => symbols.clone(),
            None => data.names(),
        };
        let others = work.named().iter().map(|symbol| symbol.to_string());
        let others: Vec<String> = others.filter(|symbol| !symbols.contains(symbol)).collect();
        let timeframe = |symbol: &String| data.symbol(symbol).map_or(0, |it| it.clock.timeframe);
        let (rules, settings) = work.variant().digests();
        let params = session.definition.params.iter().zip(&session.params);
        Self {
            strategy: session.definition.name.clone(),
            rules: hex(&rules, 64),
            settings: hex(&settings, 64),
            from: session.range.from,
            timeframes: symbols.iter().chain(&others).map(timeframe).collect(),
            symbols,
            others,
            columns: data.extra(),
            capital: session.settings.capital,
            currency: session.label.currency.clone(),
            params: params.map(|(param, value)| of_param(param, value)).collect(),
            written: written(base),
        }
    }

    /// Whether they are those of a session that is ready to run: the same rules, the same settings.
    pub fn are_of(&self, work: &Work) -> bool {
        let now = self.read_as(work);
        (&now.rules, &now.settings) == (&self.rules, &self.settings)
    }

    /// The same, with what a session that is ready to run reads into them.
    pub fn read_as(&self, work: &Work) -> Self {
        let (rules, settings) = work.variant().digests();
        Self { rules: hex(&rules, 64), settings: hex(&settings, 64), ..self.clone() }
    }

    /// All symbols of the account, those that it trades first.
    pub fn all_symbols(&self) -> impl Iterator<Item = &String> {
        self.symbols.iter().chain(&self.others)
    }

    /// How its source is read that the manifest describes by `data`: by the length of bars that was guessed
    /// when it was opened, if that is to be guessed, and is the same for all symbols.
    pub fn reads(&self, data: &DataSettings) -> DataSettings {
        let length = self.timeframe().filter(|_| data.resample.is_none());
        DataSettings { timeframe: data.timeframe.or(length), ..data.clone() }
    }

    /// The length of a bar, if it is the same for all symbols.
    fn timeframe(&self) -> Option<i64> {
        let (first, others) = self.timeframes.split_first()?;
        others.iter().all(|other| other == first).then_some(*first)
    }

    /// The values of its parameters when it was opened.
    pub fn values(&self) -> Vec<Scalar> {
        self.params.iter().map(|param| scalar(&param.value)).collect()
    }

    /// What of the manifest is not what was agreed: a sentence for each key. `now` are the values of
    /// the parameters that the account goes on with.
    pub fn differences(&self, base: &Base, now: &[Scalar]) -> Vec<String> {
        let strategy = &base.session.definition.name;
        if *strategy != self.strategy {
            return vec![format!("`strategy` was \"{}\", and is \"{strategy}\"", self.strategy)];
        }
        let mut found = Vec::new();
        let today = written(base);
        let keys: std::collections::BTreeSet<&String> =
            self.written.keys().chain(today.keys()).collect();
        let timeframe = base.session.data.timeframe;
        for key in keys {
            match (self.written.get(key), today.get(key)) {
                // It says what was guessed.
                (None, Some(_)) if key == "data.timeframe" && timeframe == self.timeframe() => {}
                (Some(old), Some(new)) if old != new => {
                    found.push(format!("`{key}` was {}, and is {}", said(old), said(new)));
                }
                (Some(old), None) => {
                    found.push(format!("`{key}` was {}, and is no more", said(old)))
                }
                (None, Some(new)) => {
                    found.push(format!("`{key}` was not set, and is {}", said(new)))
                }
                _ => {}
            }
        }
        found.extend(self.param_differences(&base.session, now));
        found
    }

    /// The parameters of the manifest that are neither what they were nor what they were changed to.
    fn param_differences(&self, session: &Session, now: &[Scalar]) -> Vec<String> {
        let given = session.definition.params.iter().zip(&session.params);
        let mut found = Vec::new();
        for (index, param) in self.params.iter().enumerate() {
            let (opened, now) = (scalar(&param.value), now.get(index));
            let value = given.clone().find(|(known, _)| known.name == param.name);
            let Some((_, value)) = value else { continue };
            if *value != opened && Some(value) != now {
                found.push(format!(
                    "`params.{}` was {}, and is {}",
                    param.name,
                    word(now.unwrap_or(&opened)),
                    word(value)
                ));
            }
        }
        found
    }
}

fn of_param(param: &crate::strategy::Param, value: &Scalar) -> Param {
    let (kind, min, max, choices) = match &param.kind {
        ParamKind::Int { min, max } => ("int", *min, *max, Vec::new()),
        ParamKind::Float { min, max } => ("float", *min, *max, Vec::new()),
        ParamKind::Bool => ("bool", None, None, Vec::new()),
        ParamKind::Choice(choices) => ("choice", None, None, choices.clone()),
        ParamKind::Symbol => ("symbol", None, None, Vec::new()),
    };
    Param { name: param.name.clone(), value: json(value), kind: kind.into(), min, max, choices }
}

/// A parameter's value as JSON.
pub fn json(value: &Scalar) -> Value {
    match value {
        Scalar::Number(number) => Value::from(*number),
        Scalar::Bool(value) => Value::from(*value),
        Scalar::Text(text) => Value::from(text.to_string()),
        Scalar::Missing => Value::Null,
    }
}

/// A parameter's value from JSON.
pub fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Number(number) => number.as_f64().map_or(Scalar::Missing, Scalar::Number),
        Value::Bool(value) => Scalar::Bool(*value),
        Value::String(text) => Scalar::Text(text.as_str().into()),
        _ => Scalar::Missing,
    }
}

/// Every key of a session that can change what its account does, as it is written, with the rules of
/// its strategy.
fn written(base: &Base) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    leaves(&base.declared.tree, "", &mut all);
    let definition = &base.session.definition;
    for named in &definition.lets {
        all.insert(format!("let.{}", named.name), format!("\"{}\"", named.written.text));
    }
    for rule in &definition.rules {
        let leg =
            definition.legs.get(rule.leg).map_or(String::new(), |leg| format!("{}.", leg.name));
        let key = format!("rules.{leg}{}", rule.rule.key());
        all.insert(key, format!("\"{}\"", rule.written.text));
    }
    all
}

fn leaves(table: &Table, at: &str, all: &mut BTreeMap<String, String>) {
    for entry in table.iter() {
        let path = match at {
            "" => entry.key.clone(),
            at => format!("{at}.{}", entry.key),
        };
        if OUTSIDE.contains(&path.as_str()) {
            continue;
        }
        match entry.node.table() {
            Some(table) => leaves(table, &path, all),
            None => {
                all.insert(path, shown(&entry.node));
            }
        }
    }
}

fn shown(node: &Node) -> String {
    node.json().to_string()
}

/// What stands in the terms for a value, as a person writes it: a date has no quotes.
fn said(shown: &str) -> String {
    let value: Option<Value> = serde_json::from_str(shown).ok();
    let date = value.as_ref().and_then(|value| value.get("$date")?.as_str());
    date.unwrap_or(shown).to_owned()
}
