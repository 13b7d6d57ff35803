//! Which bars of a source are new to an account, and whether those that it has seen are still the same.
//!
//! An account takes a bar once, after everything that it has seen before. Bars of several symbols are
//! taken up to the moment for which all of them are there: a symbol whose file comes a night later is
//! waited for, and one that gives no more bars is waited for no longer than `paper.stale_after`. A bar
//! that comes after later ones were taken is late and left out, whatever it holds: what was done
//! without it is done.

use super::stale;
use super::terms::Terms;
use crate::bars::{Bars, Extra, duration};
use crate::batch::kept::stamp;
use crate::diag::counted;
use crate::engine::settings::Span;
use crate::expr::PRICES;
use crate::manifest::{DataSettings, Session};
use crate::market::{self, DataSet, Verdict};
use chrono::{Datelike, NaiveDate};
use std::fmt;
use std::sync::Arc;

/// A bar of a symbol, by when it opens.
pub type At = (String, i64);

/// What a source has for an account.
#[derive(Debug, Default)]
pub struct News {
    /// The bars to take: a piece for each symbol that has some.
    pub bars: Vec<Bars>,
    /// Bars that the source has now, and that come too late.
    pub late: Vec<At>,
    /// Values that are no longer what the account has seen.
    pub revised: Vec<Revised>,
    /// Symbols that are no longer waited for, each with its last bar.
    pub stale: Vec<At>,
    /// Symbols for whose next bar those of the others wait, each with its last one.
    pub waits: Vec<At>,
    /// The last day of the range, if there are later bars.
    pub ended: Option<NaiveDate>,
    /// Symbols of which bars may be missing.
    pub gaps: Vec<Gap>,
    /// Bars that the source has now, and that come before all that the account has seen.
    pub earlier: Vec<Earlier>,
    /// Symbols of the source that came after the account was opened with all there were.
    pub others: Vec<String>,
    /// What was found in the rows of each symbol that the account could see.
    pub verdicts: Vec<Verdict>,
}

/// Bars of a symbol that lie in the range, and before the first one that the account saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// The symbol.
    pub symbol: String,
    /// How many.
    pub count: usize,
    /// When the first and the last of them open.
    pub between: [i64; 2],
}

impl fmt::Display for Earlier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (symbol, bars) = (&self.symbol, counted(self.count, "bar"));
        let [first, last] = self.between.map(stamp);
        write!(
            out,
            "the source of `{symbol}` has {bars} of the range, {first} to {last}, from before the first one that the account saw: left out"
        )
    }
}

/// The bars of the account's range that its source has now, and that come before `ours`.
pub fn earlier(terms: &Terms, ours: &Bars, theirs: &Bars) -> Option<Earlier> {
    // An account without a first day begins with the first bar that it saw.
    let from = day_number(terms.from?);
    let first = *ours.time.first()?;
    let days = theirs.days(0..theirs.len());
    let opens = theirs.time.iter().zip(days).filter(|(_, day)| *day >= from);
    let opens: Vec<i64> = opens.map(|(open, _)| *open).take_while(|open| *open < first).collect();
    let between = [*opens.first()?, *opens.last()?];
    Some(Earlier { symbol: ours.symbol.clone(), count: opens.len(), between })
}

/// The source of a symbol begins after the last bar that the account has seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The file, as people write its path.
    pub file: Arc<str>,
    /// The last bar that the account has seen.
    pub last: At,
    /// When the first bar of the source opens.
    pub begins: i64,
}

impl fmt::Display for Gap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, last: (symbol, last), begins } = self;
        let (last, begins) = (stamp(*last), stamp(*begins));
        write!(
            out,
            "{file}: `{symbol}` begins at {begins}, and the account has seen it until {last}: bars between them would be missing"
        )
    }
}

/// A bar that the source changed, or took away, after the account had seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct Revised {
    /// The file, as people write its path.
    pub file: Arc<str>,
    /// The bar.
    pub at: At,
    /// The column, what the account has seen there, and what the source has now; `None` of a bar that is
    /// gone.
    pub change: Option<(String, f64, f64)>,
}

impl fmt::Display for Revised {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: f64| if value.is_nan() { "missing".into() } else { value.to_string() };
        let Self { file, at: (symbol, time), change } = self;
        write!(out, "{file}: `{symbol}`, bar {}: ", stamp(*time))?;
        match change {
            Some((column, old, new)) => {
                write!(out, "`{column}` was {}, and is {}", value(*old), value(*new))
            }
            None => write!(out, "it was there, and is gone"),
        }
    }
}

/// Compare `source` with the bars that an account has `seen`, and find what is new to it at `now`
/// (microseconds since 1970).
pub fn news(
    terms: &Terms,
    session: &Session,
    seen: &[Bars],
    source: &DataSet,
    now: i64,
) -> Result<News, String> {
    let mut news = News::default();
    let mut pieces: Vec<Bars> = Vec::new();
    // The last bar of each source, which may be late.
    let mut latest: Vec<Option<i64>> = Vec::new();
    // Bars that are over, and of which a part has not come.
    let mut growing: Vec<At> = Vec::new();
    let patience = |bars: &Bars| match session.paper.stale_after {
        Span::Bars(count) => count as i64 * bars.clock.timeframe,
        Span::Time(time) => time,
    };
    let until = seen.iter().filter_map(|bars| bars.time.last()).max().copied();
    for (symbol, timeframe) in terms.all_symbols().zip(&terms.timeframes) {
        let Some(theirs) = source.symbol(symbol) else {
            return Err(format!("the data has no symbol `{symbol}` any more"));
        };
        if let Some(error) = source.verdict(symbol).and_then(|verdict| verdict.error()) {
            return Err(error.to_string());
        }
        let ours = seen.iter().find(|bars| bars.symbol == *symbol);
        let begins = theirs.time.first();
        let mut theirs = whole(with_columns(theirs, terms), ours, source);
        let verdict = source.verdict(symbol);
        let is_cut =
            theirs.time.first() == begins && verdict.is_some_and(|verdict| verdict.may_lack);
        if let Some(length) = shorter(&theirs, *timeframe, &session.data) {
            return Err(format!(
                "the bars of `{symbol}` look like {0}, and the account was opened with bars of {1}: set `data.timeframe = \"{0}\"`, and begin anew with `papertape paper restart {2}`",
                duration::text(length),
                duration::text(*timeframe),
                session.name
            ));
        }
        theirs.clock.timeframe = *timeframe;
        let complete =
            |open: i64| market::complete(&session.data, &source.calendar, &theirs.clock, open);
        let is_complete = |open: i64| complete(open) <= now;
        let days: Vec<i32> = theirs.days(0..theirs.len()).collect();
        let last_day = session.range.to.map_or(i32::MAX, day_number);
        let end = (0..theirs.len())
            .find(|&row| !is_complete(theirs.time[row]) || days[row] > last_day)
            .unwrap_or(theirs.len());
        let beyond = days.partition_point(|day| *day <= last_day);
        if theirs.time.get(beyond).is_some_and(|open| is_complete(*open)) {
            news.ended = session.range.to;
        }
        let beyond = theirs.time.get(beyond).copied().unwrap_or(i64::MAX);
        let first_day = terms.from.map_or(i32::MIN, day_number);
        let in_range = days.partition_point(|day| *day < first_day);
        let first = session.data.warmup.map_or(0, |rows| in_range.saturating_sub(rows));
        let (whole, is_whole) = (theirs.len(), verdict.is_none_or(|verdict| !verdict.may_grow));
        let last = end.checked_sub(1).filter(|_| end == whole && !is_whole);
        let is_late = |row: &usize| now - complete(theirs.time[*row]) <= patience(&theirs);
        let end = match last.filter(is_late) {
            Some(row) => {
                let before = row.checked_sub(1).map(|row| (symbol.clone(), theirs.time[row]));
                growing.extend(before);
                row
            }
            None => end,
        };
        let theirs = theirs.part(first.min(end)..end);
        if let Some(verdict) = verdict {
            let from = theirs.time.first().copied().unwrap_or(i64::MIN);
            news.verdicts.push(verdict.between(from, beyond));
        }
        let file = |time: i64| verdict.map_or_else(|| "".into(), |it| it.file_of(time).clone());
        if let Some(ours) = ours {
            compare(ours, &theirs, &file, &mut news.revised);
            news.gaps.extend(gap(ours, &theirs, is_cut, &file));
            news.earlier.extend(earlier(terms, ours, &theirs));
        }
        let new = until.map_or(0, |until| theirs.time.partition_point(|time| *time <= until));
        news.late.extend(late(ours, &theirs, new, seen.is_empty()));
        latest.push(theirs.time.last().copied());
        pieces.push(theirs.part(new..theirs.len()));
    }
    if session.symbols.is_none() {
        let is_other = |name: &String| terms.all_symbols().all(|own| own != name);
        news.others = source.names().into_iter().filter(is_other).collect();
    }
    let is_behind =
        |bars: &Bars, between| stale::is_silent(source, &session.data, between, patience(bars));
    (news.waits, news.stale) = hold_back(&mut pieces, &latest, seen, is_behind);
    news.waits.extend(growing);
    news.bars = pieces.into_iter().filter(|bars| !bars.is_empty()).collect();
    Ok(news)
}

/// What `source` has now of the bars that an account has `seen`, until its last one. Bars before the
/// first that the source still has are those that were seen.
pub fn again(terms: &Terms, seen: &[Bars], source: &DataSet) -> Result<Vec<Bars>, String> {
    let last = seen.iter().filter_map(|bars| bars.time.last()).max().copied();
    let symbol = |(symbol, timeframe): (&String, &i64)| {
        let theirs = source.symbol(symbol);
        let theirs = theirs.ok_or_else(|| format!("the data has no symbol `{symbol}` any more"))?;
        if let Some(error) = source.verdict(symbol).and_then(|verdict| verdict.error()) {
            return Err(error.to_string());
        }
        let ours = seen.iter().find(|bars| bars.symbol == *symbol);
        let mut theirs = whole(with_columns(theirs, terms), ours, source);
        theirs.clock.timeframe = *timeframe;
        let end = last.map_or(0, |last| theirs.time.partition_point(|time| *time <= last));
        let theirs = theirs.part(0..end);
        let Some(ours) = ours else { return Ok(theirs) };
        let first = ours.time.first().copied().unwrap_or(i64::MAX);
        let begins = theirs.time.partition_point(|time| *time < first);
        let theirs = theirs.part(begins..end);
        let cut = theirs.time.first().copied().unwrap_or(i64::MAX);
        let gone = ours.part(0..ours.time.partition_point(|time| *time < cut));
        match gone.is_empty() {
            true => Ok(theirs),
            false => Ok(gone.followed_by(&theirs).expect("what is gone came before")),
        }
    };
    terms.all_symbols().zip(&terms.timeframes).map(symbol).collect()
}

fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

/// `bars` with the further columns of the account, in its order; missing where they are gone.
fn with_columns(bars: &Bars, terms: &Terms) -> Bars {
    let column = |(name, boolean): &(String, bool)| {
        let known = bars.extra.iter().find(|extra| extra.name == *name);
        let values = known.map(|extra| extra.values.clone());
        let values = values.unwrap_or_else(|| vec![f64::NAN; bars.len()].into());
        Extra { name: name.clone(), boolean: *boolean, values }
    };
    Bars { extra: terms.columns.iter().map(column).collect(), ..bars.clone() }
}

/// What the bars of `theirs` look like that are guessed to be of `timeframe`, if they are shorter: there were
/// few of them when that was guessed.
fn shorter(theirs: &Bars, timeframe: i64, settings: &DataSettings) -> Option<i64> {
    let is_guessed = settings.timeframe.is_none() && settings.resample.is_none();
    market::timeframe(&theirs.time).filter(|length| is_guessed && *length < timeframe)
}

/// `theirs` without the first bar if `source` was cut inside it and `ours` has the whole of it.
fn whole(theirs: Bars, ours: Option<&Bars>, source: &DataSet) -> Bars {
    let is_rest = source.verdict(&theirs.symbol).is_some_and(|verdict| verdict.may_lack);
    let seen = ours.map_or(&[][..], |ours| &ours.time);
    match theirs.time.first().filter(|first| is_rest && seen.binary_search(first).is_ok()) {
        Some(_) => theirs.part(1..theirs.len()),
        None => theirs,
    }
}

/// Add every value of a bar that both have and that differs, and every bar between those of `theirs` that
/// only `ours` has.
fn compare(ours: &Bars, theirs: &Bars, file: &dyn Fn(i64) -> Arc<str>, revised: &mut Vec<Revised>) {
    let columns = |bars: &Bars| {
        let prices = [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume];
        let prices =
            PRICES.iter().zip(prices).map(|(name, values)| (name.to_string(), values.clone()));
        let extra = bars.extra.iter().map(|extra| (extra.name.clone(), extra.values.clone()));
        prices.chain(extra).collect::<Vec<_>>()
    };
    let (old, new) = (columns(ours), columns(theirs));
    let booked = |bars: &Bars, row: usize| {
        let action = bars.actions.iter().find(|action| action.row == row);
        action.map_or([1.0, 0.0], |action| [action.split, action.dividend])
    };
    for (row, own) in beside(&ours.time, &theirs.time) {
        let (Some(own), time) = (own, &theirs.time[row]) else { continue };
        let mut differ = |column: &str, old: f64, new: f64| {
            if old != new && !(old.is_nan() && new.is_nan()) {
                let at = (ours.symbol.clone(), *time);
                let change = Some((column.to_owned(), old, new));
                revised.push(Revised { file: file(*time), at, change });
            }
        };
        for ((name, old), (_, new)) in old.iter().zip(&new) {
            differ(name, old[own], new[row]);
        }
        let (old, new) = (booked(ours, own), booked(theirs, row));
        differ("split", old[0], new[0]);
        differ("dividend", old[1], new[1]);
    }
    let (Some(first), Some(last)) = (theirs.time.first(), theirs.time.last()) else { return };
    let between = ours.time.partition_point(|time| time < first)
        ..ours.time.partition_point(|time| time <= last);
    let between = &ours.time[between];
    let gone = beside(&theirs.time, between).filter(|(_, theirs)| theirs.is_none());
    revised.extend(gone.map(|(row, _)| {
        let time = between[row];
        Revised { file: file(time), at: (ours.symbol.clone(), time), change: None }
    }));
}

/// Where the source begins only after the bar that comes after the last one of the account, or inside it if
/// the source `is_cut` in its first bar.
fn gap(ours: &Bars, theirs: &Bars, is_cut: bool, file: &dyn Fn(i64) -> Arc<str>) -> Option<Gap> {
    let (&last, &begins) = (ours.time.last()?, theirs.time.first()?);
    let last_of = || (ours.symbol.clone(), last);
    let is_after = begins > theirs.clock.close(last) || (is_cut && begins > last);
    is_after.then(|| Gap { file: file(begins), last: last_of(), begins })
}

/// The bars before row `new` of `theirs` that the account has not seen, and that do not lie before all
/// that it has.
fn late(ours: Option<&Bars>, theirs: &Bars, new: usize, is_first: bool) -> Vec<At> {
    if is_first {
        return Vec::new();
    }
    let own = ours.map_or(&[][..], |ours| &ours.time);
    let first = own.first().copied().unwrap_or(i64::MIN);
    let unseen = beside(own, &theirs.time[..new]).filter(|(_, own)| own.is_none());
    let times = unseen.map(|(row, _)| theirs.time[row]).filter(|time| *time > first);
    times.map(|time| (theirs.symbol.clone(), time)).collect()
}

/// Each row of `theirs` with the row of `ours` that has the same time; both ascend.
fn beside(ours: &[i64], theirs: &[i64]) -> impl Iterator<Item = (usize, Option<usize>)> {
    let begins = theirs.first().map_or(0, |first| ours.partition_point(|own| own < first));
    let mut own = begins;
    theirs.iter().enumerate().map(move |(row, time)| {
        own += ours[own..].iter().take_while(|own| *own < time).count();
        (row, (ours.get(own) == Some(time)).then_some(own))
    })
}

/// Cut `pieces` where one of the symbols might still have an earlier bar: the symbols that are waited for,
/// and those that are waited for no more, each with its last bar, be it the `latest` of its source, so that
/// one that was waited for no more is waited for again. A symbol `is_behind` between its last close and the
/// last one of all, or not.
fn hold_back(
    pieces: &mut [Bars],
    latest: &[Option<i64>],
    seen: &[Bars],
    is_behind: impl Fn(&Bars, (i64, i64)) -> bool,
) -> (Vec<At>, Vec<At>) {
    let (mut waits, mut stale) = (Vec::new(), Vec::new());
    // Until when each symbol is known: its next bar cannot close before that.
    let known: Vec<Option<(i64, i64, i64)>> = pieces
        .iter()
        .zip(latest)
        .map(|(piece, latest)| {
            let ours = seen.iter().find(|bars| bars.symbol == piece.symbol);
            let last = ours.and_then(|ours| ours.time.last()).max(latest.as_ref());
            last.map(|&last| {
                let close = piece.clock.close(last);
                (last, close, piece.clock.close(close))
            })
        })
        .collect();
    let Some(newest) = known.iter().flatten().map(|(_, close, _)| *close).max() else {
        return (waits, stale);
    };
    let mut horizon = i64::MAX;
    for (piece, known) in pieces.iter().zip(&known) {
        // A symbol that has never had a bar is not waited for: nobody knows when it begins.
        let Some((last, close, next)) = *known else { continue };
        match is_behind(piece, (close, newest)) {
            true => stale.push((piece.symbol.clone(), last)),
            false => {
                if next < horizon {
                    waits.clear();
                }
                horizon = horizon.min(next);
                if next == horizon {
                    waits.push((piece.symbol.clone(), last));
                }
            }
        }
    }
    let mut is_whole = true;
    for piece in pieces {
        let fits = |time: &i64| piece.clock.close(*time) < horizon;
        let rows = piece.time.partition_point(fits);
        is_whole &= rows == piece.len();
        *piece = piece.part(0..rows);
    }
    if is_whole {
        waits.clear();
    }
    (waits, stale)
}
