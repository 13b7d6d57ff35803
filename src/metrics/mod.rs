//! Equity and trades to named statistics.
//!
//! [`returns`] knows the returns of the days, [`benchmark`] those of what they are held against,
//! [`drawdown`] the equity of every bar and [`trades`] the trades; none knows where its numbers come
//! from. An outcome of the engine is taken apart for them, and what they say is put under the names
//! of [`Metric`], the one list of everything a session is measured by. All of it is arithmetic in a fixed order: the same
//! inputs give the same bits on every machine and for any number of threads.

pub mod account;
pub mod backtesting_py;
pub mod benchmark;
pub mod drawdown;
pub mod returns;
pub mod trades;

#[cfg(test)]
mod oracle_tests;

/// What a metric counts in, and thus how a report writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A part of something, 0.1 being 10 %.
    Fraction,
    /// A plain number.
    Ratio,
    /// The currency of the account.
    Money,
    /// A whole number of things.
    Count,
    /// Calendar days, with a fraction where bars are shorter.
    Days,
}

/// Which way a metric gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// Declares [`Metric`] from one table, so that a metric cannot lack a name or a definition.
macro_rules! metrics {
    ($($variant:ident $name:literal $unit:ident $sense:ident $definition:literal)*) => {
        /// Everything that a session is measured by, in the order in which it is shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $definition] $variant,)*
        }

        impl Metric {
            /// All metrics, in order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in files, expressions and columns: snake_case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it counts in.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }

            /// Which way is better; `None` for what only describes.
            pub const fn sense(self) -> Option<Sense> {
                match self { $(Self::$variant => metrics!(@sense $sense),)* }
            }

            /// What it is, in a sentence or two with the formula, for those who read a report.
            pub const fn definition(self) -> &'static str {
                match self { $(Self::$variant => $definition,)* }
            }
        }
    };
    (@sense Neither) => { None };
    (@sense $sense:ident) => { Some(Sense::$sense) };
}

metrics! {
    TotalReturn "total_return" Fraction Higher
        "What all periods make together: prod(1 + r) - 1."
    Cagr "cagr" Fraction Higher
        "Compound annual growth rate: prod(1 + r)^(N / n) - 1, with N periods in a year."
    Volatility "volatility" Fraction Lower
        "Annualised standard deviation of the returns: std(r, ddof 1) * sqrt(N)."
    Sharpe "sharpe" Ratio Higher
        "Annualised Sharpe ratio at a risk-free rate of 0: mean(r) / std(r, ddof 1) * sqrt(N)."
    Sortino "sortino" Ratio Higher
        "Annualised Sortino ratio: mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(N), the downside over \
         all periods."
    Calmar "calmar" Ratio Higher
        "Growth for its worst fall: cagr / max_drawdown, the drawdown over every bar."
    Omega "omega" Ratio Higher
        "The sum of the positive returns over the sum of the negative ones without sign."
    MaxDrawdown "max_drawdown" Fraction Lower
        "Deepest fall of the equity below a previous peak: max((peak - equity) / peak) over every \
         bar, the capital being the first peak."
    AvgDrawdown "avg_drawdown" Fraction Lower
        "Mean depth of the drawdown episodes. An episode runs from a peak to the bar that regains \
         it; an unfinished last one counts."
    MaxDrawdownDuration "max_drawdown_duration" Days Lower
        "Length of the longest drawdown episode, from the peak to the bar that regains it or to \
         the last bar."
    TimeUnderWater "time_under_water" Fraction Lower
        "Bars with an equity below its running peak over all bars."
    UlcerIndex "ulcer_index" Fraction Lower
        "Depth and length of drawdowns in one number: sqrt(sum(drawdown^2) / n) over every bar."
    Var95 "var_95" Fraction Lower
        "Historical value at risk of a period: minus the 5th percentile of the returns, \
         interpolated linearly; positive for a loss."
    ExpectedShortfall95 "expected_shortfall_95" Fraction Lower
        "Mean loss of the worst floor(0.05 (n - 1)) + 1 returns; positive for a loss."
    Skew "skew" Ratio Neither
        "Sample skewness G1 of the returns: sqrt(n (n - 1)) / (n - 2) * m3 / m2^1.5; negative \
         where the long tail is that of the losses."
    Kurtosis "kurtosis" Ratio Neither
        "Sample excess kurtosis G2 of the returns: (n - 1) / ((n - 2) (n - 3)) * ((n + 1) (m4 / \
         m2^2 - 3) + 6); 0 for a normal distribution."
    TailRatio "tail_ratio" Ratio Higher
        "The 95th percentile of the returns over the 5th, both without sign."
    Stability "stability" Ratio Higher
        "How straight the growth was: R^2 of a line through the logarithms of the cumulative \
         returns, from 0 to 1."
    BestDay "best_day" Fraction Higher
        "The largest return of a period."
    WorstDay "worst_day" Fraction Higher
        "The smallest return of a period; it keeps its sign."
    PositiveMonths "positive_months" Fraction Higher
        "Calendar months that ended with more equity than the month before over all months; the \
         first is held against the capital."

    Trades "trades" Count Neither
        "How many trades were closed."
    Orders "orders" Count Neither
        "How many orders were placed."
    Refusals "refusals" Count Lower
        "How many orders were refused by a limit, by the risk rules or for want of cash."
    Reductions "reductions" Count Lower
        "How many entries were made smaller by a limit, by the risk rules or for want of cash."
    GuardTrips "guard_trips" Count Lower
        "How often a guard of the account (daily loss, drawdown, losses in a row) was reached."
    Liquidations "liquidations" Count Lower
        "How often positions were liquidated because the equity was too low for them."
    WinRate "win_rate" Fraction Higher
        "Trades with a profit over closed trades. A trade that made exactly nothing is neither win \
         nor loss."
    ProfitFactor "profit_factor" Ratio Higher
        "Profits of the winning trades over losses of the losing ones without sign, in money."
    Expectancy "expectancy" Money Higher
        "Mean net profit of a closed trade."
    AvgWin "avg_win" Money Higher
        "Mean net profit of the winning trades."
    AvgLoss "avg_loss" Money Higher
        "Mean net profit of the losing trades; it keeps its sign."
    PayoffRatio "payoff_ratio" Ratio Higher
        "avg_win / |avg_loss|."
    LargestWin "largest_win" Money Higher
        "Net profit of the best trade."
    LargestLoss "largest_loss" Money Higher
        "Net profit of the worst trade; it keeps its sign."
    MaxConsecutiveWins "max_consecutive_wins" Count Higher
        "The most winning trades in a row, in the order of exit; a trade that made nothing breaks \
         no row."
    MaxConsecutiveLosses "max_consecutive_losses" Count Lower
        "The most losing trades in a row, in the order of exit; a trade that made nothing breaks \
         no row."
    AvgHolding "avg_holding" Days Neither
        "Mean time from entry to exit of the closed trades."
    TradesPerYear "trades_per_year" Ratio Neither
        "Closed trades over the years of the range."
    Exposure "exposure" Fraction Neither
        "Bars with a position at the close over all bars."
    Turnover "turnover" Ratio Neither
        "How often the equity was turned over in a year: sum(|units * price|) over all fills / (2 \
         * mean equity * years)."
    Sqn "sqn" Ratio Higher
        "System quality number: sqrt(n) * mean(profit) / std(profit, ddof 1) over the n closed \
         trades."
    Kelly "kelly" Fraction Higher
        "Kelly fraction of the closed trades: win_rate - (1 - win_rate) / payoff_ratio."
    RecoveryFactor "recovery_factor" Ratio Higher
        "Net profit over the largest drawdown in money."
    CommissionPaid "commission_paid" Money Lower
        "Commission of all trades, with what open ones have paid so far."
    SlippagePaid "slippage_paid" Money Lower
        "What slippage took of all trades, with what open ones have paid so far."
    SpreadPaid "spread_paid" Money Lower
        "What the spread took of all trades, with what open ones have paid so far."
    FinancingPaid "financing_paid" Money Lower
        "What funding, borrowing and interest took of the account, less dividends and what a \
         ruined account was forgiven; negative where they paid."

    RealizedPnl "realized_pnl" Money Higher
        "Net profit of the closed trades."
    UnrealizedPnl "unrealized_pnl" Money Higher
        "Net profit of the open trades at the last mark."
    FinalEquity "final_equity" Money Higher
        "Equity at the last bar: capital + realized_pnl + unrealized_pnl - financing_paid."
    PeakEquity "peak_equity" Money Higher
        "The highest equity at any bar's close, the capital included."
    BenchmarkReturn "benchmark_return" Fraction Neither
        "What the benchmark made over the same periods: prod(1 + b) - 1."
    Alpha "alpha" Fraction Higher
        "Annualised return beyond what beta explains: (1 + mean(r - beta * b))^N - 1."
    Beta "beta" Ratio Neither
        "Slope of the returns on those of the benchmark: cov(r, b) / var(b)."
    InformationRatio "information_ratio" Ratio Higher
        "Mean over deviation of what the returns have beyond the benchmark's, not annualised: \
         mean(r - b) / std(r - b, ddof 1)."
    Mae "mae" Fraction Lower
        "Maximum adverse excursion: mean over the closed trades of the worst mark against the \
         entry price, in the trade's direction and positive."
    Mfe "mfe" Fraction Higher
        "Maximum favourable excursion: mean over the closed trades of the best mark against the \
         entry price, in the trade's direction and positive."
    AmbiguousExits "ambiguous_exits" Count Lower
        "Exits whose result depended on the order of prices inside a bar, which the data does not \
         tell."
    Psr "psr" Fraction Higher
        "Probabilistic Sharpe ratio: how likely the true Sharpe ratio is above 0. Phi(s sqrt(n - \
         1) / sqrt(1 - skew s + (kurtosis + 2) / 4 s^2)), with s = mean(r) / std(r, ddof 1)."
}

impl Metric {
    /// The metric of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }
}

/// The metrics of one session, each defined or not.
///
/// ```
/// use papertape::metrics::{Metric, Metrics};
///
/// let mut metrics = Metrics::default();
/// metrics.set(Metric::Sharpe, 1.5);
/// metrics.set(Metric::Calmar, None);
/// metrics.set(Metric::Omega, f64::INFINITY);
/// assert_eq!(metrics.get(Metric::Sharpe), Some(1.5));
/// assert_eq!(metrics.iter().filter(|(_, value)| value.is_some()).count(), 1);
/// ```
// There is one for each session of a sweep: what is undefined is `NaN` inside, which takes half the room
// of an `Option`.
#[derive(Debug, Clone, Copy)]
pub struct Metrics([f64; Metric::ALL.len()]);

impl Default for Metrics {
    /// Nothing is defined yet.
    fn default() -> Self {
        Self([f64::NAN; Metric::ALL.len()])
    }
}

impl PartialEq for Metrics {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Metrics {
    /// The value of a metric; `None` where it is undefined.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        defined(self.0[metric as usize])
    }

    /// Set a metric. A value that is not finite is no value.
    pub fn set(&mut self, metric: Metric, value: impl Into<Option<f64>>) {
        let value = value.into().filter(|value| value.is_finite());
        self.0[metric as usize] = value.unwrap_or(f64::NAN);
    }

    /// Every metric with its value, in the order of [`Metric::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Metric, Option<f64>)> + '_ {
        Metric::ALL.into_iter().zip(self.0.into_iter().map(defined))
    }
}

fn defined(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// What a session with a split was measured at on the days in sample, and on those out of sample.
///
/// A part begins with the equity at its first open. Its returns, drawdowns and exposure are those of
/// its days; a trade counts, whole, where it was closed. What belongs to the account as a whole is
/// undefined: orders, refusals, reductions, trips, liquidations, ambiguous exits, open profit,
/// financing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Parts {
    /// The days in sample.
    pub in_sample: Metrics,
    /// The days out of sample.
    pub out_of_sample: Metrics,
}

impl Parts {
    /// The names of the parts in files and columns.
    pub const NAMES: [&str; 2] = ["in_sample", "out_of_sample"];

    /// Both, in the order of their names.
    pub fn both(&self) -> [&Metrics; 2] {
        [&self.in_sample, &self.out_of_sample]
    }

    /// Both, to be written.
    pub fn both_mut(&mut self) -> [&mut Metrics; 2] {
        [&mut self.in_sample, &mut self.out_of_sample]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_are_those_of_the_design_in_its_order() {
        let names = "\
            total_return cagr volatility sharpe sortino calmar omega max_drawdown avg_drawdown \
            max_drawdown_duration time_under_water ulcer_index var_95 expected_shortfall_95 skew \
            kurtosis tail_ratio stability best_day worst_day positive_months \
            trades orders refusals reductions guard_trips liquidations win_rate profit_factor expectancy avg_win avg_loss payoff_ratio \
            largest_win largest_loss max_consecutive_wins max_consecutive_losses avg_holding \
            trades_per_year exposure turnover sqn kelly recovery_factor commission_paid \
            slippage_paid spread_paid financing_paid \
            realized_pnl unrealized_pnl final_equity peak_equity benchmark_return alpha beta \
            information_ratio mae mfe ambiguous_exits psr";
        let all: Vec<_> = Metric::ALL.into_iter().map(Metric::name).collect();
        assert_eq!(all.join(" "), names);
    }

    #[test]
    fn a_metric_is_found_by_its_name_and_at_its_place() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(Metric::from_name(metric.name()), Some(metric));
            assert_eq!(metric as usize, place);
        }
        assert_eq!(Metric::from_name("Sharpe"), None);
    }

    #[test]
    fn a_definition_is_a_sentence() {
        for metric in Metric::ALL {
            assert!(metric.definition().ends_with('.'), "{}", metric.name());
        }
    }

    #[test]
    fn what_is_set_comes_out_in_order() {
        let mut metrics = Metrics::default();
        metrics.set(Metric::Psr, 0.5);
        metrics.set(Metric::TotalReturn, Some(0.1));
        metrics.set(Metric::Beta, f64::NAN);
        let defined: Vec<_> =
            metrics.iter().filter_map(|(metric, value)| Some((metric, value?))).collect();
        assert_eq!(defined, [(Metric::TotalReturn, 0.1), (Metric::Psr, 0.5)]);
    }
}
