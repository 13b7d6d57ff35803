//! Where an account stood after a bar, with digests that let a later start prove that it continues the
//! same history.

use super::life::State;
use super::tell::{self, Told};
use super::terms::Terms;
use crate::bars::Bars;
use crate::batch::kept::{Kept, stamp};
use crate::engine::{ENGINE, Fill};
use crate::plan::{Instruction, hex};
use crate::store::{AccountReader, StoreError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where an account stood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// When the last bar opened that the account had seen; `None` before its first.
    pub last: Option<DateTime<Utc>>,
    /// How many bars it had seen, of all symbols.
    pub bars: usize,
    /// A digest of those of each symbol.
    pub bars_digests: BTreeMap<String, String>,
    /// How many commands it had been given.
    pub commands: usize,
    /// A digest of them.
    pub commands_digest: String,
    /// The digest of the rules.
    pub rules: String,
    /// The digest of the settings.
    pub settings: String,
    /// The engine's number.
    pub engine: u32,
    /// How many bars of the range it had walked over.
    pub walked: usize,
    /// How many fills it had.
    pub fills: usize,
    /// How many orders it had.
    #[serde(default)]
    pub orders: usize,
    /// How many orders had ended without a fill.
    #[serde(default)]
    pub ends: usize,
    /// How often a rule had become true.
    #[serde(default)]
    pub signals: usize,
    /// How many other happenings, such as those of its limits, it had.
    #[serde(default)]
    pub happenings: usize,
    /// A digest of the fills.
    pub fills_digest: String,
    /// What it was worth at the last close.
    pub equity: f64,
    /// Its state; `None` in checkpoints of earlier days.
    #[serde(default)]
    pub state: Option<State>,
    /// What `account.json` told then; null in checkpoints of earlier days.
    #[serde(default)]
    pub view: Value,
}

impl Checkpoint {
    /// Where an account stands that has seen `bars` and been given `instructions`; its view is made later.
    pub fn of(
        number: u64,
        state: State,
        terms: &Terms,
        bars: &[Bars],
        instructions: &[Instruction],
        kept: &Kept<'_>,
    ) -> Self {
        let last = bars.iter().filter_map(|bars| bars.time.last()).max().copied();
        let (fills, all) = (&kept.outcome.fills, Told::all(kept));
        Self {
            number,
            made: Utc::now(),
            last: last.and_then(DateTime::from_timestamp_micros),
            bars: bars.iter().map(Bars::len).sum(),
            bars_digests: bars_digests(bars, last),
            commands: instructions.len(),
            commands_digest: commands_digest(instructions),
            rules: terms.rules.clone(),
            settings: terms.settings.clone(),
            engine: ENGINE,
            walked: kept.frame().len(),
            fills: all.fills,
            orders: all.orders,
            ends: all.ends,
            signals: all.signals,
            happenings: all.risks,
            fills_digest: fills_digest(kept, fills),
            equity: kept.equity_series().last().copied().unwrap_or(terms.capital),
            state: Some(state),
            view: Value::Null,
        }
    }

    /// Checkpoint `number` of an account; what is wrong with it otherwise.
    pub fn read(reader: &AccountReader, number: u64) -> Result<Result<Self, String>, StoreError> {
        let damaged = |fact: &dyn fmt::Display| format!("checkpoint {number} is damaged: {fact}");
        Ok(match reader.checkpoint(number) {
            Ok(text) => {
                serde_json::from_slice(&text.unwrap_or_default()).map_err(|error| damaged(&error))
            }
            // A compressed file that is cut short is no less damaged than a text that is.
            Err(StoreError::Damaged { fact, .. }) => Err(damaged(&fact)),
            Err(error) => return Err(error),
        })
    }

    /// How much of what the account did was told up to it.
    pub fn told(&self) -> Told {
        let Self { signals, orders, ends, fills, happenings, .. } = *self;
        Told { signals, orders, fills, ends, risks: happenings }
    }

    /// Whether it tells of the same history up to the same place.
    pub fn is_at(&self, other: &Self) -> bool {
        let (number, made, state) = (other.number, other.made, other.state);
        let view = other.view.clone();
        Self { number, made, state, view, ..self.clone() } == *other
    }

    /// What of the account's files is not what it was; before anything is computed.
    pub fn differs_in_files(
        &self,
        terms: &Terms,
        bars: &[Bars],
        instructions: &[Instruction],
    ) -> Option<String> {
        let last = self.last.map(|last| last.timestamp_micros());
        let until =
            |bars: &Bars| last.map_or(0, |last| bars.time.partition_point(|time| *time <= last));
        let count: usize = bars.iter().map(until).sum();
        if count != self.bars {
            return Some(match bars.is_empty() {
                true => format!("its own bars are gone: it had seen {}", self.bars),
                false => format!("its own bars are {count} up to there, and were {}", self.bars),
            });
        }
        let digests = bars_digests(bars, last);
        if digests != self.bars_digests {
            let symbols: BTreeSet<&String> =
                digests.keys().chain(self.bars_digests.keys()).collect();
            let other =
                |symbol: &&&String| digests.get(**symbol) != self.bars_digests.get(**symbol);
            let other: Vec<String> =
                symbols.iter().filter(other).map(|it| format!("`{it}`")).collect();
            return Some(format!("its own bars of {} are not what they were", other.join(", ")));
        }
        let given = instructions.get(..self.commands);
        match given {
            None => Some(format!(
                "its journal holds {} commands, and had {}",
                instructions.len(),
                self.commands
            )),
            Some(given) if commands_digest(given) != self.commands_digest => {
                Some("the commands in its journal are not what they were".into())
            }
            _ if terms.rules != self.rules => Some("its rules are not what they were".into()),
            _ if terms.settings != self.settings => {
                Some("its settings are not what they were".into())
            }
            _ => None,
        }
    }

    /// What of the history, walked over again, is not what it was; `told` are its fills as its journal
    /// tells them.
    pub fn differs_in_history(&self, told: &[String], kept: &Kept<'_>) -> Option<String> {
        let fills = &kept.outcome.fills;
        let equity = match self.walked.checked_sub(1) {
            Some(bar) => kept.equity_series().get(bar).copied().unwrap_or(f64::NAN),
            None => self.equity,
        };
        let engine = match self.engine == ENGINE {
            true => String::new(),
            false => format!("; the engine was {} and is {ENGINE}", self.engine),
        };
        let same = fills
            .get(..self.fills)
            .is_some_and(|fills| fills_digest(kept, fills) == self.fills_digest);
        if !same {
            let none = || "absent".to_owned();
            let now = |number: usize| fills.get(number).map(|fill| tell::filled(fill, kept));
            let is_other = |&number: &usize| match told.get(number) {
                Some(words) => !words.is_empty() && now(number).as_ref() != Some(words),
                None => now(number).is_some(),
            };
            let first = (0..self.fills).find(is_other);
            return Some(match first {
                Some(number) => format!(
                    "fill {} was {}, and is {}{engine}",
                    number + 1,
                    told.get(number).cloned().unwrap_or_else(none),
                    now(number).unwrap_or_else(none)
                ),
                None => format!("its first {} fills are not what they were{engine}", self.fills),
            });
        }
        let differs = equity.to_bits() != self.equity.to_bits();
        differs.then(|| format!("its equity is {equity}, and was {}{engine}", self.equity))
    }
}

/// How many hexadecimal digits of the digest of a symbol's bars are kept.
const DIGITS: usize = 32;

/// A digest of the bars of each symbol that opened until `last`.
fn bars_digests(bars: &[Bars], last: Option<i64>) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    let mut bytes = Vec::new();
    for bars in bars {
        let rows = last.map_or(0, |last| bars.time.partition_point(|time| *time <= last));
        // A symbol without a bar up to there is no part of the history.
        if rows == 0 {
            continue;
        }
        bytes.clear();
        bytes.extend(bars.time[..rows].iter().flat_map(|time| time.to_le_bytes()));
        let prices = [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume];
        for column in prices.into_iter().chain(bars.extra.iter().map(|extra| &extra.values)) {
            // Whatever the bits of a missing value, it is missing.
            let value = |value: &f64| if value.is_nan() { f64::NAN } else { *value };
            bytes.extend(column[..rows].iter().flat_map(|it| value(it).to_bits().to_le_bytes()));
        }
        for action in bars.actions.iter().filter(|action| action.row < rows) {
            let numbers = [action.row as u64, action.split.to_bits(), action.dividend.to_bits()];
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        digests.insert(bars.symbol.clone(), hex(blake3::hash(&bytes).as_bytes(), DIGITS));
    }
    digests
}

fn commands_digest(instructions: &[Instruction]) -> String {
    blake3::hash(format!("{instructions:?}").as_bytes()).to_hex().to_string()
}

/// A digest of fills by the time of their bars, which do not move when earlier rows become visible.
fn fills_digest(kept: &Kept<'_>, fills: &[Fill]) -> String {
    let mut hasher = blake3::Hasher::new();
    for fill in fills {
        let symbol = kept.symbol(fill.symbol);
        hasher.update(
            format!("{} {symbol} {}", stamp(kept.frame().time[fill.bar]), fill.moment.word())
                .as_bytes(),
        );
        for number in [fill.units, fill.price, fill.commission, fill.slippage] {
            hasher.update(&number.to_bits().to_le_bytes());
        }
    }
    hex(hasher.finalize().as_bytes(), 64)
}
