//! `split`: the days in and out of sample, which a report shows side by side.
//!
//! A session with a split runs once, over its whole range; only what it is measured at is told for
//! both parts. What is checked here needs no data: that a part has a trading day is seen when the
//! session is planned.

use super::session::Range;
use super::span;
use super::tree::{Node, Table};
use crate::diag::{Mistake, Mistakes, codes};
use chrono::NaiveDate;

/// The days in sample, and those out of sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Those on which parameters may be chosen.
    pub in_sample: Range,
    /// Those that tell whether the choice holds.
    pub out_of_sample: Range,
}

/// The `split` of a session's merged `table`, whose days are `range`; mistakes are added to
/// `mistakes`. `today` is the day from which relative dates count.
pub(super) fn type_split(
    table: &Table,
    range: &Range,
    today: NaiveDate,
    mistakes: &mut Mistakes,
) -> Option<Split> {
    let node = table.get("split")?;
    let mut reader = Reader { table, range, today, mistakes };
    let known = |name: &str| table.at(&format!("split.{name}")).is_some();
    match (known("at"), known("train"), known("test")) {
        (true, false, false) => reader.at(),
        (false, true, true) => Some(reader.parts(node)),
        _ => {
            let title = "`split` holds `at`, or both `train` and `test`";
            reader.refuse(node, title, "write { at = 2010-01-01 }, the first day out of sample");
            None
        }
    }
}

struct Reader<'a> {
    table: &'a Table,
    range: &'a Range,
    today: NaiveDate,
    mistakes: &'a mut Mistakes,
}

impl<'a> Reader<'a> {
    fn refuse(&mut self, node: &Node, title: impl Into<String>, label: &str) {
        self.mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title).label(label));
    }

    /// The first or `last` day of the date at `path`, and where it stands.
    fn day(&mut self, path: &str, last: bool) -> Option<(NaiveDate, &'a Node)> {
        let node = self.table.at(path)?;
        match span::days(node, self.today) {
            Ok((first, end)) => Some((if last { end } else { first }, node)),
            Err(fact) => {
                let title = format!("`{path}` is a date such as 2013-03-01, \"2013-05\" or 2013");
                self.refuse(node, title, &fact);
                None
            }
        }
    }

    fn at(&mut self) -> Option<Split> {
        let (at, node) = self.day("split.at", false)?;
        let Range { from, to } = *self.range;
        let label = "this is the first day out of sample";
        if from.is_some_and(|from| at <= from) {
            self.refuse(node, "`split.at` leaves no day in sample", label);
        } else if to.is_some_and(|to| at > to) {
            self.refuse(node, "`split.at` leaves no day out of sample", label);
        }
        Some(Split {
            in_sample: Range { from, to: at.pred_opt() },
            out_of_sample: Range { from: Some(at), to },
        })
    }

    fn parts(&mut self, node: &Node) -> Split {
        let split = Split { in_sample: self.part("train"), out_of_sample: self.part("test") };
        if overlap(&split.in_sample, &split.out_of_sample) {
            let title = "`split.train` and `split.test` have days in common";
            self.refuse(node, title, "a day is in sample or out of sample");
        }
        split
    }

    fn part(&mut self, name: &str) -> Range {
        let from = self.day(&format!("split.{name}.from"), false);
        let to = self.day(&format!("split.{name}.to"), true);
        if let (Some((from, _)), Some((to, node))) = (from, to)
            && from > to
        {
            let title = format!("`split.{name}` ends on {to}, before it starts on {from}");
            self.refuse(node, title, "");
        }
        let day = |(day, _): (NaiveDate, &Node)| day;
        Range { from: from.map(day).or(self.range.from), to: to.map(day).or(self.range.to) }
    }
}

fn overlap(a: &Range, b: &Range) -> bool {
    let from = a.from.max(b.from);
    let to = match (a.to, b.to) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    from.zip(to).is_none_or(|(from, to)| from <= to)
}
