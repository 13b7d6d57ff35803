//! Statistics of a series of period returns: what the days (or bars) of an account say about it.
//!
//! A return is a fraction, `equity / previous equity - 1`; `periods` is how many of them make a
//! year. Definitions follow empyrical where it has one. [`ReturnStats::of`] is for whoever wants
//! them all, as a sweep does for each of its sessions; the functions below give one at a time, from
//! the same passes and thus with the same bits.
//!
//! Sums and products run over the periods from left to right, so a value depends on the series and
//! on nothing else. A statistic is `None` where it is undefined: for a series that is too short or
//! holds a number that is not finite, and where the formula divides by zero. A deviation below
//! 1e-12 of the mean absolute return is rounding and counts as zero.
//!
//! The examples share one series, which can be followed with pencil and paper: its mean is 0.01,
//! and the distances from it are 0.05, -0.03, -0.01 and -0.01.

use crate::bars::month;
use std::f64::consts::FRAC_1_SQRT_2;

/// All statistics of one series; each field is what the function of its name gives.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReturnStats {
    /// See [`mean`].
    pub mean: Option<f64>,
    /// See [`volatility`].
    pub volatility: Option<f64>,
    /// See [`sharpe`].
    pub sharpe: Option<f64>,
    /// See [`sortino`].
    pub sortino: Option<f64>,
    /// See [`omega`].
    pub omega: Option<f64>,
    /// See [`skew`].
    pub skew: Option<f64>,
    /// See [`kurtosis`].
    pub kurtosis: Option<f64>,
    /// See [`psr`].
    pub psr: Option<f64>,
    /// See [`total_return`].
    pub total_return: Option<f64>,
    /// See [`cagr`].
    pub cagr: Option<f64>,
    /// See [`max_drawdown`].
    pub max_drawdown: Option<f64>,
    /// See [`calmar`].
    pub calmar: Option<f64>,
    /// See [`ulcer_index`].
    pub ulcer_index: Option<f64>,
    /// See [`stability`].
    pub stability: Option<f64>,
    /// See [`best`].
    pub best: Option<f64>,
    /// See [`worst`].
    pub worst: Option<f64>,
    /// See [`var_95`].
    pub var_95: Option<f64>,
    /// See [`expected_shortfall_95`].
    pub expected_shortfall_95: Option<f64>,
    /// See [`tail_ratio`].
    pub tail_ratio: Option<f64>,
}

impl ReturnStats {
    /// The statistics of `returns`, `periods` of them a year. `scratch` is room that a caller with
    /// many series lends again and again; what is in it does not matter.
    pub fn of(returns: &[f64], periods: f64, scratch: &mut Vec<f64>) -> Self {
        let mut stats = Self::default();
        if let Some(moments) = Moments::of(returns) {
            stats.mean = Some(moments.mean);
            stats.volatility = moments.volatility(periods);
            stats.sharpe = moments.sharpe(periods);
            stats.sortino = moments.sortino(periods);
            stats.omega = moments.omega();
            stats.skew = moments.skew();
            stats.kurtosis = moments.kurtosis();
            stats.psr = moments.psr();
        }
        if let Some(path) = Path::of(returns) {
            stats.total_return = finite(path.growth - 1.0);
            stats.cagr = path.cagr(periods);
            stats.max_drawdown = Some(path.max_drawdown);
            stats.calmar = path.calmar(periods);
            stats.ulcer_index = finite(path.ulcer_index());
        }
        stats.stability = stability_within(returns, scratch);
        if let Some(tails) = Tails::of(returns, scratch) {
            stats.best = Some(tails.best);
            stats.worst = Some(tails.worst);
            stats.var_95 = Some(tails.value_at_risk());
            stats.expected_shortfall_95 = tails.expected_shortfall();
            stats.tail_ratio = tails.ratio();
        }
        stats
    }
}

/// The mean return of a period, a fraction. `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::mean;
/// let mean = mean(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((mean - 0.01).abs() < 1e-12);
/// ```
pub fn mean(returns: &[f64]) -> Option<f64> {
    Some(Moments::of(returns)?.mean)
}

/// Annualised standard deviation, a fraction: `std(r, ddof 1) * sqrt(periods)`. `None` below two
/// periods.
///
/// ```
/// # use papertape::metrics::returns::volatility;
/// // The squared distances add up to 0.0036, a third of it is 0.0012.
/// let volatility = volatility(&[0.06, -0.02, 0.0, 0.0], 4.0).unwrap();
/// assert!((volatility - 0.0012_f64.sqrt() * 2.0).abs() < 1e-12);
/// ```
pub fn volatility(returns: &[f64], periods: f64) -> Option<f64> {
    Moments::of(returns)?.volatility(periods)
}

/// Annualised Sharpe ratio at a risk-free rate of 0: `mean(r) / std(r, ddof 1) * sqrt(periods)`.
/// `None` below two periods or without deviation.
///
/// ```
/// # use papertape::metrics::returns::sharpe;
/// let sharpe = sharpe(&[0.06, -0.02, 0.0, 0.0], 4.0).unwrap();
/// assert!((sharpe - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12);
/// ```
pub fn sharpe(returns: &[f64], periods: f64) -> Option<f64> {
    Moments::of(returns)?.sharpe(periods)
}

/// Annualised Sortino ratio at a required return of 0: `mean(r) / sqrt(mean(min(r, 0)^2)) *
/// sqrt(periods)`, the downside over all periods. `None` below two periods or without a loss.
///
/// ```
/// # use papertape::metrics::returns::sortino;
/// // The downside is sqrt(0.0004 / 4) = 0.01, as large as the mean.
/// let sortino = sortino(&[0.06, -0.02, 0.0, 0.0], 4.0).unwrap();
/// assert!((sortino - 2.0).abs() < 1e-12);
/// ```
pub fn sortino(returns: &[f64], periods: f64) -> Option<f64> {
    Moments::of(returns)?.sortino(periods)
}

/// Omega ratio at a threshold of 0: the sum of the gains over the sum of the losses. `None` below
/// two periods or without a loss.
///
/// ```
/// # use papertape::metrics::returns::omega;
/// let omega = omega(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((omega - 3.0).abs() < 1e-12);
/// ```
pub fn omega(returns: &[f64]) -> Option<f64> {
    Moments::of(returns)?.omega()
}

/// Sample skewness G1: `sqrt(n (n - 1)) / (n - 2) * m3 / m2^1.5`, with the central moments `m`.
/// `None` below three periods or without deviation.
///
/// ```
/// # use papertape::metrics::returns::skew;
/// // m2 is 0.0009 and m3 is 0.000024: sqrt(12) / 2 * 24 / 27.
/// let skew = skew(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((skew - 12.0_f64.sqrt() * 4.0 / 9.0).abs() < 1e-12);
/// ```
pub fn skew(returns: &[f64]) -> Option<f64> {
    Moments::of(returns)?.skew()
}

/// Sample excess kurtosis G2: `(n - 1) / ((n - 2) (n - 3)) * ((n + 1) * (m4 / m2^2 - 3) + 6)`; 0
/// for a normal distribution. `None` below four periods or without deviation.
///
/// ```
/// # use papertape::metrics::returns::kurtosis;
/// // m4 is 0.00000177: 3 / 2 * (5 * (177 / 81 - 3) + 6).
/// let kurtosis = kurtosis(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((kurtosis - 26.0 / 9.0).abs() < 1e-12);
/// ```
pub fn kurtosis(returns: &[f64]) -> Option<f64> {
    Moments::of(returns)?.kurtosis()
}

/// Probabilistic Sharpe ratio against 0, a probability: `Phi(s sqrt(n - 1) / sqrt(1 - skew s +
/// (kurtosis + 2) / 4 s^2))` with the Sharpe ratio `s` of a period and `skew` and excess `kurtosis`
/// of the sample (Bailey and López de Prado 2012). `None` below four periods, without deviation, or
/// where the root is not of a positive number.
///
/// ```
/// # use papertape::metrics::returns::psr;
/// // s = 0.288675, the root is of 0.657407: Phi(0.5 / 0.810806) = Phi(0.616670).
/// let psr = psr(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((psr - 0.731_274).abs() < 1e-6);
/// ```
pub fn psr(returns: &[f64]) -> Option<f64> {
    Moments::of(returns)?.psr()
}

/// What all periods make together, a fraction: `prod(1 + r) - 1`. `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::total_return;
/// let total_return = total_return(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((total_return - 0.0388).abs() < 1e-12);
/// ```
pub fn total_return(returns: &[f64]) -> Option<f64> {
    finite(Path::of(returns)?.growth - 1.0)
}

/// Compound annual growth rate, a fraction: `prod(1 + r)^(periods / n) - 1`. `None` for an empty
/// series or where more than everything was lost.
///
/// ```
/// # use papertape::metrics::returns::cagr;
/// let cagr = cagr(&[0.06, -0.02, 0.0, 0.0], 2.0).unwrap();
/// assert!((cagr - (1.0388_f64.sqrt() - 1.0)).abs() < 1e-12);
/// ```
pub fn cagr(returns: &[f64], periods: f64) -> Option<f64> {
    Path::of(returns)?.cagr(periods)
}

/// Deepest fall below a previous peak, a positive fraction of it; the start is the first peak.
/// `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::max_drawdown;
/// let max_drawdown = max_drawdown(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((max_drawdown - 0.02).abs() < 1e-12);
/// ```
pub fn max_drawdown(returns: &[f64]) -> Option<f64> {
    Some(Path::of(returns)?.max_drawdown)
}

/// Calmar ratio: [`cagr`] over [`max_drawdown`]. `None` where either is, or without a drawdown.
///
/// ```
/// # use papertape::metrics::returns::calmar;
/// let calmar = calmar(&[0.06, -0.02, 0.0, 0.0], 4.0).unwrap();
/// assert!((calmar - 1.94).abs() < 1e-12);
/// ```
pub fn calmar(returns: &[f64], periods: f64) -> Option<f64> {
    Path::of(returns)?.calmar(periods)
}

/// Ulcer index, a fraction: `sqrt(sum of squared drawdowns / n)` at the ends of the periods, the
/// start being the first peak. `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::ulcer_index;
/// // Three of the four periods end 0.02 below the peak.
/// let ulcer_index = ulcer_index(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((ulcer_index - 0.0003_f64.sqrt()).abs() < 1e-12);
/// ```
pub fn ulcer_index(returns: &[f64]) -> Option<f64> {
    finite(Path::of(returns)?.ulcer_index())
}

/// How straight the growth was, from 0 to 1: R² of a line through the logarithms of the cumulative
/// product of `1 + r`. `None` below two periods, where the logarithms do not move, or from a total
/// loss on.
///
/// ```
/// # use papertape::metrics::returns::stability;
/// let steady = stability(&[0.01, 0.01, 0.01, 0.01]).unwrap();
/// assert!((steady - 1.0).abs() < 1e-12);
/// // Logarithms of 1, 0, 1 do not lean either way.
/// let e = std::f64::consts::E;
/// assert!(stability(&[e - 1.0, 1.0 / e - 1.0, e - 1.0]).unwrap() < 1e-12);
/// ```
pub fn stability(returns: &[f64]) -> Option<f64> {
    stability_within(returns, &mut Vec::new())
}

/// The largest return of a period, a fraction. `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::best;
/// assert_eq!(best(&[0.06, -0.02, 0.0, 0.0]), Some(0.06));
/// ```
pub fn best(returns: &[f64]) -> Option<f64> {
    Some(Tails::of(returns, &mut Vec::new())?.best)
}

/// The smallest return of a period, a fraction that keeps its sign. `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::worst;
/// assert_eq!(worst(&[0.06, -0.02, 0.0, 0.0]), Some(-0.02));
/// ```
pub fn worst(returns: &[f64]) -> Option<f64> {
    Some(Tails::of(returns, &mut Vec::new())?.worst)
}

/// Historical value at risk of a period at 95 %, a fraction, positive for a loss: minus the fifth
/// percentile, interpolated linearly. `None` for an empty series.
///
/// ```
/// # use papertape::metrics::returns::var_95;
/// // 0.15 of the way from -0.02 to 0.
/// let var_95 = var_95(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((var_95 - 0.017).abs() < 1e-12);
/// ```
pub fn var_95(returns: &[f64]) -> Option<f64> {
    Some(Tails::of(returns, &mut Vec::new())?.value_at_risk())
}

/// Historical expected shortfall of a period at 95 %, a fraction, positive for a loss: minus the
/// mean of the worst `floor(0.05 (n - 1)) + 1` returns, added from the worst on. `None` for an
/// empty series.
///
/// ```
/// # use papertape::metrics::returns::expected_shortfall_95;
/// assert_eq!(expected_shortfall_95(&[0.06, -0.02, 0.0, 0.0]), Some(0.02));
/// ```
pub fn expected_shortfall_95(returns: &[f64]) -> Option<f64> {
    Tails::of(returns, &mut Vec::new())?.expected_shortfall()
}

/// Tail ratio: the 95th percentile over the 5th, both without sign and interpolated linearly.
/// `None` for an empty series or where the fifth percentile is 0.
///
/// ```
/// # use papertape::metrics::returns::tail_ratio;
/// // 0.85 of the way from 0 to 0.06, over 0.017.
/// let tail_ratio = tail_ratio(&[0.06, -0.02, 0.0, 0.0]).unwrap();
/// assert!((tail_ratio - 3.0).abs() < 1e-12);
/// ```
pub fn tail_ratio(returns: &[f64]) -> Option<f64> {
    Tails::of(returns, &mut Vec::new())?.ratio()
}

/// The fraction of calendar months that ended with more equity than the month before, the first
/// month being held against `capital`. `None` without a day.
///
/// `day` counts days since 1970-01-01, ascending, and `equity` is the last equity of each. A month
/// without a day in the series is not counted.
///
/// ```
/// # use papertape::metrics::returns::positive_months;
/// // 1970-01-30, 1970-01-31, 1970-02-01 and 1970-04-01: up, down, up.
/// let months = positive_months(&[29, 30, 31, 90], &[90.0, 110.0, 105.0, 106.0], 100.0);
/// assert_eq!(months, Some(2.0 / 3.0));
/// ```
pub fn positive_months(day: &[i32], equity: &[f64], capital: f64) -> Option<f64> {
    assert_eq!(day.len(), equity.len(), "each day has its equity");
    let (mut months, mut positive) = (0_usize, 0_usize);
    let (mut before, mut row) = (capital, 0);
    while row < day.len() {
        // No month has more days.
        let ahead = &day[row..day.len().min(row + 31)];
        row += ahead.partition_point(|&other| month(other) == month(ahead[0]));
        months += 1;
        positive += usize::from(equity[row - 1] > before);
        before = equity[row - 1];
    }
    (months > 0).then(|| positive as f64 / months as f64)
}

/// Sums over the returns, and powers of their distances from the mean.
struct Moments {
    n: f64,
    mean: f64,
    /// The mean absolute return, against which a deviation is zero or not.
    scale: f64,
    gains: f64,
    losses: f64,
    /// The sum of the squared losses.
    downside: f64,
    squares: f64,
    cubes: f64,
    fourths: f64,
}

impl Moments {
    fn of(returns: &[f64]) -> Option<Self> {
        let n = returns.len() as f64;
        let (mut sum, mut gains, mut losses, mut downside) = (0.0, 0.0, 0.0, 0.0);
        for &r in returns {
            let loss = if r < 0.0 { -r } else { 0.0 };
            sum += r;
            gains += r + loss;
            losses += loss;
            downside += loss * loss;
        }
        let mean = finite(sum / n)?;
        let (mut squares, mut cubes, mut fourths) = (0.0, 0.0, 0.0);
        for &r in returns {
            let distance = r - mean;
            let square = distance * distance;
            squares += square;
            cubes += square * distance;
            fourths += square * square;
        }
        let scale = (gains + losses) / n;
        Some(Self { n, mean, scale, gains, losses, downside, squares, cubes, fourths })
    }

    fn volatility(&self, periods: f64) -> Option<f64> {
        finite(self.deviation() * periods.sqrt())
    }

    fn sharpe(&self, periods: f64) -> Option<f64> {
        finite(self.mean / self.deviation() * periods.sqrt())
    }

    fn sortino(&self, periods: f64) -> Option<f64> {
        let downside = deviation(self.downside, self.n, self.scale);
        self.several(finite(self.mean / downside * periods.sqrt()))
    }

    fn omega(&self) -> Option<f64> {
        self.several(finite(self.gains / self.losses))
    }

    fn skew(&self) -> Option<f64> {
        let n = self.n;
        let spread = deviation(self.squares, n, self.scale);
        let population = self.cubes / n / (spread * spread * spread);
        finite((n * (n - 1.0)).sqrt() / (n - 2.0) * population)
    }

    fn kurtosis(&self) -> Option<f64> {
        let n = self.n;
        let spread = deviation(self.squares, n, self.scale);
        let variance = spread * spread;
        let population = self.fourths / n / (variance * variance) - 3.0;
        finite((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * population + 6.0))
    }

    fn psr(&self) -> Option<f64> {
        let (skew, kurtosis) = (self.skew()?, self.kurtosis()?);
        let sharpe = self.sharpe(1.0)?;
        let variance = 1.0 - skew * sharpe + (kurtosis + 2.0) / 4.0 * sharpe * sharpe;
        let z = finite(sharpe * (self.n - 1.0).sqrt() / variance.sqrt())?;
        Some(0.5 * libm::erfc(-z * FRAC_1_SQRT_2))
    }

    /// The sample's standard deviation; not a number below two periods.
    fn deviation(&self) -> f64 {
        deviation(self.squares, self.n - 1.0, self.scale)
    }

    /// One period is no series: ratios of its only return would be sentinels.
    fn several(&self, ratio: Option<f64>) -> Option<f64> {
        ratio.filter(|_| self.n >= 2.0)
    }
}

/// The cumulative product of `1 + r` and how it fell below its peaks.
struct Path {
    n: f64,
    growth: f64,
    max_drawdown: f64,
    squares: f64,
}

impl Path {
    fn of(returns: &[f64]) -> Option<Self> {
        let (mut growth, mut peak) = (1.0, 1.0);
        let (mut max_drawdown, mut squares) = (0.0, 0.0);
        for &r in returns {
            growth *= 1.0 + r;
            peak = if growth > peak { growth } else { peak };
            let drawdown = (peak - growth) / peak;
            max_drawdown = if drawdown > max_drawdown { drawdown } else { max_drawdown };
            squares += drawdown * drawdown;
        }
        // Once the product is not finite it stays so.
        let sound = growth.is_finite() && !returns.is_empty();
        sound.then_some(Self { n: returns.len() as f64, growth, max_drawdown, squares })
    }

    fn cagr(&self, periods: f64) -> Option<f64> {
        if self.growth < 0.0 {
            return None;
        }
        finite(libm::pow(self.growth, periods / self.n) - 1.0)
    }

    fn calmar(&self, periods: f64) -> Option<f64> {
        finite(self.cagr(periods)? / self.max_drawdown)
    }

    fn ulcer_index(&self) -> f64 {
        (self.squares / self.n).sqrt()
    }
}

/// The percentiles at either end and what lies beyond them.
struct Tails {
    worst: f64,
    /// The mean of the returns up to the fifth percentile.
    shortfall: f64,
    fifth: f64,
    ninety_fifth: f64,
    best: f64,
}

impl Tails {
    fn of(returns: &[f64], scratch: &mut Vec<f64>) -> Option<Self> {
        let last = returns.len().checked_sub(1)?;
        scratch.clear();
        scratch.extend_from_slice(returns);

        let low = last / 20;
        let fifth = percentile(scratch, 0, 1);
        let beyond = &mut scratch[..=low];
        beyond.sort_unstable_by(f64::total_cmp);
        let worst = beyond[0];
        let shortfall = beyond.iter().sum::<f64>() / beyond.len() as f64;
        let ninety_fifth = percentile(scratch, low, 19);
        let best = scratch[last * 19 / 20..].iter().copied().max_by(f64::total_cmp)?;
        let sound = worst.is_finite() && best.is_finite();
        sound.then_some(Self { worst, shortfall, fifth, ninety_fifth, best })
    }

    /// Subtracted rather than negated: a loss of nothing is 0, not -0.
    fn value_at_risk(&self) -> f64 {
        0.0 - self.fifth
    }

    fn expected_shortfall(&self) -> Option<f64> {
        finite(0.0 - self.shortfall)
    }

    fn ratio(&self) -> Option<f64> {
        finite((self.ninety_fifth / self.fifth).abs())
    }
}

/// The value `twentieths` of the way from the least to the greatest, between two interpolated
/// linearly; the `sorted` first values are in their places already and stay there.
///
/// In the order of `total_cmp` equal values have equal bits, so it does not matter how a selection
/// moves them, and whatever is not finite ends up first or last.
fn percentile(values: &mut [f64], sorted: usize, twentieths: usize) -> f64 {
    let way = (values.len() - 1) * twentieths;
    let (at, part) = (way / 20, (way % 20) as f64 / 20.0);
    let (_, &mut value, above) =
        values[sorted..].select_nth_unstable_by(at - sorted, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(value);
    value + (next - value) * part
}

/// [`stability`], with room for the logarithms.
fn stability_within(returns: &[f64], scratch: &mut Vec<f64>) -> Option<f64> {
    let n = returns.len() as f64;
    let (mut growth, mut sum, mut absolute) = (1.0, 0.0, 0.0);
    scratch.clear();
    scratch.extend(returns.iter().map(|&r| {
        growth *= 1.0 + r;
        let log = libm::log(growth);
        sum += log;
        absolute += log.abs();
        log
    }));
    let mean = finite(sum / n)?;
    let middle = (n - 1.0) / 2.0;
    let (mut covariance, mut squares) = (0.0, 0.0);
    for (period, &log) in scratch.iter().enumerate() {
        let distance = log - mean;
        covariance += (period as f64 - middle) * distance;
        squares += distance * distance;
    }
    let spread = deviation(squares, n, absolute / n);
    let slope = covariance / n / spread;
    finite(slope * slope / ((n * n - 1.0) / 12.0)).map(|r2| r2.min(1.0))
}

/// `sqrt(squares / n)`, or zero where it is below 1e-12 of `scale`, the mean absolute value: that
/// much is left of constant values by rounding, and dividing by it would make a number of nothing.
pub(super) fn deviation(squares: f64, n: f64, scale: f64) -> f64 {
    let deviation = (squares / n).sqrt();
    if deviation < 1e-12 * scale { 0.0 } else { deviation }
}

/// The value, unless it is infinite or not a number.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The functions one by one, in the shape of the struct.
    fn one_by_one(returns: &[f64], periods: f64) -> ReturnStats {
        ReturnStats {
            mean: mean(returns),
            volatility: volatility(returns, periods),
            sharpe: sharpe(returns, periods),
            sortino: sortino(returns, periods),
            omega: omega(returns),
            skew: skew(returns),
            kurtosis: kurtosis(returns),
            psr: psr(returns),
            total_return: total_return(returns),
            cagr: cagr(returns, periods),
            max_drawdown: max_drawdown(returns),
            calmar: calmar(returns, periods),
            ulcer_index: ulcer_index(returns),
            stability: stability(returns),
            best: best(returns),
            worst: worst(returns),
            var_95: var_95(returns),
            expected_shortfall_95: expected_shortfall_95(returns),
            tail_ratio: tail_ratio(returns),
        }
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() <= 1e-12 * b.abs().max(1e-3))
    }

    fn percentile_of_sorted(sorted: &[f64], p: f64) -> f64 {
        let at = p * (sorted.len() - 1) as f64;
        let (below, above) = (at.floor() as usize, at.ceil() as usize);
        sorted[below] + (sorted[above] - sorted[below]) * (at - at.floor())
    }

    proptest! {
        #[test]
        fn one_function_and_all_together_give_the_same_bits(
            returns in prop::collection::vec(-0.3..0.3_f64, 0..300),
            rest in prop::collection::vec(any::<f64>(), 0..10),
        ) {
            let mut scratch = rest;
            let together = ReturnStats::of(&returns, 252.0, &mut scratch);
            prop_assert_eq!(format!("{together:?}"), format!("{:?}", one_by_one(&returns, 252.0)));
        }

        #[test]
        fn a_selected_percentile_is_that_of_the_sorted_series(
            returns in prop::collection::vec(-0.3..0.3_f64, 1..300),
        ) {
            let mut sorted = returns.clone();
            sorted.sort_by(f64::total_cmp);
            let (low, high) =
                (percentile_of_sorted(&sorted, 0.05), percentile_of_sorted(&sorted, 0.95));
            prop_assert!((var_95(&returns).unwrap() + low).abs() < 1e-12);
            let beyond = (0.05 * (sorted.len() - 1) as f64) as usize + 1;
            let shortfall = -sorted[..beyond].iter().sum::<f64>() / beyond as f64;
            prop_assert!((expected_shortfall_95(&returns).unwrap() - shortfall).abs() < 1e-12);
            prop_assert!(close(tail_ratio(&returns), (high / low).abs()) || low.abs() < 1e-4);
            prop_assert_eq!(worst(&returns), sorted.first().copied());
            prop_assert_eq!(best(&returns), sorted.last().copied());
        }

        #[test]
        fn a_series_with_a_number_that_is_not_finite_has_no_statistics(
            mut returns in prop::collection::vec(-0.3..0.3_f64, 1..60),
            at in any::<prop::sample::Index>(),
            odd in prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, -f64::INFINITY]),
        ) {
            let at = at.index(returns.len());
            returns[at] = odd;
            let stats = ReturnStats::of(&returns, 252.0, &mut Vec::new());
            prop_assert_eq!(stats, ReturnStats::default());
        }
    }

    #[test]
    fn six_periods_by_hand() {
        // Wealth: 1.1, 0.88, 0.968, 0.968, 1.21, 1.21; deepest 0.22 below 1.1.
        let returns = [0.1, -0.2, 0.1, 0.0, 0.25, 0.0];
        let stats = ReturnStats::of(&returns, 12.0, &mut Vec::new());
        let mean = 0.25 / 6.0;
        // Squares add up to 0.1225, less 6 mean^2.
        let deviation = ((0.1225 - 6.0 * mean * mean) / 5.0_f64).sqrt();
        assert!(close(stats.mean, mean));
        assert!(close(stats.volatility, deviation * 12.0_f64.sqrt()));
        assert!(close(stats.sharpe, mean / deviation * 12.0_f64.sqrt()));
        assert!(close(stats.sortino, mean / (0.04_f64 / 6.0).sqrt() * 12.0_f64.sqrt()));
        assert!(close(stats.omega, 2.25));
        assert!(close(stats.total_return, 0.21));
        assert!(close(stats.cagr, 0.4641));
        assert!(close(stats.max_drawdown, 0.2));
        assert!(close(stats.calmar, 2.3205));
        // 0.2 below the peak, then 0.12 twice.
        assert!(close(stats.ulcer_index, ((0.04 + 2.0 * 0.0144) / 6.0_f64).sqrt()));
        // A quarter of the way from the first to the second, three quarters at the other end.
        assert!(close(stats.var_95, 0.15));
        assert!(close(stats.expected_shortfall_95, 0.2));
        assert!(close(stats.tail_ratio, 0.2125 / 0.15));
        assert_eq!((stats.best, stats.worst), (Some(0.25), Some(-0.2)));
    }

    #[test]
    fn a_series_too_short_has_no_spread() {
        let none = ReturnStats::of(&[], 252.0, &mut Vec::new());
        assert_eq!(none, ReturnStats::default());
        let one = ReturnStats::of(&[-0.5], 1.0, &mut Vec::new());
        let defined = ReturnStats {
            mean: Some(-0.5),
            total_return: Some(-0.5),
            cagr: Some(-0.5),
            max_drawdown: Some(0.5),
            calmar: Some(-1.0),
            ulcer_index: Some(0.5),
            best: Some(-0.5),
            worst: Some(-0.5),
            var_95: Some(0.5),
            expected_shortfall_95: Some(0.5),
            tail_ratio: Some(1.0),
            ..ReturnStats::default()
        };
        assert_eq!(one, defined);
        assert!(skew(&[0.1, -0.1]).is_none() && skew(&[0.1, -0.1, 0.1]).is_some());
        assert!(kurtosis(&[0.1, -0.1, 0.1]).is_none());
        assert!(kurtosis(&[0.1, -0.1, 0.1, 0.1]).is_some());
    }

    #[test]
    fn what_rounding_leaves_of_a_constant_return_is_not_risk() {
        let returns = [0.1 + 0.2; 77];
        let stats = ReturnStats::of(&returns, 252.0, &mut Vec::new());
        assert_eq!(stats.volatility, Some(0.0));
        let undefined =
            [stats.sharpe, stats.sortino, stats.skew, stats.kurtosis, stats.psr, stats.omega];
        assert_eq!(undefined, [None; 6]);
    }

    #[test]
    fn an_account_that_did_nothing_has_no_ratios() {
        let stats = ReturnStats::of(&[0.0; 9], 252.0, &mut Vec::new());
        let defined = ReturnStats {
            mean: Some(0.0),
            volatility: Some(0.0),
            total_return: Some(0.0),
            cagr: Some(0.0),
            max_drawdown: Some(0.0),
            ulcer_index: Some(0.0),
            best: Some(0.0),
            worst: Some(0.0),
            var_95: Some(0.0),
            expected_shortfall_95: Some(0.0),
            ..ReturnStats::default()
        };
        assert_eq!(format!("{stats:?}"), format!("{defined:?}"));
    }

    #[test]
    fn after_a_total_loss_nothing_grows() {
        let stats = ReturnStats::of(&[0.1, -1.0, 0.0], 252.0, &mut Vec::new());
        assert_eq!(stats.total_return, Some(-1.0));
        assert_eq!(stats.cagr, Some(-1.0));
        assert_eq!(stats.max_drawdown, Some(1.0));
        assert_eq!(stats.stability, None);
        assert_eq!(cagr(&[-1.5], 2.0), None);
    }

    #[test]
    fn months_follow_the_calendar() {
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        // 1600-01-01 is 135140 days before 1970-01-01.
        let mut day = -135_140;
        for year in 1600..2400 {
            let february = if leap(year) { 29 } else { 28 };
            let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (index, length) in lengths.into_iter().enumerate() {
                let expected = year * 12 + index as i64 - 2;
                assert_eq!(month(day), expected);
                assert_eq!(month(day + length - 1), expected);
                day += length;
            }
        }
    }

    #[test]
    fn a_month_is_held_against_the_month_before() {
        // 2023-12-29, 2024-02-28, 2024-02-29, 2024-03-01; January has no day.
        let days = [19_720, 19_781, 19_782, 19_783];
        assert_eq!(positive_months(&days, &[110.0, 90.0, 111.0, 110.0], 100.0), Some(2.0 / 3.0));
        assert_eq!(positive_months(&days[..1], &[100.0], 100.0), Some(0.0));
        assert_eq!(positive_months(&[], &[], 100.0), None);
    }
}
