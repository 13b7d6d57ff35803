//! Statistics of an account's trades: how many, how often right, and what they made and cost.
//!
//! Everything but the costs is over closed trades and in money, net of the trades' own costs. A
//! trade that made exactly nothing is neither a win nor a loss: it counts among the trades and
//! stands in no streak's way.

use super::returns::{deviation, finite};
use crate::engine::trade::Trade;

/// What the trades of one account add up to; `None` where a statistic is undefined.
///
/// ```
/// use papertape::engine::trade::{ClosedBy, Side, Trade};
/// use papertape::metrics::trades::TradeStats;
///
/// let trade = |profit| Trade {
///     symbol: 0,
///     side: Side::Long,
///     units: 1.0,
///     entry_bar: 0,
///     entry_price: 100.0,
///     exit_bar: 1,
///     exit_price: 101.0 + profit,
///     commission: 1.0,
///     slippage: 0.0,
///     spread: 0.0,
///     profit,
///     closed_by: Some(ClosedBy::Rule),
///     stop: None,
///     target: None,
///     trail: None,
///     entry: 0,
///     exit: Some(1),
/// };
/// let stats = TradeStats::of(&[trade(30.0), trade(-10.0), trade(10.0), trade(0.0)]);
/// assert_eq!(stats.win_rate, Some(0.5));
/// assert_eq!(stats.profit_factor, Some(4.0));
/// assert_eq!(stats.payoff_ratio, Some(2.0));
/// assert_eq!(stats.kelly, Some(0.25));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TradeStats {
    /// How many trades were closed.
    pub trades: usize,
    /// Wins over closed trades, a fraction; `None` without a trade.
    pub win_rate: Option<f64>,
    /// The sum of the wins over the sum of the losses without its sign; `None` without a loss.
    pub profit_factor: Option<f64>,
    /// Mean profit of a trade, money; `None` without a trade.
    pub expectancy: Option<f64>,
    /// Mean profit of the wins, money; `None` without a win.
    pub avg_win: Option<f64>,
    /// Mean profit of the losses, negative money; `None` without a loss.
    pub avg_loss: Option<f64>,
    /// `avg_win / |avg_loss|`; `None` where either is.
    pub payoff_ratio: Option<f64>,
    /// The largest profit, money; `None` without a win.
    pub largest_win: Option<f64>,
    /// The largest loss, negative money; `None` without a loss.
    pub largest_loss: Option<f64>,
    /// The most wins in a row, in the order of exit.
    pub max_consecutive_wins: usize,
    /// The most losses in a row, in the order of exit.
    pub max_consecutive_losses: usize,
    /// System quality number: `sqrt(n) * mean / std(ddof 1)` of the profits. `None` below two
    /// trades or where the deviation is below 1e-12 of the mean absolute profit.
    pub sqn: Option<f64>,
    /// Kelly fraction: `win_rate - (1 - win_rate) / payoff_ratio`; `None` where either is.
    pub kelly: Option<f64>,
    /// The sum of the profits, money.
    pub realized_pnl: f64,
    /// Commission of all trades, money, with what open ones have paid so far.
    pub commission_paid: f64,
    /// What slippage took of all trades, money, with what open ones have paid so far.
    pub slippage_paid: f64,
    /// The same of the spread.
    pub spread_paid: f64,
}

impl TradeStats {
    /// The statistics of `trades`, the closed ones in the order of their exits.
    pub fn of(trades: &[Trade]) -> Self {
        let (mut wins, mut losses) = (Streak::default(), Streak::default());
        let (mut closed, mut realized_pnl) = (0_usize, 0.0);
        let (mut commission_paid, mut slippage_paid, mut spread_paid) = (0.0, 0.0, 0.0);
        // Welford's running mean and sum of squared distances from it: one pass, no cancellation.
        let (mut mean, mut squares) = (0.0, 0.0);
        for trade in trades {
            commission_paid += trade.commission;
            slippage_paid += trade.slippage;
            spread_paid += trade.spread;
            if trade.closed_by.is_none() {
                continue;
            }
            let profit = trade.profit;
            closed += 1;
            realized_pnl += profit;
            let distance = profit - mean;
            mean += distance / closed as f64;
            squares += distance * (profit - mean);
            if profit > 0.0 {
                wins.extend(profit);
                losses.current = 0;
            } else if profit < 0.0 {
                losses.extend(profit);
                wins.current = 0;
            }
        }

        let n = closed as f64;
        let expectancy = finite(realized_pnl / n);
        let win_rate = finite(wins.count as f64 / n);
        let payoff_ratio = wins.mean().zip(losses.mean()).and_then(|(w, l)| finite(w / l.abs()));
        let spread = deviation(squares, n - 1.0, (wins.sum - losses.sum) / n);
        Self {
            trades: closed,
            win_rate,
            profit_factor: finite(wins.sum / losses.sum.abs()),
            expectancy,
            avg_win: wins.mean(),
            avg_loss: losses.mean(),
            payoff_ratio,
            largest_win: wins.extreme(),
            largest_loss: losses.extreme(),
            max_consecutive_wins: wins.longest,
            max_consecutive_losses: losses.longest,
            sqn: expectancy.and_then(|mean| finite(n.sqrt() * mean / spread)),
            kelly: win_rate
                .zip(payoff_ratio)
                .and_then(|(w, payoff)| finite(w - (1.0 - w) / payoff)),
            realized_pnl,
            commission_paid,
            slippage_paid,
            spread_paid,
        }
    }
}

/// The wins, or the losses, and how many of them came in a row.
#[derive(Default)]
struct Streak {
    count: usize,
    sum: f64,
    /// The profit furthest from zero.
    furthest: f64,
    current: usize,
    longest: usize,
}

impl Streak {
    fn extend(&mut self, profit: f64) {
        self.count += 1;
        self.sum += profit;
        if profit.abs() > self.furthest.abs() {
            self.furthest = profit;
        }
        self.current += 1;
        self.longest = self.longest.max(self.current);
    }

    fn mean(&self) -> Option<f64> {
        finite(self.sum / self.count as f64)
    }

    fn extreme(&self) -> Option<f64> {
        (self.count > 0).then_some(self.furthest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::trade::{ClosedBy, Side};

    fn trade(profit: f64, closed_by: Option<ClosedBy>) -> Trade {
        Trade {
            symbol: 0,
            side: Side::Short,
            units: 10.0,
            entry_bar: 3,
            entry_price: 50.0,
            exit_bar: 7,
            exit_price: 50.0 - (profit + 2.0) / 10.0,
            commission: 2.0,
            slippage: 0.5,
            spread: 0.25,
            profit,
            closed_by,
            stop: None,
            target: None,
            trail: None,
            entry: 0,
            exit: None,
        }
    }

    fn closed(profits: &[f64]) -> Vec<Trade> {
        profits.iter().map(|&profit| trade(profit, Some(ClosedBy::Rule))).collect()
    }

    #[test]
    fn six_trades_by_hand() {
        let mut trades = closed(&[30.0, 10.0, -20.0, -10.0, 0.0, 50.0]);
        trades.push(trade(1000.0, None));
        let stats = TradeStats::of(&trades);
        // The distances from the mean of 10 are 20, 0, -30, -20, -10 and 40.
        let spread = (3400.0_f64 / 5.0).sqrt();
        let sqn = stats.sqn.unwrap();
        assert!((sqn - 6.0_f64.sqrt() * 10.0 / spread).abs() < 1e-12);
        let expected = TradeStats {
            trades: 6,
            win_rate: Some(0.5),
            profit_factor: Some(3.0),
            expectancy: Some(10.0),
            avg_win: Some(30.0),
            avg_loss: Some(-15.0),
            payoff_ratio: Some(2.0),
            largest_win: Some(50.0),
            largest_loss: Some(-20.0),
            max_consecutive_wins: 2,
            max_consecutive_losses: 2,
            sqn: Some(sqn),
            kelly: Some(0.25),
            realized_pnl: 60.0,
            commission_paid: 14.0,
            slippage_paid: 3.5,
            spread_paid: 1.75,
        };
        assert_eq!(stats, expected);
    }

    #[test]
    fn a_trade_that_made_nothing_breaks_no_streak() {
        let stats = TradeStats::of(&closed(&[1.0, 0.0, 1.0, -1.0, 0.0, -1.0, -1.0, 1.0, -1.0]));
        assert_eq!((stats.max_consecutive_wins, stats.max_consecutive_losses), (2, 3));
    }

    #[test]
    fn an_open_trade_has_costs_and_no_result() {
        let stats = TradeStats::of(&[trade(5.0, None)]);
        let costs = TradeStats {
            commission_paid: 2.0,
            slippage_paid: 0.5,
            spread_paid: 0.25,
            ..TradeStats::default()
        };
        assert_eq!(stats, costs);
    }

    #[test]
    fn what_divides_by_losses_is_undefined_without_one() {
        let stats = TradeStats::of(&closed(&[1.0, 2.0]));
        let undefined = [
            stats.profit_factor,
            stats.avg_loss,
            stats.largest_loss,
            stats.payoff_ratio,
            stats.kelly,
        ];
        assert_eq!(undefined, [None; 5]);
        let losing = TradeStats::of(&closed(&[-1.0, -2.0]));
        assert_eq!((losing.win_rate, losing.profit_factor), (Some(0.0), Some(0.0)));
        assert_eq!((losing.avg_win, losing.payoff_ratio, losing.kelly), (None, None, None));
    }

    #[test]
    fn equal_profits_have_no_quality_number() {
        assert_eq!(TradeStats::of(&closed(&[0.1 + 0.2; 7])).sqn, None);
        assert_eq!(TradeStats::of(&closed(&[3.0])).sqn, None);
        assert_eq!(TradeStats::of(&closed(&[0.0, 0.0])).sqn, None);
    }
}
