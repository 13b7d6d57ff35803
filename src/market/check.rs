//! From rows as files hold them to bars that can be trusted: looked through, repaired as the manifest
//! says, adjusted, resampled.
//!
//! Every kind of damage is looked for even where an earlier kind refuses the session, so that one call
//! tells all of them.

use super::adjust;
use super::calendar::Calendar;
use super::read::{Rows, Told};
use super::time::{self, Stamp};
use super::verdict::{Search, Verdict, stamp};
use crate::bars::resample::{Grid, resample};
use crate::bars::{Bars, Clock, DAY, Extra, Zone};
use crate::manifest::data::Check;
use crate::manifest::{Adjust, DataSettings, Policy};
use chrono::NaiveDate;

/// How far a price may lie outside its bar, as a fraction of it: files round.
const ROUNDING: f64 = 1e-9;
/// A change of the price by less than this is no split that exchanges see.
const SMALLEST_SPLIT: f64 = 1.4;
/// A change of the price by more than this in one bar is a jump, whatever it looks like.
const LARGEST_MOVE: f64 = 5.0;
/// So many complete bars missing at the end make data old.
const STALE_BARS: i64 = 3;

/// The bars of `rows` and what was found in them. Of rows that refuse the session the bars are repaired
/// as far as that goes, so that whoever looks can see them.
pub(super) fn clean(rows: &Rows, settings: &DataSettings, calendar: &Calendar) -> (Bars, Verdict) {
    let verdict = Verdict {
        symbol: rows.symbol.clone(),
        rows: rows.len(),
        findings: Vec::new(),
        notes: Vec::new(),
        broken: None,
        file: rows.place(0).0.clone(),
    };
    let (clock, kept, lost) = (Clock::utc(DAY), Vec::new(), Vec::new());
    let mut cleaning = Cleaning { rows, settings, calendar, clock, kept, lost, verdict };
    let bars = cleaning.bars().unwrap_or_else(|fact| {
        cleaning.verdict.broken = Some(fact);
        cleaning.kept.clear();
        cleaning.gather().0
    });
    (bars, cleaning.verdict)
}

/// The first instant at which a bar that opens at `open` is known: its close by the clock, that of a
/// daily bar where the calendar has one, and `data.delay` later. Microseconds since
/// 1970-01-01T00:00:00Z.
pub fn complete(settings: &DataSettings, calendar: &Calendar, clock: &Clock, open: i64) -> i64 {
    let day = clock.zone.local(open).div_euclid(DAY) as i32;
    let session = || calendar.instants(day, &clock.zone).map(|(_, close)| close);
    // A day is over when its session is.
    let of_day = (clock.timeframe == DAY).then(session).flatten();
    of_day.unwrap_or_else(|| clock.close(open)).saturating_add(settings.delay)
}

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
    fn bars(&mut self) -> Result<Bars, String> {
        let has_gaps = !self.rows.trades;
        self.place()?;
        self.order();
        if has_gaps {
            self.duplicates();
        }
        self.prices();
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
        adjust::adjust(&mut bars, &told, self.settings.adjust)?;
        if has_gaps {
            self.jumps(&bars, &told);
        }
        self.resampled(bars)
    }

    fn search(&self, check: Check) -> Search<'a> {
        Search::new(self.rows, check, self.settings.checks.policy(check))
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
        let (lost, kept) = self.kept.iter().copied().partition(|&(time, row)| is_bad(time, row));
        self.kept = kept;
        self.lost.extend::<Vec<_>>(lost);
    }

    /// The column and the text of the first cell of a row that cannot be read.
    fn odd(&self, row: usize) -> Option<(&'a str, &'a str)> {
        let cells = &self.rows.odd;
        let first = cells.partition_point(|(known, ..)| *known < row);
        let (at, name, text) = cells.get(first)?;
        (*at == row).then_some((name, text))
    }

    /// Give every row its opening time, as far as it has one.
    fn place(&mut self) -> Result<(), String> {
        let mut search = self.search(Check::Order);
        let mut placed: Vec<(Stamp, usize)> = Vec::with_capacity(self.rows.len());
        for (row, stamp) in self.rows.stamps.iter().enumerate() {
            match stamp {
                Some(stamp) => placed.push((*stamp, row)),
                None => search.add(1e18, row, None, || match self.odd(row) {
                    Some((_, text)) => format!("`{text}` is not a time"),
                    None => "its time is missing".into(),
                }),
            }
        }
        let descends = |pair: &[(Stamp, usize)]| pair[0].0.raw() >= pair[1].0.raw();
        let ends = (placed.first(), placed.last());
        if let (Some((first, _)), Some((last, _))) = ends
            && first.raw() > last.raw()
            && placed.windows(2).all(descends)
        {
            placed.reverse();
            self.verdict.notes.push("newest row first: read from the end".into());
        }
        let raw: Vec<i64> = placed.iter().map(|(stamp, _)| stamp.raw()).collect();
        let timeframe = match self.rows.trades {
            // A trade is a bar of no length.
            true => 1,
            false => self.settings.timeframe.or_else(|| time::timeframe(&raw)).ok_or(
                "the length of a bar cannot be guessed from one row; set `data.timeframe`",
            )?,
        };
        let opened = |stamp: Stamp| match (self.settings.label_close, stamp) {
            (true, Stamp::Instant(close)) => Stamp::Instant(close - timeframe),
            (true, Stamp::Wall(close)) => Stamp::Wall(close - timeframe),
            // A date names the day at whose end the bar closes.
            (true, Stamp::Date(day)) => Stamp::Date(day + DAY - timeframe),
            (false, stamp) => stamp,
        };
        let opened: Vec<Stamp> = placed.iter().map(|(stamp, _)| opened(*stamp)).collect();
        let (times, zone, skipped) = time::instants(&opened, self.settings.timezone);
        self.clock = Clock { timeframe, zone };
        self.kept = times.into_iter().zip(placed.iter().map(|(_, row)| *row)).collect();
        let mut never = vec![false; if skipped.is_empty() { 0 } else { self.rows.len() }];
        for at in skipped {
            let row = self.kept[at].1;
            never[row] = true;
            let wall = stamp(opened[at].raw());
            search.add(1e17, row, None, || {
                let zone = self.settings.timezone;
                format!("the clocks of {zone} never showed {}", wall.trim_end_matches('Z'))
            });
        }
        if self.policy(Check::Order) == Policy::Drop && !never.is_empty() {
            self.leave_out(|_, row| never[row]);
        }
        self.found(search, "left out");
        Ok(())
    }

    fn order(&mut self) {
        let mut search = self.search(Check::Order);
        let mut latest = i64::MIN;
        for &(time, row) in &self.kept {
            if time < latest {
                let bad = (latest - time) as f64;
                search.add(bad, row, Some(time), || format!("comes after {}", stamp(latest)));
            }
            latest = latest.max(time);
        }
        let done = match self.policy(Check::Order) {
            Policy::Drop => {
                let mut latest = i64::MIN;
                self.leave_out(|time, _| {
                    let is_late = time < latest;
                    latest = latest.max(time);
                    is_late
                });
                "left out"
            }
            _ => "sorted",
        };
        // Rows of one time stay in the order of the file.
        self.kept.sort_by_key(|(time, _)| *time);
        self.found(search, done);
    }

    fn duplicates(&mut self) {
        let mut search = self.search(Check::Duplicates);
        let twice = |pair: &[(i64, usize)]| pair[0].0 == pair[1].0;
        for pair in self.kept.windows(2).filter(|pair| twice(pair)) {
            let ((_, before), (time, row)) = (pair[0], pair[1]);
            let differs = |column: &Vec<f64>| column[before].to_bits() != column[row].to_bits();
            let close = &self.rows.prices[3];
            let same = !self.rows.prices.iter().any(differs);
            let bad = if same { 0.0 } else { (close[row] / close[before]).ln().abs().max(1e-12) };
            search.add(bad, row, Some(time), || {
                let (file, number) = self.rows.place(before);
                let there = match Some(file) == Some(self.rows.place(row).0) {
                    true => format!("row {number}"),
                    false => format!("row {number} of {file}"),
                };
                match same {
                    true => format!("is {there} again"),
                    false => {
                        format!("`close` is {} here and {} in {there}", close[row], close[before])
                    }
                }
            });
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
    }

    fn prices(&mut self) {
        let mut search = self.search(Check::Prices);
        let prices = &self.rows.prices[..4];
        let names = if self.rows.trades { ["price"; 4] } else { ["open", "high", "low", "close"] };
        let is_usable = |value: f64| value > 0.0 && value.is_finite();
        let is_good = |row: usize| {
            prices.iter().all(|column| is_usable(column[row])) && self.odd(row).is_none()
        };
        let mut any = false;
        for &(time, row) in &self.kept {
            if is_good(row) {
                continue;
            }
            any = true;
            let worst = || names.iter().zip(prices).find(|(_, column)| !is_usable(column[row]));
            let (bad, fact) = match (self.odd(row), worst()) {
                (Some((column, text)), _) => (3.0, format!("`{column}` is `{text}`, not a number")),
                (None, Some((name, column))) if column[row].is_nan() => {
                    (1.0, format!("`{name}` is missing"))
                }
                (None, Some((name, column))) => (2.0, format!("`{name}` is {}", column[row])),
                (None, None) => continue,
            };
            search.add(bad, row, Some(time), || fact);
        }
        if any {
            // Nothing can be bought or sold at such a price, so no policy keeps the row.
            let good: Vec<bool> = self.kept.iter().map(|(_, row)| is_good(*row)).collect();
            let mut good = good.into_iter();
            self.leave_out(|_, _| good.next() == Some(false));
        }
        self.found(search, "left out");
    }

    fn range(&mut self) {
        let mut search = self.search(Check::Range);
        let [open, high, low, close, _] = &self.rows.prices;
        let outside = |row: usize| {
            let (high, low) = (high[row], low[row]);
            let above = open[row].max(close[row]).max(low) / high - 1.0;
            let below = 1.0 - open[row].min(close[row]).min(high) / low;
            above.max(below)
        };
        for &(time, row) in &self.kept {
            let bad = outside(row);
            if bad > ROUNDING {
                search.add(bad, row, Some(time), || {
                    let (high, low) = (high[row], low[row]);
                    if high < low {
                        return format!("`high` {high} is below `low` {low}");
                    }
                    let is_outside = |value: f64| !(low..=high).contains(&value);
                    let (name, value) = match is_outside(close[row]) {
                        true => ("close", close[row]),
                        false => ("open", open[row]),
                    };
                    format!("`{name}` {value} is outside of `low` {low} to `high` {high}")
                });
            }
        }
        let done = match self.policy(Check::Range) {
            Policy::Drop => {
                self.leave_out(|_, row| outside(row) > ROUNDING);
                "left out"
            }
            _ => "kept",
        };
        self.found(search, done);
    }

    fn volume(&mut self) {
        let mut search = self.search(Check::Volume);
        let volume = &self.rows.prices[4];
        for &(time, row) in &self.kept {
            if volume[row] <= 0.0 {
                search
                    .add(-volume[row], row, Some(time), || format!("`volume` is {}", volume[row]));
            }
        }
        let done = match self.policy(Check::Volume) {
            Policy::Drop => {
                self.leave_out(|_, row| volume[row] <= 0.0);
                "left out"
            }
            _ => "kept",
        };
        self.found(search, done);
    }

    /// When a bar of `clock` that opens at `open` is complete.
    fn complete(&self, clock: &Clock, open: i64) -> i64 {
        complete(self.settings, self.calendar, clock, open)
    }

    /// Bars that nobody can know yet: the last one while it grows, and whatever is later.
    fn unfinished(&mut self) {
        let mut search = self.search(Check::Unfinished);
        let now = self.settings.now;
        let known = self.kept.partition_point(|(time, _)| self.complete(&self.clock, *time) <= now);
        for &(time, row) in &self.kept[known..] {
            let complete = self.complete(&self.clock, time);
            let bad = (complete - now) as f64;
            search.add(bad, row, Some(time), || format!("is complete at {}", stamp(complete)));
        }
        if self.policy(Check::Unfinished) == Policy::Drop {
            let from = self.kept.get(known).map_or(i64::MAX, |(time, _)| *time);
            self.leave_out(|time, _| time >= from);
        }
        self.found(search, self.unfinished_done());
    }

    fn unfinished_done(&self) -> &'static str {
        if self.policy(Check::Unfinished) == Policy::Drop { "left out" } else { "kept" }
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

    fn gaps(&mut self) {
        let mut search = self.search(Check::Gaps);
        if self.policy(Check::Gaps) == Policy::Off {
            return;
        }
        let days = Days::new(&self.clock, self.calendar, self.settings);
        let mut last_day = None;
        let mut closed = Vec::new();
        for (index, &(time, row)) in self.kept.iter().enumerate() {
            let day = days.of(time);
            if last_day != Some(day) {
                last_day = Some(day);
                if days.is_wrong(day) {
                    closed.push(day);
                }
            }
            if closed.last() == Some(&day) {
                let word = self.calendar.word();
                search.add(0.5, row, Some(time), || {
                    format!("{} is no trading day of {word}", date(day))
                });
            }
            let Some(&(before, _)) = index.checked_sub(1).and_then(|at| self.kept.get(at)) else {
                continue;
            };
            let missing = days.missing(before, time);
            if missing > 0 {
                search.add(missing as f64, row, Some(time), || {
                    let bars = crate::diag::counted(missing as usize, "bar");
                    format!("{bars} missing after {}", stamp(before))
                });
            }
        }
        let done = match self.policy(Check::Gaps) {
            Policy::Drop => {
                let of = |time: i64| days.of(time);
                let closed: Vec<bool> =
                    self.kept.iter().map(|(time, _)| closed.contains(&of(*time))).collect();
                let mut row = 0;
                self.leave_out(|_, _| {
                    row += 1;
                    closed[row - 1]
                });
                "bars of days without trading left out"
            }
            _ => "kept",
        };
        self.found(search, done);
    }

    fn stale(&mut self) {
        let mut search = self.search(Check::Stale);
        let Some(&(time, row)) = self.kept.last() else { return };
        if self.policy(Check::Stale) == Policy::Off {
            return;
        }
        let days = Days::new(&self.clock, self.calendar, self.settings);
        // The first opening time of which a bar would not be complete by now.
        let now = self.settings.now - self.settings.delay + 1;
        let until = if self.clock.timeframe >= DAY { now } else { now - self.clock.timeframe };
        let missing = if until > time { days.missing(time, until) } else { 0 };
        if missing >= STALE_BARS {
            search.add(missing as f64, row, Some(time), || {
                let bars = crate::diag::counted(missing as usize, "complete bar");
                format!("is the last, and {bars} should follow it by now")
            });
        }
        self.found(search, "kept");
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

    /// Moves of the price, as it is traded here, that look like a split or are too large to be true.
    fn jumps(&mut self, bars: &Bars, told: &Told) {
        if self.policy(Check::Jumps) == Policy::Off {
            return;
        }
        let mut search = self.search(Check::Jumps);
        let is_raw = self.settings.adjust == Adjust::None;
        for row in 1..bars.len() {
            let (before, open) = (bars.close[row - 1], bars.open[row]);
            // What the account books is no jump.
            let split = adjust::split(told, row);
            let booked = if is_raw { split } else { 1.0 };
            let falls = [before / open / booked, before / bars.close[row] / booked];
            let change = falls[0].max(1.0 / falls[0]);
            if change < SMALLEST_SPLIT {
                continue;
            }
            // The day of a split moves prices as any other day does; three for two is nearer to them.
            let looks = adjust::split_like(falls[0], 0.1).filter(|split| {
                let near = if *split == 1.5 || *split == 1.0 / 1.5 { 0.03 } else { 0.1 };
                falls.iter().all(|fall| (fall / split - 1.0).abs() <= near)
            });
            if looks.is_none() && change < LARGEST_MOVE {
                continue;
            }
            let (time, number) = self.kept[row];
            search.add(change.ln(), number, Some(time), || {
                let moved = format!("the price goes from {before} to {open}");
                let remedy = "`data.adjust` takes it out";
                match looks {
                    _ if split != 1.0 => format!(
                        "{moved} where the file tells of a split of {split}: its prices are adjusted already"
                    ),
                    Some(split) if split > 1.0 => {
                        format!("{moved} like a split of {split} for 1; {remedy}")
                    }
                    Some(split) => {
                        format!("{moved} like a merger of {} into 1; {remedy}", (1.0 / split).round())
                    }
                    None => format!("{moved} at once"),
                }
            });
        }
        self.found(search, "kept");
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
                search.add(0.0, row, Some(open), || format!("is complete at {}", stamp(complete)));
                if self.policy(Check::Unfinished) == Policy::Drop {
                    rows.end = bars.time.partition_point(|time| *time < open);
                }
                self.found(search, self.unfinished_done());
            }
        }
        match rows.is_empty() {
            true => Err("no bar of `data.resample` is complete".into()),
            false => Ok(resample(&bars, rows, timeframe)),
        }
    }
}

fn date(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or_default()
}

/// The days of some bars, and how many bars they should have.
struct Days<'a> {
    zone: &'a Zone,
    timeframe: i64,
    calendar: &'a Calendar,
    settings: &'a DataSettings,
}

impl<'a> Days<'a> {
    fn new(clock: &'a Clock, calendar: &'a Calendar, settings: &'a DataSettings) -> Self {
        Self { zone: &clock.zone, timeframe: clock.timeframe, calendar, settings }
    }

    fn of(&self, time: i64) -> i32 {
        self.zone.local(time).div_euclid(DAY) as i32
    }

    /// Whether no bar should lie on `day`.
    fn is_wrong(&self, day: i32) -> bool {
        // A week of currencies opens on Sunday evening.
        let is_strict = self.timeframe == DAY || self.calendar.session(day + 1).is_some();
        let has_hours = (-7..=7).any(|near| self.calendar.session(day + near).is_some());
        self.timeframe <= DAY && (is_strict || has_hours) && !self.calendar.is_open(day)
    }

    /// How many bars are missing between two that open at `before` and `after`.
    fn missing(&self, before: i64, after: i64) -> i64 {
        if after - before == self.timeframe {
            return 0;
        }
        let local = |time: i64| self.zone.local(time);
        if self.timeframe > DAY {
            let steps = (local(after) - local(before)) as f64 / self.timeframe as f64;
            return (steps.round() as i64 - 1).max(0);
        }
        let (first, last) = (self.of(before), self.of(after));
        let between = || first + 1..last;
        let open_between = || between().filter(|day| self.calendar.is_open(*day));
        if self.timeframe == DAY {
            return open_between().count() as i64;
        }
        let hours = self.settings.hours;
        let has_hours =
            hours.is_some() || (first..=last).any(|day| self.calendar.session(day).is_some());
        if has_hours {
            return self.missing_in_sessions(before, after);
        }
        let is_weekend = (first..=last).any(|day| !self.calendar.is_open(day));
        match is_weekend {
            // The evening before and the evening after belong to it; whole days do not.
            true => open_between().count() as i64 * (DAY / self.timeframe),
            false => ((after - before) / self.timeframe - 1).max(0),
        }
    }

    /// The same where days open and close.
    fn missing_in_sessions(&self, before: i64, after: i64) -> i64 {
        let (first, last) = (self.of(before), self.of(after));
        let session = |day: i32| -> Option<(i64, i64)> {
            if !self.calendar.is_open(day) {
                return None;
            }
            let (mut open, mut close) = self.calendar.session(day).unwrap_or((0, DAY));
            match self.settings.hours {
                Some(hours) if hours.from < hours.to => {
                    open = open.max(hours.from);
                    close = close.min(hours.to);
                }
                // Over midnight every part of a day is somebody's night: nothing is expected.
                Some(_) => return None,
                None => {}
            }
            let at = |time: i64| self.zone.instant(i64::from(day) * DAY + time);
            (open < close).then(|| (at(open), at(close)))
        };
        let bars = |span: i64| if span > 0 { (span - 1) / self.timeframe } else { 0 };
        if first == last {
            let Some((open, close)) = session(first) else { return 0 };
            let span = after.min(close) - before.max(open);
            return bars(span);
        }
        let rest = session(first).map_or(0, |(_, close)| bars(close - before));
        let begun = session(last).map_or(0, |(open, _)| (after - open).max(0) / self.timeframe);
        let whole =
            |(open, close): (i64, i64)| (close - open + self.timeframe - 1) / self.timeframe;
        let days = first + 1..last;
        rest + begun + days.filter_map(session).map(whole).sum::<i64>()
    }
}
