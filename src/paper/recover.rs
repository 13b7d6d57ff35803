//! Going back to a checkpoint: which there are, and what would be undone.
//!
//! A checkpoint says where an account stood after a bar. The account can go back to it if its bars and
//! commands up to there are still what they were; what came later is then taken out and kept aside.

use super::checkpoint::Checkpoint;
use super::history::{Given, History};
use super::tell::Told;
use crate::bars::Bars;
use crate::diag::counted;
use crate::store::{AccountReader, StoreError};
use chrono::{DateTime, NaiveDate, Utc};

/// A checkpoint, and whether the account can go back to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its number.
    pub number: u64,
    /// The checkpoint, unless its file is damaged.
    pub checkpoint: Option<Checkpoint>,
    /// Why the account cannot go back to it; `None` if it can.
    pub unfit: Option<String>,
}

/// The checkpoints of the account in `reader`, whose files tell `history`; the oldest first.
pub fn places(reader: &AccountReader, history: &History) -> Result<Vec<Place>, StoreError> {
    let instructions = history.instructions();
    let place = |number: u64| {
        Ok(match (Checkpoint::read(reader, number)?, history.terms()) {
            (Ok(checkpoint), Some(terms)) => {
                let differs = checkpoint.differs_in_files(terms, history.bars(), &instructions);
                // Of bars that cannot be read those of before are there all the same.
                let unfit = differs.map(|fact| history.unread.clone().unwrap_or(fact));
                Place { number, checkpoint: Some(checkpoint), unfit }
            }
            (Ok(checkpoint), None) => {
                let unfit = Some("its journal is gone".to_owned());
                Place { number, checkpoint: Some(checkpoint), unfit }
            }
            (Err(fact), _) => Place { number, checkpoint: None, unfit: Some(fact) },
        })
    };
    reader.checkpoints()?.into_iter().map(place).collect()
}

/// Which checkpoint somebody means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The last one that the account can go back to.
    Latest,
    /// The one with this number.
    Number(u64),
    /// The last one that had seen no bar after this day.
    Day(NaiveDate),
    /// The last one that had seen no bar after this instant.
    Time(DateTime<Utc>),
}

impl Which {
    /// What `text` means.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let number = text.parse().map(Self::Number).ok();
        let day = || text.parse().map(Self::Day).ok();
        let time = || DateTime::parse_from_rfc3339(text).map(|time| Self::Time(time.to_utc())).ok();
        number.or_else(day).or_else(time).ok_or_else(|| {
            "it is a checkpoint's number, `latest`, or a day or instant such as 2026-11-20".into()
        })
    }

    /// The one of `places` that is meant; what is wrong with it otherwise.
    pub fn of(self, places: &[Place]) -> Result<&Checkpoint, String> {
        let fits = |place: &&Place| place.unfit.is_none();
        let newest = places.iter().rev().find(fits);
        let known = |checkpoint: &Checkpoint, until: &dyn Fn(DateTime<Utc>) -> bool| {
            checkpoint.last.is_none_or(until)
        };
        let before = |until: &dyn Fn(DateTime<Utc>) -> bool| {
            let earlier =
                |place: &&Place| place.checkpoint.as_ref().is_some_and(|it| known(it, until));
            places.iter().rev().filter(fits).find(earlier)
        };
        let found = match self {
            Self::Latest => newest,
            Self::Number(number) => places.iter().find(|place| place.number == number),
            Self::Day(day) => before(&|last| last.date_naive() <= day),
            Self::Time(time) => before(&|last| last <= time),
        };
        let remedy = match newest {
            Some(place) => format!("the last one that it can go back to is {}", place.number),
            None => "it can go back to none of its checkpoints".to_owned(),
        };
        match found {
            None => Err(format!("there is no such checkpoint; {remedy}")),
            Some(Place { number, unfit: Some(fact), .. }) => Err(format!(
                "the account is not what it was at checkpoint {number}: {fact}; {remedy}"
            )),
            Some(place) => Ok(place.checkpoint.as_ref().expect("a damaged one is unfit")),
        }
    }
}

/// What going back to a checkpoint undoes.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// For each symbol that has some: its name, how many bars, and when the first and the last opened,
    /// microseconds since 1970.
    pub bars: Vec<(String, usize, i64, i64)>,
    /// How many fills.
    pub fills: usize,
    /// How many orders.
    pub orders: usize,
    /// How many lines of the journal came after it.
    pub events: usize,
    /// The commands.
    pub commands: Vec<Given>,
    /// The numbers of later checkpoints.
    pub checkpoints: Vec<u64>,
}

impl Undone {
    /// What going back to `checkpoint` undoes of the account in `reader`, whose files tell `history`.
    pub fn by(
        checkpoint: &Checkpoint,
        reader: &AccountReader,
        history: &History,
    ) -> Result<Self, StoreError> {
        let last = checkpoint.last.map_or(i64::MIN, |last| last.timestamp_micros());
        let later = |bars: &Bars| {
            let first = bars.time.partition_point(|time| *time <= last);
            let times = &bars.time[first..];
            let (first, last) = (*times.first()?, *times.last()?);
            Some((bars.symbol.clone(), times.len(), first, last))
        };
        let (events, _) = reader.journal();
        let after = |event: &&crate::store::Event| event.time > checkpoint.made;
        let Told { fills, orders, .. } = history.told;
        Ok(Self {
            checkpoint: checkpoint.clone(),
            bars: history.bars().iter().filter_map(later).collect(),
            fills: fills.saturating_sub(checkpoint.fills),
            orders: orders.saturating_sub(checkpoint.orders),
            events: events.iter().filter(after).count(),
            commands: history.given().iter().skip(checkpoint.commands).cloned().collect(),
            checkpoints: {
                let numbers = reader.checkpoints()?.into_iter();
                numbers.filter(|number| *number > checkpoint.number).collect()
            },
        })
    }

    /// How much it is, in words.
    pub fn words(&self) -> Vec<String> {
        vec![
            counted(self.bars.iter().map(|(_, count, ..)| count).sum(), "bar"),
            counted(self.fills, "fill"),
            counted(self.orders, "order"),
            counted(self.commands.len(), "command"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u64, day: &str, unfit: Option<&str>) -> Place {
        let last = format!("{day}T00:00:00Z");
        let text = serde_json::json!({
            "number": number, "made": last, "last": last, "bars": 1, "bars_digests": {},
            "commands": 0, "commands_digest": "", "rules": "", "settings": "", "engine": 1,
            "walked": 1, "fills": 0, "fills_digest": "", "equity": 1.0,
        });
        let checkpoint = Some(serde_json::from_value(text).unwrap());
        Place { number, checkpoint, unfit: unfit.map(str::to_owned) }
    }

    #[test]
    fn a_checkpoint_is_meant_by_number_or_time() {
        let places = [
            place(1, "2020-01-01", None),
            place(2, "2020-01-05", None),
            place(3, "2020-01-09", Some("its own bars are not what they were")),
        ];
        let of = |text: &str| Which::parse(text).unwrap().of(&places).map(|it| it.number);
        assert_eq!(of("latest"), Ok(2));
        assert_eq!(of("1"), Ok(1));
        assert_eq!(of("2020-01-04"), Ok(1));
        assert_eq!(of("2020-01-05"), Ok(2));
        assert_eq!(of("2020-01-04T23:59:59Z"), Ok(1));
        assert_eq!(
            of("3"),
            Err("the account is not what it was at checkpoint 3: its own bars are not what they were; the last one that it can go back to is 2".into())
        );
        assert_eq!(
            of("2019-12-31"),
            Err("there is no such checkpoint; the last one that it can go back to is 2".into())
        );
        assert!(Which::parse("yesterday").is_err());
    }
}
