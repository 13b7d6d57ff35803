//! What is suspicious about a result, said plainly.
//!
//! A backtest that looks good is more often wrong, lucky or thin than good. Each doubt here is a fact
//! of the result with its numbers, not an opinion; a page shows them above its curves.

use super::context::{Suspicion, TradeRow, Year};
use super::format;
use crate::metrics::{Metric, Metrics};

/// Below this many closed trades a mean says little: its standard error is still a fifth of the
/// spread at 30.
const FEW: usize = 30;

/// What is known of a result.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What it was measured at.
    pub metrics: &'a Metrics,
    /// All its trades.
    pub trades: &'a [TradeRow],
    /// Its returns by year.
    pub years: &'a [Year],
    /// What its row notes, such as `decides and fills on the same close`.
    pub notes: &'a [String],
    /// What the data checks found damaged, a sentence each.
    pub damage: &'a [String],
    /// What they found older than it should be.
    pub stale: &'a [String],
    /// Axes on which it is the best of its sweep and stands at the end of the values: the axis, and
    /// its value there.
    pub edges: &'a [(String, String)],
}

/// Every doubt about a result, the heaviest first.
pub fn suspicions(facts: &Facts<'_>) -> Vec<Suspicion> {
    let doubts = [
        same_close(facts),
        data("data", "Its data is not clean", facts.damage),
        data("stale_data", "Its data ends before it should", facts.stale),
        fees(facts),
        few(facts),
        one_trade(facts),
        one_year(facts),
        ambiguous(facts),
        open_at_end(facts),
        refused(facts),
    ];
    let mut found: Vec<Suspicion> = doubts.into_iter().flatten().collect();
    found.extend(edges(facts));
    let told = |note: &&String| !note.contains("same close");
    found.extend(facts.notes.iter().filter(told).map(|note| doubt("note", note.clone())));
    found
}

fn doubt(name: &str, fact: String) -> Suspicion {
    Suspicion { name: name.into(), fact }
}

fn money(value: f64) -> String {
    format::decimal(value, 2)
}

fn closed<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a TradeRow> {
    facts.trades.iter().filter(|trade| trade.closed_by.is_some())
}

fn same_close(facts: &Facts<'_>) -> Option<Suspicion> {
    let note = facts.notes.iter().find(|note| note.contains("same close"))?;
    Some(doubt(
        "fills_on_the_deciding_close",
        format!("It {note}: at that price nobody who waited for the close could have traded."),
    ))
}

fn data(name: &str, what: &str, found: &[String]) -> Option<Suspicion> {
    let (first, more) = (found.first()?, found.len() - 1);
    let more = if more > 0 { format!(" And {more} more.") } else { String::new() };
    Some(doubt(name, format!("{what}: {first}.{more}")))
}

fn fees(facts: &Facts<'_>) -> Option<Suspicion> {
    let cost: f64 = facts.trades.iter().map(|trade| trade.commission + trade.slippage).sum();
    let net: f64 = facts.trades.iter().map(|trade| trade.profit).sum();
    // Slippage is in the prices already.
    let gross = net + cost;
    (cost > 0.0 && gross > 0.0 && cost > gross).then(|| {
        let fact = format!(
            "Costs of {} are more than the {} that its trades made before them.",
            money(cost),
            money(gross)
        );
        doubt("fees_above_gross_profit", fact)
    })
}

fn few(facts: &Facts<'_>) -> Option<Suspicion> {
    let count = closed(facts).count();
    let trades = if count == 1 { "trade" } else { "trades" };
    (count < FEW).then(|| {
        let fact =
            format!("Only {count} closed {trades}: below {FEW} luck weighs more than the rules.");
        doubt("few_trades", fact)
    })
}

fn one_trade(facts: &Facts<'_>) -> Option<Suspicion> {
    let total: f64 = facts.trades.iter().map(|trade| trade.profit).sum();
    let best = facts.trades.iter().map(|trade| trade.profit).reduce(f64::max)?;
    (facts.trades.len() > 1 && total > 0.0 && total - best <= 0.0).then(|| {
        let fact = format!(
            "One trade makes the profit: it won {}, and without it {} are left of {}.",
            money(best),
            money(total - best),
            money(total)
        );
        doubt("one_trade_makes_the_profit", fact)
    })
}

fn one_year(facts: &Facts<'_>) -> Option<Suspicion> {
    let mut winners = facts.years.iter().filter(|year| year.change > 0.0);
    let (winner, other) = (winners.next()?, winners.next());
    (facts.years.len() > 2 && other.is_none()).then(|| {
        let fact = format!(
            "Of {} years only {} made a profit ({:.1} %).",
            facts.years.len(),
            winner.year,
            winner.change * 100.0
        );
        doubt("profit_in_one_year_only", fact)
    })
}

fn ambiguous(facts: &Facts<'_>) -> Option<Suspicion> {
    let count = facts.metrics.get(Metric::AmbiguousExits).filter(|count| *count > 0.0)?;
    let of = closed(facts).count();
    let fact = format!(
        "{count} of {of} exits depended on what came first inside a bar, which the data does not say."
    );
    Some(doubt("ambiguous_exits", fact))
}

fn open_at_end(facts: &Facts<'_>) -> Option<Suspicion> {
    let open: Vec<&TradeRow> =
        facts.trades.iter().filter(|trade| trade.closed_by.is_none()).collect();
    let profit: f64 = open.iter().map(|trade| trade.profit).sum();
    (!open.is_empty()).then(|| {
        let what = if open.len() == 1 {
            "1 position is"
        } else {
            &format!("{} positions are", open.len())
        };
        let fact =
            format!("{what} still open at the end, at a profit on paper of {}.", money(profit));
        doubt("open_at_the_end", fact)
    })
}

fn refused(facts: &Facts<'_>) -> Option<Suspicion> {
    let count = facts.metrics.get(Metric::Refusals).filter(|count| *count > 0.0)?;
    let fact = format!("{count} orders were refused; the events say why.");
    Some(doubt("refused_orders", fact))
}

fn edges<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = Suspicion> + 'a {
    facts.edges.iter().map(|(axis, value)| {
        let fact = format!(
            "It is the best of its sweep at the edge of the grid ({axis} = {value}): what lies beyond was not tried."
        );
        doubt("best_at_the_edge", fact)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(profit: f64, costs: f64, closed: bool) -> TradeRow {
        TradeRow {
            profit,
            commission: costs,
            closed_by: closed.then(|| "rule".to_owned()),
            ..TradeRow::default()
        }
    }

    fn year(year: i32, change: f64) -> Year {
        Year { year, months: Vec::new(), change }
    }

    fn names(trades: &[TradeRow], years: &[Year]) -> Vec<String> {
        let facts = Facts {
            metrics: &Metrics::default(),
            trades,
            years,
            notes: &[],
            damage: &[],
            stale: &[],
            edges: &[],
        };
        suspicions(&facts).into_iter().map(|it| it.name).collect()
    }

    #[test]
    fn many_even_trades_over_good_years_raise_no_doubt() {
        let trades: Vec<TradeRow> =
            (0..40).map(|n| trade(if n % 3 == 0 { -1.0 } else { 2.0 }, 0.1, true)).collect();
        let years = [year(2010, 0.1), year(2011, 0.2), year(2012, -0.1)];
        assert_eq!(names(&trades, &years), [""; 0]);
    }

    #[test]
    fn each_doubt_has_its_case() {
        let even = vec![trade(1.0, 0.0, true); 30];
        assert_eq!(names(&even[1..], &[]), ["few_trades"]);
        let mut lucky = vec![trade(-1.0, 0.0, true); 30];
        lucky.push(trade(31.0, 0.0, true));
        assert_eq!(names(&lucky, &[]), ["one_trade_makes_the_profit"]);
        lucky.push(trade(0.5, 0.0, true));
        assert_eq!(names(&lucky, &[]), ["one_trade_makes_the_profit"], "half a unit is not enough");
        lucky.push(trade(0.5, 0.0, true));
        lucky.push(trade(0.5, 0.0, true));
        lucky.push(trade(30.0, 0.0, true));
        assert_eq!(names(&lucky, &[]), [""; 0]);
        let one = [year(2010, -0.1), year(2011, 0.5), year(2012, 0.0)];
        assert_eq!(names(&even, &one), ["profit_in_one_year_only"]);
        assert_eq!(names(&even, &one[..2]), [""; 0], "two years are too few to tell");
        let costly = vec![trade(-0.4, 1.0, true); 30];
        assert_eq!(names(&costly, &[]), ["fees_above_gross_profit"]);
        let mut open = even.clone();
        open.push(trade(1.0, 0.0, false));
        assert_eq!(names(&open, &[]), ["open_at_the_end"]);
    }

    #[test]
    fn what_the_row_the_data_and_the_grid_say_is_told() {
        let mut metrics = Metrics::default();
        metrics.set(Metric::AmbiguousExits, Some(2.0));
        metrics.set(Metric::Refusals, Some(1.0));
        let facts = Facts {
            metrics: &metrics,
            trades: &vec![trade(1.0, 0.0, true); 30],
            years: &[],
            notes: &["decides and fills on the same close".into(), "no signal".into()],
            damage: &["3 gaps".into()],
            stale: &["a last bar of last week".into()],
            edges: &[("params.fast".into(), "50".into())],
        };
        let names: Vec<String> = suspicions(&facts).into_iter().map(|it| it.name).collect();
        let known = [
            "fills_on_the_deciding_close",
            "data",
            "stale_data",
            "ambiguous_exits",
            "refused_orders",
            "best_at_the_edge",
            "note",
        ];
        assert_eq!(names, known);
    }
}
