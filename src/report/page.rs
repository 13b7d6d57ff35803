//! From the store to a session's own page.

use super::analysis::{daily_returns, open_positions, periods, rolling, years};
use super::context::{Event, Events, Origin, Plotted, Prices, SessionPage, Setting};
use super::load::{Loader, local};
use crate::batch::kept::EVENTS;
use crate::expr::Scalar;
use crate::manifest::keys::{session_kind, session_paths};
use crate::plan::{value, word};
use anyhow::Result;
use serde_json::Value;
use std::sync::Arc;

/// How many trades and events a page lists: what is more stays in the session's files.
const TRADES: usize = 1_000;
const EVENTS_SHOWN: usize = 500;

impl Loader<'_> {
    /// The page of every session that has a section in the report of the run, with the name of its
    /// directory, one after the other.
    pub fn pages(&self) -> impl Iterator<Item = Result<(String, SessionPage)>> {
        self.sections().into_iter().map(|place| self.page(place))
    }

    fn page(&self, place: usize) -> Result<(String, SessionPage)> {
        let mut session = self.session(place)?;
        let (label, row) = &self.results[place];
        let base = self.base(row);
        let typed = &base.session;
        let dir = self.is_kept(place).expect("a session without a directory has no section");
        let result = self.result(&dir)?;
        let curve = session.equity.clone().unwrap_or_default();
        let a_year = result["periods_per_year"].as_f64().unwrap_or(252.0);
        let trades = &session.trades.rows;
        let (open_positions, periods) = (open_positions(&curve, trades), periods(trades));
        session.trades.rows.truncate(TRADES);
        let prices = self.run.prices(&dir).unwrap_or_default();
        let prices = prices.into_iter().map(|series| Prices {
            time: series.time.iter().map(|&time| local(typed, time)).collect(),
            symbol: series.symbol,
            high: series.high,
            low: series.low,
            close: series.close,
            trailing: series.trailing,
            lets: series.lets.into_iter().map(|(name, values)| Plotted { name, values }).collect(),
        });
        let manifests = self.frozen.plan.manifests.iter().map(|(path, _)| path.as_str());
        let years = years(&curve, session.capital);
        let months = years.iter().flat_map(|year| &year.months).filter_map(|month| month.change);
        let page = SessionPage {
            run: self.facts(),
            objective: self.ranking(),
            largest_month: months.map(f64::abs).fold(0.0, f64::max),
            years,
            rolling: rolling(&curve, session.capital, a_year),
            returns: daily_returns(&curve, session.capital),
            open_positions,
            periods,
            prices: prices.collect(),
            events: events(&self.text(&dir, EVENTS)?),
            origins: self.origins(place),
            command: format!(
                "papertape run {} --session {}{}",
                manifests.collect::<Vec<_>>().join(" "),
                label.session,
                filter(&label.axes)
            ),
            session,
        };
        Ok((dir, page))
    }

    /// Every setting of a session: what its layers say, its values on the axes, and what is built in.
    fn origins(&self, place: usize) -> Vec<Origin> {
        let row = &self.results[place].1;
        let point = &self.frozen.plan.points[row.index as usize];
        let base = self.base(row);
        let said = self.origins.get(&base.session.name).map(Vec::as_slice).unwrap_or_default();
        let mut origins: Vec<Origin> = Vec::new();
        let mut add = |path: &str, value: String, origin: String| {
            if !origins.iter().any(|known| known.path == path) && !value.is_empty() {
                origins.push(Origin { path: path.into(), value, origin });
            }
        };
        for (path, value) in base.values(point) {
            add(path, word(value), format!("sweep of {}", base.session.name));
        }
        let definition = base.definition(point);
        let lacks = |path: &str| {
            path.strip_prefix("params.").is_some_and(|name| definition.param(name).is_err())
        };
        for (path, origin) in said.iter().filter(|(path, _)| !lacks(path)) {
            let node = base.declared.tree.at(path);
            add(path, node.map(|node| node.toml()).unwrap_or_default(), origin.clone());
        }
        for param in &definition.params {
            let path = format!("params.{}", param.name);
            let of = format!("strategy {}, default", definition.name);
            add(&path, word(&value(base, point, &path)), of);
        }
        for path in session_paths() {
            let default = session_kind(&path).map(|key| key.default).unwrap_or_default();
            add(&path, default.to_owned(), "built in".into());
        }
        origins
    }
}

/// The option that chooses one point of a sweep.
fn filter(axes: &[(Arc<str>, Scalar)]) -> String {
    let part = |(path, value): &(Arc<str>, Scalar)| match value {
        Scalar::Text(text) => format!("{path} == {text:?}"),
        value => format!("{path} == {}", word(value)),
    };
    match axes.is_empty() {
        true => String::new(),
        false => format!(" --filter '{}'", axes.iter().map(part).collect::<Vec<_>>().join(" and ")),
    }
}

/// The journal of a session; a line that cannot be read is passed over.
fn events(text: &str) -> Events {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut events = Events::default();
    for line in lines {
        events.total += 1;
        if events.rows.len() == EVENTS_SHOWN {
            continue;
        }
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields = line.as_object().into_iter().flatten();
        let facts =
            fields.filter(|(key, value)| *key != "time" && *key != "type" && !value.is_null());
        events.rows.push(Event {
            time: plain(&line["time"]),
            kind: plain(&line["type"]),
            facts: facts
                .map(|(key, value)| Setting { path: key.clone(), value: plain(value) })
                .collect(),
        });
    }
    events
}
