//! Statistics of a series of period returns against those of a benchmark over the same periods.
//!
//! Conventions are those of [`returns`](super::returns): sums run from left to right, a statistic is
//! `None` where it is undefined, and a deviation that is rounding counts as zero. The examples share
//! two series: the means are 0.01 and 0.

use super::returns::{deviation, finite, total_return};

/// Statistics of one series against another of the same periods; each field is what the function of
/// its name gives.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BenchmarkStats {
    /// [`total_return`] of the benchmark.
    pub benchmark_return: Option<f64>,
    /// See [`alpha`].
    pub alpha: Option<f64>,
    /// See [`beta`].
    pub beta: Option<f64>,
    /// See [`information_ratio`].
    pub information_ratio: Option<f64>,
}

impl BenchmarkStats {
    /// The statistics of `returns` against `benchmark`, `periods` of them a year.
    pub fn of(returns: &[f64], benchmark: &[f64], periods: f64) -> Self {
        let joint = Joint::of(returns, benchmark);
        Self {
            benchmark_return: total_return(benchmark),
            alpha: joint.as_ref().and_then(|joint| joint.alpha(periods)),
            beta: joint.as_ref().and_then(Joint::beta),
            information_ratio: joint.as_ref().and_then(Joint::information_ratio),
        }
    }
}

/// Slope of the returns on those of a benchmark: `cov(r, b) / var(b)`. `None` for an empty series
/// or a benchmark without deviation. The series have one length.
///
/// ```
/// # use papertape::metrics::benchmark::beta;
/// // The products of the distances add up to 0.0014, the squares of the benchmark's to 0.0006.
/// let beta = beta(&[0.06, -0.02, 0.0, 0.0], &[0.02, -0.01, 0.0, -0.01]).unwrap();
/// assert!((beta - 7.0 / 3.0).abs() < 1e-12);
/// ```
pub fn beta(returns: &[f64], benchmark: &[f64]) -> Option<f64> {
    Joint::of(returns, benchmark)?.beta()
}

/// Annualised return beyond what [`beta`] explains, a fraction:
/// `(1 + mean(r - beta b))^periods - 1`. `None` where beta is. The series have one length.
///
/// ```
/// # use papertape::metrics::benchmark::alpha;
/// // The benchmark's mean is 0, so all of the mean return is alpha.
/// let alpha = alpha(&[0.06, -0.02, 0.0, 0.0], &[0.02, -0.01, 0.0, -0.01], 4.0).unwrap();
/// assert!((alpha - 0.040_604_01).abs() < 1e-12);
/// ```
pub fn alpha(returns: &[f64], benchmark: &[f64], periods: f64) -> Option<f64> {
    Joint::of(returns, benchmark)?.alpha(periods)
}

/// Information ratio of a period, not annualised: `mean(r - b) / std(r - b, ddof 1)`. `None` below
/// two periods or where the difference does not deviate by 1e-12 of the mean of `|r| + |b|`. The
/// series have one length.
///
/// ```
/// # use papertape::metrics::benchmark::information_ratio;
/// // The differences are 0.04, -0.01, 0 and 0.01.
/// let ratio = information_ratio(&[0.06, -0.02, 0.0, 0.0], &[0.02, -0.01, 0.0, -0.01]).unwrap();
/// assert!((ratio - 0.01 / (0.0014_f64 / 3.0).sqrt()).abs() < 1e-12);
/// ```
pub fn information_ratio(returns: &[f64], benchmark: &[f64]) -> Option<f64> {
    Joint::of(returns, benchmark)?.information_ratio()
}

/// What two series of the same periods have in common.
struct Joint {
    n: f64,
    mean: f64,
    benchmark_mean: f64,
    benchmark_scale: f64,
    /// Sums of products of the distances from the means: of both series, and of the benchmark's.
    products: f64,
    benchmark_squares: f64,
    /// The returns less the benchmark's: their mean, the sum of squared distances from it, and the
    /// mean absolute return of both series together.
    active_mean: f64,
    active_squares: f64,
    active_scale: f64,
}

impl Joint {
    fn of(returns: &[f64], benchmark: &[f64]) -> Option<Self> {
        assert_eq!(returns.len(), benchmark.len(), "a benchmark has the periods of the returns");
        let n = returns.len() as f64;
        let pairs = || returns.iter().copied().zip(benchmark.iter().copied());
        let (mut sum, mut benchmark_sum, mut active_sum) = (0.0, 0.0, 0.0);
        let (mut absolute, mut benchmark_absolute) = (0.0, 0.0);
        for (r, b) in pairs() {
            sum += r;
            benchmark_sum += b;
            active_sum += r - b;
            absolute += r.abs();
            benchmark_absolute += b.abs();
        }
        let (mean, benchmark_mean) = (finite(sum / n)?, finite(benchmark_sum / n)?);
        let active_mean = active_sum / n;
        let (mut products, mut benchmark_squares, mut active_squares) = (0.0, 0.0, 0.0);
        for (r, b) in pairs() {
            let distance = b - benchmark_mean;
            let active_distance = r - b - active_mean;
            products += (r - mean) * distance;
            benchmark_squares += distance * distance;
            active_squares += active_distance * active_distance;
        }
        Some(Self {
            n,
            mean,
            benchmark_mean,
            benchmark_scale: benchmark_absolute / n,
            products,
            benchmark_squares,
            active_mean,
            active_squares,
            active_scale: (absolute + benchmark_absolute) / n,
        })
    }

    fn beta(&self) -> Option<f64> {
        let spread = deviation(self.benchmark_squares, self.n, self.benchmark_scale);
        finite(self.products / self.n / (spread * spread))
    }

    fn alpha(&self, periods: f64) -> Option<f64> {
        let unexplained = self.mean - self.beta()? * self.benchmark_mean;
        finite(libm::pow(1.0 + unexplained, periods) - 1.0)
    }

    fn information_ratio(&self) -> Option<f64> {
        finite(self.active_mean / deviation(self.active_squares, self.n - 1.0, self.active_scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_benchmark_with_a_number_that_is_not_finite_tells_nothing(
            mut returns in prop::collection::vec(-0.3..0.3_f64, 1..60),
            at in any::<prop::sample::Index>(),
            odd in prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, -f64::INFINITY]),
        ) {
            let sound = returns.clone();
            let at = at.index(returns.len());
            returns[at] = odd;
            let against = BenchmarkStats::of(&sound, &returns, 252.0);
            prop_assert_eq!(against, BenchmarkStats::default());
        }
    }

    #[test]
    fn what_rounding_leaves_of_a_constant_return_explains_nothing() {
        let returns = [0.1 + 0.2; 77];
        assert_eq!(beta(&[0.01; 77], &returns), None);
        assert_eq!(alpha(&[0.01; 77], &returns, 252.0), None);
        assert_eq!(information_ratio(&[0.01; 77], &returns), None);
    }

    #[test]
    fn a_series_is_its_own_benchmark_without_alpha() {
        let returns = [0.06, -0.02, 0.0, 0.01];
        let stats = BenchmarkStats::of(&returns, &returns, 252.0);
        assert!((stats.beta.unwrap() - 1.0).abs() < 1e-12);
        assert!(stats.alpha.unwrap().abs() < 1e-12);
        assert_eq!(stats.information_ratio, None);
        assert_eq!(stats.benchmark_return, total_return(&returns));
    }
}
