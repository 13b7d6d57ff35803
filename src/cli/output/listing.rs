//! What every list has in common: which part of it is shown, in which order, and how.

use super::Format;
use super::cell::Cell;
use super::records::Records;
use crate::cli::context::{Context, Usage};
use crate::cli::exit::Exit;
use crate::diag::closest;
use anyhow::Result;

/// Options of every list: which part of it is shown, in which order, and how.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Listing {
    /// Sort by a column or metric: `sharpe`, and from the largest `-sharpe` or `sharpe:desc`
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, value_parser = Sort::parse)]
    pub(super) sort: Option<Sort>,
    /// Show at most so many, 0 for all [default: 50 in a table, else all]
    #[arg(long, value_name = "NUMBER")]
    pub(super) limit: Option<usize>,
    /// Leave out so many at the start
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) offset: usize,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

/// By which column a list is sorted, or by which key a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Sort {
    /// The column or key.
    pub(in crate::cli) name: String,
    /// Whether the largest comes first.
    pub(in crate::cli) descending: bool,
}

impl Sort {
    /// The order that `text` means, such as `-sharpe`.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        let (column, descending) = match (text.strip_prefix('-'), text.split_once(':')) {
            (Some(column), None) => (column, true),
            (None, Some((column, "desc"))) => (column, true),
            (None, Some((column, "asc"))) => (column, false),
            (None, None) => (text, false),
            _ => return Err("write `sharpe`, `-sharpe`, `sharpe:asc` or `sharpe:desc`".into()),
        };
        let column = column.strip_prefix("metrics.").unwrap_or(column);
        if column.is_empty() {
            return Err("the name of a column is missing".into());
        }
        Ok(Self { name: column.to_owned(), descending })
    }

    /// Sort; what has no value stands last either way, and equal rows stay as they are.
    pub(super) fn apply(&self, records: &mut Records) -> Result<(), Usage> {
        let Some(place) = records.place(&self.name) else {
            let known: Vec<&str> =
                records.columns.iter().map(|column| column.name.as_str()).collect();
            let remedy = match closest(&self.name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            return Err(Usage(format!("unknown column `{}`; {remedy}", self.name)));
        };
        let is_absent = |row: &[Cell]| row[place] == Cell::Absent;
        records.rows.sort_by(|a, b| {
            let order = a[place].order(&b[place]);
            let order = if self.descending { order.reverse() } else { order };
            is_absent(a).cmp(&is_absent(b)).then(order)
        });
        Ok(())
    }
}

impl Listing {
    /// How the list is written.
    pub(in crate::cli) fn format(&self) -> Format {
        self.format
    }

    /// Print the wanted part of `records`; people see the columns `shown`, and the one that the list
    /// is sorted by. On a narrow terminal a table goes without those of `spare`, the first of them first.
    pub(in crate::cli) fn print(
        &self,
        records: Records,
        shown: &[&str],
        spare: &[&str],
        context: &Context,
    ) -> Result<Exit> {
        let found = records.rows.len();
        let mut part = self.part(records, shown)?;
        if self.format == Format::Table {
            let sorted = self.sort.as_ref().map(|sort| sort.name.as_str());
            let spare: Vec<&str> =
                spare.iter().copied().filter(|name| Some(*name) != sorted).collect();
            part = part.sparing(&spare);
        }
        part.print(self.format)?;
        let last = self.offset + part.rows.len();
        if self.limit.is_none() && self.offset < last && last < found {
            let first = self.offset + 1;
            context.say(&format!("{first} to {last} of {found}; `--limit 0` shows all"));
        }
        Ok(if part.is_empty() { Exit::Nothing } else { Exit::Success })
    }

    pub(super) fn part(&self, mut records: Records, shown: &[&str]) -> Result<Records, Usage> {
        /// How long a table is unless somebody says so.
        const TABLE: usize = 50;
        let mut shown = shown.to_vec();
        if let Some(sort) = &self.sort {
            sort.apply(&mut records)?;
            if !shown.contains(&sort.name.as_str()) {
                shown.push(&sort.name);
            }
        }
        let limit = match self.limit {
            Some(0) => usize::MAX,
            Some(limit) => limit,
            None if self.format == Format::Table => TABLE,
            None => usize::MAX,
        };
        records.rows = records.rows.into_iter().skip(self.offset).take(limit).collect();
        Ok(if self.format.is_for_people() { records.select(&shown) } else { records })
    }
}
