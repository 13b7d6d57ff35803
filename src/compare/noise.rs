//! Whether a difference of two results could be chance: a paired block bootstrap of daily returns.
//!
//! Both series are drawn together, the same days for both, in blocks of days that follow each other,
//! so that what the two have in common, and what a day has in common with the next, stays in the
//! draws. The series are closed to a circle, so that every day is drawn equally often. The length of
//! the blocks is chosen after Politis and White, "Automatic block-length selection for the dependent
//! bootstrap" (2004), with the correction of Patton, Politis and White (2009). Numbers come from a
//! seed: the same series give the same interval, everywhere.

use super::snapshot::Snapshot;
use crate::plan::SplitMix;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// How many samples are drawn unless somebody says otherwise.
pub const DRAWS: usize = 2_000;
/// The share of the draws that lies inside an interval.
const LEVEL: f64 = 0.95;
/// With fewer days in common nothing is said.
const LEAST: usize = 20;

/// What a bootstrap is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How many samples are drawn.
    pub draws: usize,
    /// The number that fixes them.
    pub seed: u64,
    /// Days in a block; `None` to choose it from the data.
    pub block: Option<usize>,
    /// Periods in a year.
    pub periods: f64,
}

/// How far a difference reaches, from the 2.5th to the 97.5th percentile of the draws.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Interval {
    /// The difference of the two series as they are.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether no difference at all lies inside.
    pub fn is_noise(&self) -> bool {
        self.low <= 0.0 && 0.0 <= self.high
    }
}

/// The change from one series to the other, with what chance would do to it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Noise {
    /// Days that both have.
    pub days: usize,
    /// Days in a block.
    pub block: usize,
    /// Samples drawn.
    pub draws: usize,
    /// Of the annualised Sharpe ratio: mean(r) / std(r, ddof 1) * sqrt(N); `None` where a series does
    /// not move.
    pub sharpe: Option<Interval>,
    /// Of the mean return a year, a fraction: mean(r) * N.
    pub annual_return: Interval,
}

/// The daily returns of two results on the days that both have, the first day against the day before
/// it that both have.
pub fn paired(a: &Snapshot, b: &Snapshot) -> (Vec<f64>, Vec<f64>) {
    let other: BTreeMap<NaiveDate, f64> = b.account().into_iter().collect();
    let both = a.account().into_iter().filter_map(|(day, a)| Some((a, *other.get(&day)?)));
    let both: Vec<(f64, f64)> = both.collect();
    let gain = |pair: &[(f64, f64)]| (pair[1].0 / pair[0].0 - 1.0, pair[1].1 / pair[0].1 - 1.0);
    both.windows(2).map(gain).unzip()
}

/// How much of the change from the returns `a` to the returns `b`, of the same days, is noise; `None`
/// if there are too few.
pub fn noise(a: &[f64], b: &[f64], bootstrap: Bootstrap) -> Option<Noise> {
    assert_eq!(a.len(), b.len(), "both have the same days");
    let days = a.len();
    if days < LEAST || !a.iter().chain(b).all(|value| value.is_finite()) {
        return None;
    }
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    let chosen = || [a, b, &difference].into_iter().map(block_length).max().unwrap_or(1);
    let block = bootstrap.block.unwrap_or_else(chosen).clamp(1, days);
    let mut random = SplitMix::new(bootstrap.seed);
    let mut indices = vec![0; days];
    let (mut sharpes, mut returns) = (Vec::new(), Vec::with_capacity(bootstrap.draws));
    for _ in 0..bootstrap.draws {
        draw(&mut random, block, &mut indices);
        let (sharpe, annual) = change(a, b, &indices, bootstrap.periods);
        sharpes.extend(sharpe);
        returns.push(annual);
    }
    let all: Vec<usize> = (0..days).collect();
    let (sharpe, annual) = change(a, b, &all, bootstrap.periods);
    Some(Noise {
        days,
        block,
        draws: bootstrap.draws,
        sharpe: sharpe.and_then(|value| interval(value, sharpes)),
        annual_return: interval(annual, returns)?,
    })
}

/// Days of a circle in blocks that follow each other, as many as `indices` takes.
fn draw(random: &mut SplitMix, block: usize, indices: &mut [usize]) {
    let days = indices.len();
    for piece in indices.chunks_mut(block) {
        let start = random.below(days as u64) as usize;
        for (offset, index) in piece.iter_mut().enumerate() {
            *index = (start + offset) % days;
        }
    }
}

/// The change of the Sharpe ratio and of the annual return from `a` to `b`, over the days `indices`.
fn change(a: &[f64], b: &[f64], indices: &[usize], periods: f64) -> (Option<f64>, f64) {
    let measure = |series: &[f64]| {
        let n = indices.len() as f64;
        let mean = indices.iter().map(|&at| series[at]).sum::<f64>() / n;
        let squares: f64 =
            indices.iter().map(|&at| (series[at] - mean) * (series[at] - mean)).sum();
        let deviation = (squares / (n - 1.0)).sqrt();
        // What does not move but for rounding has no Sharpe ratio.
        let size = indices.iter().map(|&at| series[at].abs()).sum::<f64>() / n;
        let sharpe = (deviation > 1e-12 * size).then(|| mean / deviation * periods.sqrt());
        (sharpe, mean * periods)
    };
    let ((sharpe_a, return_a), (sharpe_b, return_b)) = (measure(a), measure(b));
    (sharpe_a.zip(sharpe_b).map(|(a, b)| b - a), return_b - return_a)
}

fn interval(value: f64, mut draws: Vec<f64>) -> Option<Interval> {
    draws.sort_by(f64::total_cmp);
    let last = draws.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share * last as f64;
        let (low, high) = (draws[place.floor() as usize], draws[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    Some(Interval { value, low: at((1.0 - LEVEL) / 2.0), high: at((1.0 + LEVEL) / 2.0) })
}

/// How many days a block should have for the circular bootstrap of the mean of `series`: sections 2
/// and 3 of Politis and White, with the flat-top window and c = 2.
fn block_length(series: &[f64]) -> usize {
    let n = series.len();
    let size = n as f64;
    let mean = series.iter().sum::<f64>() / size;
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let covariance = |lag: usize| {
        centred[..n - lag].iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>() / size
    };
    let variance = covariance(0);
    if variance <= 0.0 {
        return 1;
    }
    let digits = libm::log10(size);
    let run = (digits.sqrt().ceil() as usize).max(5);
    let furthest = (size.sqrt().ceil() as usize + run).min(n - 1);
    let insignificant = 2.0 * (digits / size).sqrt();
    let is_small: Vec<bool> =
        (1..=furthest).map(|lag| (covariance(lag) / variance).abs() < insignificant).collect();
    // The first lag after which `run` correlations in a row say nothing.
    let quiet = is_small.windows(run).position(|window| window.iter().all(|small| *small));
    let last_loud = || is_small.iter().rposition(|small| !small).map_or(1, |at| at + 1);
    let window = (2 * quiet.unwrap_or_else(last_loud).max(1)).min(furthest);
    let weight = |lag: usize| {
        let share = lag as f64 / window as f64;
        if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) }
    };
    let (mut density, mut slope) = (variance, 0.0);
    for lag in 1..=window {
        let weighted = 2.0 * weight(lag) * covariance(lag);
        density += weighted;
        slope += weighted * lag as f64;
    }
    let spread = 4.0 / 3.0 * density * density;
    if spread <= 0.0 {
        return 1;
    }
    let length = libm::cbrt(2.0 * slope * slope / spread * size).ceil();
    let longest = (3.0 * size.sqrt()).min(size / 3.0).ceil();
    (length.min(longest) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap { draws: DRAWS, seed: 1, block: None, periods: 252.0 };

    /// A normal series in which each value keeps `phi` of the one before, of variance 1.
    fn autoregressive(phi: f64, n: usize, seed: u64) -> Vec<f64> {
        let mut random = SplitMix::new(seed);
        let mut uniform = || (random.below(1 << 53) as f64 + 0.5) / (1_u64 << 53) as f64;
        let mut normal = || {
            let (u, v) = (uniform(), uniform());
            (-2.0 * libm::log(u)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * v)
        };
        let shock = (1.0 - phi * phi).sqrt();
        let mut value = normal();
        let step = |_| {
            value = phi * value + shock * normal();
            value
        };
        (0..n).map(step).collect()
    }

    #[test]
    fn given_indices_give_what_a_hand_computes() {
        // Days 0 and 1 twice: a is 0.01, -0.01, 0.01, -0.01 and b 0.03, 0.01, 0.03, 0.01.
        let (a, b) = ([0.01, -0.01, 0.5, 0.5], [0.03, 0.01, 0.5, 0.5]);
        let (sharpe, annual) = change(&a, &b, &[0, 1, 0, 1], 4.0);
        // Both deviate by sqrt(4 * 0.0001 / 3); the means are 0 and 0.02; sqrt(4) is 2.
        let deviation = (4.0 * 0.0001_f64 / 3.0).sqrt();
        assert!((sharpe.unwrap() - 0.02 / deviation * 2.0).abs() < 1e-12);
        assert!((annual - 0.08).abs() < 1e-15);
        // sqrt(0.0004 / 3) is 0.011547, and 0.04 over it 3.4641.
        assert!((sharpe.unwrap() - 3.464_101_615).abs() < 1e-8);
    }

    #[test]
    fn the_widths_on_an_autoregressive_series_agree_with_theory() {
        // The mean of n values has the variance (1 + phi) / (1 - phi) / n, as n grows.
        const N: usize = 2_000;
        for phi in [0.0, 0.3, 0.6] {
            let theory = ((1.0 + phi) / (1.0 - phi) / N as f64).sqrt() * 2.0 * 1.959_964;
            let still = vec![0.0; N];
            let bootstrap = Bootstrap { draws: 500, periods: 1.0, ..BOOTSTRAP };
            let widths = (1..=8).map(|seed| {
                let series = autoregressive(phi, N, seed);
                let noise = noise(&still, &series, Bootstrap { seed, ..bootstrap }).unwrap();
                noise.annual_return.high - noise.annual_return.low
            });
            let ratio = widths.sum::<f64>() / 8.0 / theory;
            assert!((0.9..1.1).contains(&ratio), "phi {phi}: {ratio}");
        }
        // Drawn day by day, the dependence is lost and the interval is far too narrow.
        let series = autoregressive(0.6, N, 1);
        let single = Bootstrap { draws: 500, periods: 1.0, block: Some(1), ..BOOTSTRAP };
        let noise = noise(&vec![0.0; N], &series, single).unwrap();
        let theory = (4.0 / N as f64).sqrt() * 2.0 * 1.959_964;
        assert!((noise.annual_return.high - noise.annual_return.low) / theory < 0.6);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_what_both_share_is_no_noise() {
        let a = autoregressive(0.2, 500, 3);
        let b: Vec<f64> = a.iter().map(|value| value + 0.01).collect();
        let one = noise(&a, &b, BOOTSTRAP).unwrap();
        assert_eq!(one, noise(&a, &b, BOOTSTRAP).unwrap());
        let annual = one.annual_return;
        assert!((annual.high - annual.low).abs() < 1e-9 && !annual.is_noise());
        let other = noise(&a, &b, Bootstrap { seed: 2, ..BOOTSTRAP }).unwrap();
        assert_ne!(one.sharpe, other.sharpe);
        let unrelated = noise(&a, &autoregressive(0.2, 500, 4), BOOTSTRAP).unwrap();
        assert!(unrelated.annual_return.is_noise());
    }

    #[test]
    fn a_still_series_has_no_sharpe_ratio_and_a_short_one_no_interval() {
        let still = vec![0.0; 100];
        let noise_of = |a: &[f64], b: &[f64]| noise(a, b, BOOTSTRAP);
        assert_eq!(noise_of(&still, &autoregressive(0.0, 100, 1)).unwrap().sharpe, None);
        assert_eq!(noise_of(&still[..10], &still[..10]), None);
    }

    #[test]
    fn blocks_grow_with_dependence() {
        let length = |phi| block_length(&autoregressive(phi, 2_000, 7));
        assert!(length(0.0) < 6, "{}", length(0.0));
        assert!(length(0.3) < length(0.6) && length(0.6) < length(0.9));
    }
}
