//! The rows in the order of time: what has no time, what stands in the wrong place, what stands there
//! twice.

use super::super::case::Fact;
use super::super::read::Told;
use super::super::time::{self, Stamp};
use super::super::verdict::Search;
use super::Cleaning;
use crate::bars::{Clock, DAY};
use crate::expr::PRICES;
use crate::manifest::Policy;
use crate::manifest::data::Check;
use std::ops::Range;

/// What stands in the way of a guess.
const ONE_ROW: &str = "the length of a bar cannot be guessed from one row; set `data.timeframe`";

impl Cleaning<'_> {
    /// Give every row its opening time, as far as it has one.
    pub(super) fn place(&mut self) -> Result<(), String> {
        let mut search = self.search(Check::Order);
        let placed = self.in_files();
        let mut raw: Vec<i64> = placed.iter().map(|(stamp, _)| stamp.raw()).collect();
        // Steps between rows out of order are none between bars.
        raw.sort_unstable();
        let timeframe = match self.rows.trades {
            // A trade is a bar of no length.
            true => 1,
            false => self.settings.timeframe.or_else(|| time::timeframe(&raw)).ok_or(ONE_ROW)?,
        };
        // Days are counted on the wall, and shorter bars by what has passed: the clocks may have skipped
        // the time at which one opened.
        let (closes, days) = (self.settings.label_close, timeframe % DAY == 0);
        let placed_at = |stamp: Stamp| match stamp {
            Stamp::Wall(close) if closes && days => Stamp::Wall(close - timeframe),
            // A date names the day at whose end the bar closes.
            Stamp::Date(day) if closes => Stamp::Date(day + DAY - timeframe),
            stamp => stamp,
        };
        let stamps: Vec<Stamp> = placed.iter().map(|(stamp, _)| placed_at(*stamp)).collect();
        let (mut times, zone, skipped) = time::instants(&stamps, self.settings.timezone);
        for (time, stamp) in times.iter_mut().zip(&stamps).filter(|_| closes) {
            match stamp {
                Stamp::Instant(close) if days => {
                    *time = zone.instant(zone.local(*close) - timeframe);
                }
                Stamp::Instant(_) => *time -= timeframe,
                Stamp::Wall(_) if !days => *time -= timeframe,
                Stamp::Wall(_) | Stamp::Date(_) => {}
            }
        }
        self.clock = Clock { timeframe, zone };
        self.kept = times.into_iter().zip(placed.iter().map(|(_, row)| *row)).collect();
        for row in (0..self.rows.len()).filter(|row| self.rows.stamps[*row].is_none()) {
            let fact = match (self.torn(row), self.odd(row)) {
                (Some(fact), _) => fact,
                (None, Some((_, text))) => Fact::NotATime(text.into()),
                (None, None) => Fact::NoTime,
            };
            search.add(1e18, row, None, fact);
        }
        let mut never = vec![false; if skipped.is_empty() { 0 } else { self.rows.len() }];
        for at in skipped {
            let row = self.kept[at].1;
            never[row] = true;
            let fact = Fact::Skipped(stamps[at].raw(), self.settings.timezone);
            search.add(1e17, row, None, fact);
        }
        if self.policy(Check::Order) == Policy::Drop && !never.is_empty() {
            self.leave_out(|_, row| never[row]);
        }
        self.found(search, "left out");
        Ok(())
    }

    /// The rows that have a time, with it. A file that begins with its newest row is read from its end,
    /// and a file that begins earlier comes first: no row is to blame for either.
    fn in_files(&mut self) -> Vec<(Stamp, usize)> {
        let stamps = &self.rows.stamps;
        let with_time = |row: usize| stamps[row].map(|stamp| (stamp, row));
        let mut files: Vec<Vec<(Stamp, usize)>> = self
            .rows
            .by_file()
            .map(|rows: Range<usize>| rows.filter_map(with_time).collect())
            .collect();
        let mut backward = 0;
        for rows in &mut files {
            let steps = rows.windows(2).map(|pair| pair[1].0.raw() - pair[0].0.raw());
            // A few rows out of place do not turn a file around.
            if steps.map(i64::signum).sum::<i64>() < 0 {
                rows.reverse();
                backward += 1;
            }
        }
        let of = if files.len() > 1 {
            format!(" in {backward} of {} files", files.len())
        } else {
            String::new()
        };
        if backward > 0 {
            self.verdict.notes.push(format!("newest row first{of}: read from the end"));
        }
        files.sort_by_key(|rows| rows.first().map(|(stamp, _)| stamp.raw()));
        files.concat()
    }

    /// Put the rows in order, and say which ones were not: as few as can be, so that one date that is
    /// far too late does not make all others late.
    pub(super) fn order(&mut self) {
        let times: Vec<i64> = self.kept.iter().map(|(time, _)| *time).collect();
        let strays = strays(&times);
        let policy = self.settings.checks.astray();
        let mut search = Search::new(self.rows, Check::Order, policy);
        let mut is_stray = vec![false; if strays.is_empty() { 0 } else { times.len() }];
        for &at in &strays {
            is_stray[at] = true;
        }
        for &at in &strays {
            let time = times[at];
            let before = times[..at].iter().zip(&is_stray).rev().find(|(_, stray)| !*stray);
            let (bad, fact) = match before {
                Some((&before, _)) if before > time => (before - time, Fact::After(before)),
                _ => {
                    let mut after = times[at..].iter().zip(&is_stray[at..]);
                    let next = after.find(|(_, stray)| !*stray).map_or(time, |(next, _)| *next);
                    (time - next, Fact::Before(next))
                }
            };
            search.add(bad as f64, self.kept[at].1, Some(time), fact);
        }
        let done = match policy {
            Policy::Drop if !strays.is_empty() => {
                let mut stray = is_stray.into_iter();
                self.leave_out(|_, _| stray.next() == Some(true));
                "left out"
            }
            _ => "sorted",
        };
        // Rows of one time stay in the order of the file.
        self.kept.sort_by_key(|(time, _)| *time);
        self.found(search, done);
    }

    /// Of rows with one time keep the last.
    pub(super) fn duplicates(&mut self) {
        let mut search = self.search(Check::Duplicates);
        let mut again = Search::new(self.rows, Check::Duplicates, self.settings.checks.again());
        let twice = |pair: &[(i64, usize)]| pair[0].0 == pair[1].0;
        for pair in self.kept.windows(2).filter(|pair| twice(pair)) {
            let ((_, before), (time, row)) = (pair[0], pair[1]);
            let differs = |column: &Vec<f64>| column[before].to_bits() != column[row].to_bits();
            let extra = self.rows.extra.iter().map(|(name, _, values)| (&**name, values));
            let Told { adj_close, split, dividend } = &self.rows.told;
            let booked = [("adj_close", adj_close), ("split", split), ("dividend", dividend)];
            let booked = booked.into_iter().filter_map(|(name, it)| Some((name, it.as_ref()?)));
            // The close says most of how bad it is, and is told where it differs.
            let told = [3, 0, 1, 2, 4].map(|it| (PRICES[it], &self.rows.prices[it]));
            let other =
                told.into_iter().chain(booked).chain(extra).find(|(_, column)| differs(column));
            let close = &self.rows.prices[3];
            let (file, number) = self.rows.place(before);
            let elsewhere = Some(file).filter(|file| *file != self.rows.place(row).0).cloned();
            match other {
                None => again.add(0.0, row, Some(time), Fact::Again(number, elsewhere)),
                Some((name, column)) => {
                    let bad = (close[row] / close[before]).ln().abs().max(1e-12);
                    let values = [column[row], column[before]];
                    let fact = Fact::Differs(number, elsewhere, name.into(), values);
                    search.add(bad, row, Some(time), fact);
                }
            }
        }
        let mut last: Vec<(i64, usize)> = Vec::with_capacity(self.kept.len());
        for &(time, row) in &self.kept {
            match last.last_mut() {
                Some(known) if known.0 == time => known.1 = row,
                _ => last.push((time, row)),
            }
        }
        self.kept = last;
        self.found(search, "the last of each kept");
        self.found(again, "the last of each kept");
    }
}

/// The places of the fewest times without which `times` would not descend anywhere: all that are not in
/// the longest part that ascends. It is found from the end, by keeping for each length the part that
/// begins latest, so that of two rows in the wrong order the later one is the stray.
fn strays(times: &[i64]) -> Vec<usize> {
    if times.is_sorted() {
        return Vec::new();
    }
    let mut begins: Vec<usize> = Vec::new();
    let mut next: Vec<Option<usize>> = vec![None; times.len()];
    for (at, time) in times.iter().enumerate().rev() {
        let length = begins.partition_point(|begin| times[*begin] >= *time);
        next[at] = length.checked_sub(1).map(|shorter| begins[shorter]);
        match begins.get_mut(length) {
            Some(begin) => *begin = at,
            None => begins.push(at),
        }
    }
    let mut is_stray = vec![true; times.len()];
    let mut here = begins.last().copied();
    while let Some(at) = here {
        is_stray[at] = false;
        here = next[at];
    }
    (0..times.len()).filter(|at| is_stray[*at]).collect()
}

#[cfg(test)]
mod tests {
    use super::strays;

    #[test]
    fn as_few_rows_as_can_be_are_out_of_order() {
        assert_eq!(strays(&[1, 2, 2, 3]), [] as [usize; 0]);
        assert_eq!(strays(&[1, 2, 99, 3, 4, 5]), [2], "and not the three after it");
        assert_eq!(strays(&[1, 4, 2, 5, 3, 6, 7]), [2, 4]);
        assert_eq!(strays(&[5, 1, 2, 3, 3, 0]), [0, 5]);
    }
}
