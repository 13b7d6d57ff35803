//! Which records of the registry are meant: options of the command line, and a filter over what they hold.

use crate::bars::duration;
use crate::cli::context::Usage;
use crate::cli::filter::{add_param, compile, measured, metric_names, param};
use crate::expr::{Scalar, Type};
use crate::manifest::glob_matches;
use crate::plan::filter::type_of;
use crate::store::{Record, Status};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Which records are wanted: those for which every given option holds.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Select {
    /// Only sessions of this mode
    #[arg(long, value_name = "MODE", value_parser = ["backtest", "paper"])]
    mode: Option<String>,
    /// Only sessions that ended so; may be repeated for several
    #[arg(long, value_name = "STATUS", value_parser = Status::ALL.map(Status::word))]
    status: Vec<String>,
    /// Only sessions whose strategy matches this glob; may be repeated for several
    #[arg(long, value_name = "GLOB")]
    strategy: Vec<String>,
    /// Only sessions with this symbol; several must all be there
    #[arg(long, value_name = "SYMBOL")]
    symbol: Vec<String>,
    /// Only sessions with this tag; several must all be there
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only sessions whose name matches this glob; may be repeated for several
    #[arg(long, value_name = "GLOB")]
    session: Vec<String>,
    /// Only sessions that started since: `2026-11-01`, `7d` back, or a time such as
    /// `2026-11-01T06:30:00Z`
    #[arg(long, value_name = "TIME", value_parser = Since::parse)]
    since: Option<Since>,
    /// Only sessions for which this is true, over `mode`, `status`, `session`, `strategy`, `env`,
    /// `seconds`, parameters, `metrics.NAME`, `in_sample.NAME`, `out_of_sample.NAME` and `tag("NAME")`
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
}

impl Select {
    /// The options that were given and their values; a moment as it is seen from `now`.
    pub(super) fn given(&self, now: DateTime<Utc>) -> Result<Vec<(&'static str, String)>, Usage> {
        let since = self.since.map(|since| since.from(now)).transpose()?;
        let since = since.map(|since| since.format("%Y-%m-%d %H:%M:%S UTC").to_string());
        let one = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        let many =
            |name, values: &[String]| (!values.is_empty()).then(|| (name, values.join(", ")));
        let options = [
            one("mode", &self.mode),
            many("status", &self.status),
            many("strategy", &self.strategy),
            many("symbol", &self.symbol),
            many("tag", &self.tag),
            many("session", &self.session),
            one("since", &since),
            one("filter", &self.filter),
        ];
        Ok(options.into_iter().flatten().collect())
    }

    /// Those of `records` that are wanted, in their order.
    pub(super) fn apply(
        &self,
        records: Vec<Record>,
        now: DateTime<Utc>,
        color: bool,
    ) -> Result<Vec<Record>, Usage> {
        let since = self.since.map(|since| since.from(now)).transpose()?;
        let filter = self.filter.as_deref();
        let filter = filter.map(|text| compile(text, &names(&records), color)).transpose()?;
        let is_wanted = |record: &Record| {
            self.takes(record)
                && since.is_none_or(|since| record.started >= since)
                && filter.as_ref().is_none_or(|filter| {
                    let has_tag = |tag: &str| record.tags.iter().any(|own| own == tag);
                    filter.holds(|name| value(record, name), has_tag)
                })
        };
        Ok(records.into_iter().filter(is_wanted).collect())
    }

    fn takes(&self, record: &Record) -> bool {
        self.mode.as_ref().is_none_or(|mode| *mode == record.mode)
            && (self.status.is_empty()
                || self.status.iter().any(|word| word == record.status.word()))
            && any_matches(&self.strategy, &record.strategy)
            && any_matches(&self.session, &record.session)
            && self.symbol.iter().all(|symbol| record.symbols.contains(symbol))
            && self.tag.iter().all(|tag| record.tags.contains(tag))
    }
}

/// Whether one of `globs` matches, or there are none.
fn any_matches(globs: &[String], text: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob_matches(glob, text))
}

/// A moment on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Since {
    /// This one.
    At(DateTime<Utc>),
    /// So long ago.
    Back(TimeDelta),
}

impl Since {
    /// The moment that `text` means: the start of a day in UTC, a time, or a duration back.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        let wrong = "write a date such as 2026-11-01, a duration back such as 7d, or a time such \
                     as 2026-11-01T06:30:00Z";
        let micros = duration::parse(text).map_err(|_| wrong.to_owned())?;
        Ok(Self::Back(TimeDelta::microseconds(micros)))
    }

    /// The moment itself, seen from `now`.
    pub(in crate::cli) fn from(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Usage> {
        match self {
            Self::At(time) => Ok(time),
            Self::Back(span) => now
                .checked_sub_signed(span)
                .ok_or_else(|| Usage("that goes back further than the calendar".into())),
        }
    }
}

/// What a filter may name beside metrics, parameters and tags.
type Name = (&'static str, Type, fn(&Record) -> Scalar);

const NAMES: [Name; 6] = [
    ("mode", Type::Text, |record| Scalar::Text(record.mode.as_str().into())),
    ("status", Type::Text, |record| Scalar::Text(record.status.word().into())),
    ("session", Type::Text, |record| Scalar::Text(record.session.as_str().into())),
    ("strategy", Type::Text, |record| Scalar::Text(record.strategy.as_str().into())),
    ("env", Type::Text, |record| {
        record.env.as_deref().map_or(Scalar::Missing, |env| Scalar::Text(env.into()))
    }),
    ("seconds", Type::Number, |record| Scalar::Number(record.seconds)),
];

/// The names that a filter over `records` may use.
fn names(records: &[Record]) -> Vec<(String, Type)> {
    let mut names: Vec<(String, Type)> =
        NAMES.iter().map(|(name, ty, _)| ((*name).to_owned(), *ty)).collect();
    names.extend(metric_names());
    for (path, value) in records.iter().flat_map(|record| &record.params) {
        add_param(&mut names, path, type_of([value]));
    }
    names
}

/// What `name` is for a record.
fn value(record: &Record, name: &str) -> Scalar {
    if let Some((.., value)) = NAMES.iter().find(|(known, ..)| *known == name) {
        return value(record);
    }
    measured(&record.metrics, record.parts.as_ref(), name)
        .unwrap_or_else(|| param(&record.params, name))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{records, time};
    use super::*;

    const NOW: &str = "2026-11-04T00:00:00Z";

    fn selected(select: &Select) -> Vec<String> {
        let found = select.apply(records(), time(NOW), false).unwrap();
        found.into_iter().map(|record| record.session).collect()
    }

    fn filtered(text: &str) -> Vec<String> {
        selected(&Select { filter: Some(text.into()), ..Select::default() })
    }

    #[test]
    fn every_option_narrows_the_selection() {
        let words = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let all = Select::default;
        assert_eq!(selected(&all()), ["goog-sma", "btc-paper", "goog-ema"]);
        assert_eq!(selected(&Select { mode: Some("paper".into()), ..all() }), ["btc-paper"]);
        let status = words(&["failed", "aborted"]);
        assert_eq!(selected(&Select { status, ..all() }), ["goog-ema"]);
        let strategy = words(&["*-cross"]);
        assert_eq!(selected(&Select { strategy, ..all() }), ["goog-sma", "goog-ema"]);
        let session = words(&["btc-*", "*-ema"]);
        assert_eq!(selected(&Select { session, ..all() }), ["btc-paper", "goog-ema"]);
        let symbol = words(&["ETH/USDT", "BTC/USDT"]);
        assert_eq!(selected(&Select { symbol, ..all() }), ["btc-paper"]);
        let tag = words(&["ci", "nightly"]);
        assert!(selected(&Select { tag, ..all() }).is_empty(), "none has both");
        let since = Some(Since::parse("2026-11-02").unwrap());
        assert_eq!(selected(&Select { since, ..all() }), ["btc-paper", "goog-ema"]);
    }

    #[test]
    fn a_moment_is_a_day_a_time_or_a_while_ago() {
        let from = |text: &str| Since::parse(text).unwrap().from(time(NOW)).unwrap();
        assert_eq!(from("2026-11-01"), time("2026-11-01T00:00:00Z"));
        assert_eq!(from("2026-11-01T06:30:00Z"), time("2026-11-01T06:30:00Z"));
        assert_eq!(from("2026-11-01T06:30:00+02:00"), time("2026-11-01T04:30:00Z"));
        assert_eq!(from("7d"), time("2026-10-28T00:00:00Z"));
        assert_eq!(from("90m"), time("2026-11-03T22:30:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "7", "-7d", "7y", "2026-11-01T06:30:00"] {
            assert!(Since::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Since::parse("15000000w").unwrap().from(time(NOW)).is_err());
    }

    #[test]
    fn a_filter_reads_fields_metrics_and_tags() {
        assert_eq!(filtered("metrics.sharpe > 1"), ["goog-sma"]);
        assert_eq!(filtered("mode == 'paper' or status == 'failed'"), ["btc-paper", "goog-ema"]);
        assert_eq!(filtered("tag('nightly')"), ["btc-paper"]);
        assert_eq!(
            filtered("tag('trend') and tag('ci') and seconds < 60"),
            ["goog-sma", "goog-ema"]
        );
        assert_eq!(filtered("strategy in ['ema-cross', 'rsi']"), ["goog-ema"]);
        assert_eq!(filtered("session != 'goog-sma' and metrics.trades / 2 == 206"), ["btc-paper"]);
    }

    #[test]
    fn what_is_missing_is_neither_true_nor_false() {
        assert_eq!(filtered("not (metrics.sharpe > 1)"), ["btc-paper"]);
        assert_eq!(filtered("env == 'nightly'"), ["goog-sma", "btc-paper"]);
        assert!(filtered("env != 'nightly'").is_empty());
    }

    #[test]
    fn a_wrong_filter_is_shown_where_it_is_wrong() {
        let error = |text: &str| {
            let select = Select { filter: Some(text.into()), ..Select::default() };
            select.apply(Vec::new(), time(NOW), false).unwrap_err().to_string()
        };
        insta::assert_snapshot!(error("metrics.sharp > 1"), @r#"
        `--filter` cannot be used
        error[E0202]: unknown name `metrics.sharp`
         --> command line, --filter:1:1
          |
        1 | metrics.sharp > 1
          | ^^^^^^^^^^^^^ did you mean `metrics.sharpe`?
        "#);
        insta::assert_snapshot!(error("metrics.sharpe + 1"), @r#"
        `--filter` cannot be used
        error[E0203]: a filter is true or false for each session
         --> command line, --filter:1:1
          |
        1 | metrics.sharpe + 1
          | ^^^^^^^^^^^^^^^^^^ this is a number
        "#);
        assert!(error("sma(seconds, 3) > 1").contains("there are none here"));
        assert!(error("mode = 'paper'").contains("E0201"));
    }
}
