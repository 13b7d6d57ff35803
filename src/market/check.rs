//! What bars must be before anything is computed from them.

use super::DataError;
use crate::bars::Bars;
use crate::diag::counted;
use chrono::DateTime;
use std::path::Path;

/// How many findings of a kind are spelled out.
const SHOWN: usize = 10;

/// A kind of damage, and the rows that have it.
struct Finding {
    what: &'static str,
    remedy: &'static str,
    rows: Vec<String>,
    count: usize,
}

impl Finding {
    fn new(what: &'static str, remedy: &'static str) -> Self {
        Self { what, remedy, rows: Vec::new(), count: 0 }
    }

    fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.rows.len() < SHOWN {
            self.rows.push(text());
        }
    }
}

/// Refuse bars out of order, doubled, or with prices that no market ever had. `rows` are the rows of
/// the file that the bars were read from.
pub(super) fn check(file: &Path, bars: &Bars, rows: &[u32]) -> Result<(), DataError> {
    let mut order = Finding::new("out of order", "sort the rows by time");
    let mut doubled = Finding::new("doubled", "keep one row a time");
    let mut missing = Finding::new("with a missing price", "fill or drop the rows before running");
    let mut impossible = Finding::new(
        "with an impossible price",
        "prices are above zero, and no high is below its low",
    );
    let prices =
        [("open", &bars.open), ("high", &bars.high), ("low", &bars.low), ("close", &bars.close)];
    for row in 0..bars.len() {
        let at = || format!("row {} ({}, {})", rows[row] + 1, bars.symbol, stamp(bars.time[row]));
        if row > 0 {
            match bars.time[row].cmp(&bars.time[row - 1]) {
                std::cmp::Ordering::Less => {
                    order.add(|| format!("{} comes after {}", at(), stamp(bars.time[row - 1])));
                }
                std::cmp::Ordering::Equal => doubled.add(at),
                std::cmp::Ordering::Greater => {}
            }
        }
        for (name, column) in prices {
            let value = column[row];
            if value.is_nan() {
                missing.add(|| format!("{}: `{name}` is missing", at()));
            } else if value <= 0.0 || value.is_infinite() {
                impossible.add(|| format!("{}: `{name}` is {value}", at()));
            }
        }
        let (high, low) = (bars.high[row], bars.low[row]);
        if high < low {
            impossible.add(|| format!("{}: `high` {high} is below `low` {low}", at()));
        }
    }
    let found: Vec<String> = [order, doubled, missing, impossible]
        .into_iter()
        .filter(|finding| finding.count > 0)
        .map(|finding| {
            let more = finding.count - finding.rows.len();
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            let rows = finding.rows.join("; ");
            let count = counted(finding.count, "row");
            format!("{count} {}: {rows}{rest}; {}", finding.what, finding.remedy)
        })
        .collect();
    if found.is_empty() { Ok(()) } else { Err(DataError::new(file, found.join(" | "))) }
}

/// An instant as people read it.
fn stamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
