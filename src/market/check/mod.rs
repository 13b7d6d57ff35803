//! From rows as files hold them to bars that can be trusted: looked through, repaired as the manifest
//! says, adjusted, resampled.
//!
//! ```text
//! order -> quotes -> spacing -> adjusted -> jumps -> longer bars
//! ```
//!
//! Every kind of damage is looked for even where an earlier kind refuses the session, so that one call
//! tells all of them. [`order`] places the rows in time, [`quotes`] looks at their prices and volumes,
//! [`spacing`] at what is missing between and after them, [`jumps`] at how the price moves.

mod jumps;
mod order;
mod quotes;
mod spacing;

pub use spacing::complete;

use super::adjust;
use super::calendar::Calendar;
use super::case::{Fact, stamp};
use super::label::Label;
use super::read::{Rows, Told};
use super::time::Stamp;
use super::verdict::{Search, Verdict};
use crate::bars::resample::{Grid, may_grow, may_lack, resample};
use crate::bars::{Bars, Clock, DAY, Extra};
use crate::manifest::data::Check;
use crate::manifest::{Adjust, DataSettings, Policy};
use std::sync::Arc;

/// The bars of `rows` and what was found in them. Of rows that refuse the session the bars are repaired
/// as far as that goes, so that whoever looks can see them.
pub(super) fn clean(rows: &Rows, settings: &DataSettings, calendar: &Calendar) -> (Bars, Verdict) {
    let verdict = Verdict {
        symbol: rows.symbol.clone(),
        rows: rows.len(),
        naive: !rows.stamps.iter().any(|stamp| matches!(stamp, Some(Stamp::Instant(_)))),
        findings: Vec::new(),
        notes: Vec::new(),
        doubts: Vec::new(),
        broken: None,
        file: rows.place(0).0.clone(),
        files: Arc::default(),
        may_grow: false,
        may_lack: false,
    };
    let (clock, kept, lost) = (Clock::utc(DAY), Vec::new(), Vec::new());
    let mut cleaning = Cleaning { rows, settings, calendar, clock, kept, lost, verdict };
    let bars = cleaning.bars().unwrap_or_else(|fact| {
        cleaning.verdict.broken = Some(fact);
        cleaning.kept.clear();
        cleaning.gather().0
    });
    cleaning.verdict.files = cleaning.files();
    (bars, cleaning.verdict)
}

/// The rows of one symbol on their way to bars.
struct Cleaning<'a> {
    rows: &'a Rows,
    settings: &'a DataSettings,
    calendar: &'a Calendar,
    clock: Clock,
    /// The opening time and number of each row that is still in, in order.
    kept: Vec<(i64, usize)>,
    /// The same of rows that were left out: a split or dividend in them happened all the same.
    lost: Vec<(i64, usize)>,
    verdict: Verdict,
}

impl<'a> Cleaning<'a> {
    /// From which time on the rows that are in stand in which file.
    fn files(&self) -> Arc<[(i64, Arc<str>)]> {
        let mut files: Vec<(i64, Arc<str>)> = Vec::new();
        for &(time, row) in &self.kept {
            let file = self.rows.place(row).0;
            if files.last().is_none_or(|(_, last)| last != file) {
                files.push((time, file.clone()));
            }
        }
        files.into()
    }

    fn bars(&mut self) -> Result<Bars, String> {
        let has_gaps = !self.rows.trades;
        self.place()?;
        self.zones();
        self.order();
        self.garbage();
        if has_gaps {
            self.duplicates();
        }
        self.prices();
        self.endings();
        self.range();
        self.volume();
        if has_gaps {
            self.unfinished();
        }
        self.hours()?;
        if has_gaps {
            self.gaps();
            self.stale();
        }
        if self.kept.is_empty() {
            let is_early = self.verdict.findings.iter().any(|it| it.check == Check::Unfinished);
            let now = stamp(self.settings.now);
            return Err(match is_early {
                true => format!("no bar is complete at {now}, the time of `--now` or of the clock"),
                false => "no row is left to trade".into(),
            });
        }
        let (mut bars, told) = self.gather();
        if self.settings.adjust != Adjust::Total && adjust::hides_dividends(&bars, &told) {
            let doubt = "its adjusted closes alone tell of dividends, and none is paid: \
                        `data.adjust = \"total\"` takes them out of the prices";
            self.verdict.doubts.push(doubt.into());
        }
        adjust::adjust(&mut bars, &told, self.settings.adjust)?;
        if has_gaps {
            self.jumps(&bars, &told);
            self.label(&bars);
        }
        self.resampled(bars)
    }

    fn search(&self, check: Check) -> Search<'a> {
        Search::new(self.rows, check, self.policy(check))
    }

    fn policy(&self, check: Check) -> Policy {
        self.settings.checks.policy(check)
    }

    fn found(&mut self, search: Search<'_>, done: &'static str) {
        if let Some(finding) = search.finding(done) {
            self.verdict.add(finding);
        }
    }

    /// Leave out the rows that `is_bad`, which is asked in order, says.
    fn leave_out(&mut self, mut is_bad: impl FnMut(i64, usize) -> bool) {
        let (lost, kept): (Vec<_>, _) =
            self.kept.iter().copied().partition(|&(time, row)| is_bad(time, row));
        self.kept = kept;
        self.lost.extend(lost);
    }

    /// The same, if that is what the manifest says of `check`; what was done about it.
    fn dropped(&mut self, check: Check, is_bad: impl FnMut(i64, usize) -> bool) -> &'static str {
        if self.policy(check) != Policy::Drop {
            return "kept";
        }
        self.leave_out(is_bad);
        "left out"
    }

    fn hours(&mut self) -> Result<(), String> {
        let Some(hours) = self.settings.hours else { return Ok(()) };
        if self.clock.timeframe >= DAY {
            return Err("`data.hours` is for bars that are shorter than a day".into());
        }
        let zone = self.clock.zone.clone();
        self.leave_out(|time, _| !hours.contains(zone.local(time).rem_euclid(DAY)));
        match self.kept.is_empty() && !self.verdict.refuses() {
            true => {
                Err("no bar opens inside `data.hours`; they are local times of `data.timezone`"
                    .into())
            }
            false => Ok(()),
        }
    }

    /// Doubt times of which some name a zone and others do not.
    fn zones(&mut self) {
        let stamps = self.rows.stamps.iter().flatten();
        if !self.verdict.naive && stamps.clone().any(|it| !matches!(it, Stamp::Instant(_))) {
            let doubt = "some of its times name a zone and others do not";
            self.verdict.doubts.push(doubt.into());
        }
    }

    /// Doubt times that look like those of closes where nobody says that they are.
    fn label(&mut self, bars: &Bars) {
        if !self.settings.label_close && Label::guess(bars) == Label::Close {
            let doubt = "the times seem to be those of closes: `data.label = \"close\"` says so";
            self.verdict.doubts.push(doubt.into());
        }
    }

    /// The rows that are kept as bars, and what the file tells of each.
    fn gather(&self) -> (Bars, Told) {
        let pick = |values: &Vec<f64>| -> Vec<f64> {
            self.kept.iter().map(|&(_, row)| values[row]).collect()
        };
        let prices = self.rows.prices.each_ref().map(pick);
        let [open, high, low, close, volume] = prices;
        let volume: Vec<f64> =
            volume.into_iter().map(|v| if v.is_finite() { v } else { f64::NAN }).collect();
        let told = &self.rows.told;
        let mut told = Told {
            adj_close: told.adj_close.as_ref().map(pick),
            split: told.split.as_ref().map(pick),
            dividend: told.dividend.as_ref().map(pick),
        };
        for &(time, row) in &self.lost {
            let next = self.kept.partition_point(|(known, _)| *known < time);
            if next == self.kept.len() {
                continue;
            }
            let (split, dividend) = (&self.rows.told.split, &self.rows.told.dividend);
            if let (Some(theirs), Some(ours)) = (split, &mut told.split)
                && theirs[row] > 0.0
            {
                ours[next] = if ours[next] > 0.0 { ours[next] } else { 1.0 } * theirs[row];
            }
            if let (Some(theirs), Some(ours)) = (dividend, &mut told.dividend)
                && theirs[row] > 0.0
            {
                ours[next] = if ours[next] > 0.0 { ours[next] } else { 0.0 } + theirs[row];
            }
        }
        let extra = self.rows.extra.iter().map(|(name, boolean, values)| Extra {
            name: name.clone(),
            boolean: *boolean,
            values: pick(values).into(),
        });
        let bars = Bars {
            symbol: self.rows.symbol.clone(),
            time: self.kept.iter().map(|(time, _)| *time).collect(),
            open: open.into(),
            high: high.into(),
            low: low.into(),
            close: close.into(),
            volume: volume.into(),
            extra: extra.collect(),
            actions: std::sync::Arc::new([]),
            clock: self.clock.clone(),
        };
        (bars, told)
    }

    /// The bars that the manifest wants instead of those of the file.
    fn resampled(&mut self, bars: Bars) -> Result<Bars, String> {
        let Some(timeframe) = self.settings.resample else {
            return match self.rows.trades {
                true => {
                    Err("the file holds trades; make bars of them with `data.resample = \"1m\"`"
                        .into())
                }
                false => Ok(bars),
            };
        };
        if timeframe < bars.clock.timeframe || timeframe % bars.clock.timeframe != 0 {
            let own = bars.clock.timeframe / 1_000_000;
            return Err(format!(
                "`data.resample` is no multiple of the bars' own {own} seconds; they cannot be cut"
            ));
        }
        let grid = Grid { zone: &bars.clock.zone, timeframe };
        let is_inside = |row: usize| grid.cell(bars.time[row]).0 != bars.time[row];
        let split = bars.actions.iter().find(|action| {
            action.split != 1.0 && action.row > 0 && is_inside(action.row) && {
                grid.cell(bars.time[action.row]).0 == grid.cell(bars.time[action.row - 1]).0
            }
        });
        if let Some(split) = split {
            return Err(format!(
                "a bar of `data.resample` would hold prices from before and after the split of {}; set `data.adjust = \"split\"`",
                stamp(bars.time[split.row])
            ));
        }
        let mut rows = 0..bars.len();
        let longer = Clock { timeframe, zone: bars.clock.zone.clone() };
        if let Some(&last) = bars.time.last() {
            let (open, close) = grid.cell(last);
            let complete = self.complete(&longer, open).min(close + self.settings.delay);
            if self.settings.now < complete {
                let mut search = self.search(Check::Unfinished);
                let row = self.kept.last().map_or(0, |(_, row)| *row);
                search.add(0.0, row, Some(open), Fact::Incomplete(complete));
                let is_dropped = self.policy(Check::Unfinished) == Policy::Drop;
                if is_dropped {
                    rows.end = bars.time.partition_point(|time| *time < open);
                }
                self.found(search, if is_dropped { "left out" } else { "kept" });
            }
        }
        let is_last = rows.end == bars.len() && !self.rows.trades;
        self.verdict.may_grow = is_last && may_grow(&bars, timeframe);
        self.verdict.may_lack = may_lack(&bars, timeframe);
        match rows.is_empty() {
            true => Err("no bar of `data.resample` is complete".into()),
            false => {
                let mut longer = resample(&bars, rows, timeframe);
                self.tell_actions(&mut longer);
                Ok(longer)
            }
        }
    }

    /// Let the columns of splits and dividends tell what is in no price of longer bars: the last of
    /// several values would hide the others from whoever reads these bars again.
    fn tell_actions(&self, bars: &mut Bars) {
        let booked = &self.rows.booked;
        let (mut splits, mut dividends) = (vec![1.0; bars.len()], vec![0.0; bars.len()]);
        for action in bars.actions.iter() {
            splits[action.row] *= action.split;
            dividends[action.row] += action.dividend;
        }
        for (name, values) in [(&booked.split, splits), (&booked.dividend, dividends)] {
            let column = bars.extra.iter_mut().find(|extra| Some(&extra.name) == name.as_ref());
            column.into_iter().for_each(|column| column.values = values.as_slice().into());
        }
    }
}
