//! What an account lost on its way: an accumulator over the equity at every bar's close.
//!
//! The equity arrives bar by bar in pieces: [`Drawdowns::mark`] takes a run of closes,
//! [`Drawdowns::hold`] a stretch on which the equity stands still, [`Drawdowns::follow`] one on which it
//! goes with the price of what is held. A drawdown is `(peak - equity) / peak`, a positive fraction; the
//! peak is the highest equity so far and starts at the capital, before the first bar.
//!
//! # Why the squares are whole numbers
//!
//! A sum of floats depends on where it is cut. The squared drawdowns are therefore rounded, each by
//! itself, to multiples of 2^-51 and added as integers: any cut, tile or stretch gives the same
//! bits, and `hold` multiplies where `mark` adds. A square is off by at most 2^-52, so an ulcer
//! index of 0.001 is right to about 1e-10 of itself, and drawdowns below 1e-8 do not show in it.
//! Everything else is a minimum, a maximum or a count, or is added once an episode.

use multiversion::multiversion;

/// Multiples of 2^-51 in one.
const ONE: f64 = (1_u64 << 51) as f64;
/// Bars that are looked at together when none of them reaches the peak.
const BLOCK: usize = 64;
/// Bars whose squares, each at most one, fit into a sum of 64 bits.
const SUMMED: usize = 1 << 12;
/// Independent minima, maxima and sums in a block, so that the compiler can keep them in vectors.
const LANES: usize = 4;

/// Drawdown statistics in the making.
///
/// ```
/// use papertape::metrics::drawdown::Drawdowns;
///
/// let mut drawdowns = Drawdowns::new(100.0);
/// drawdowns.mark(&[120.0, 90.0]);
/// drawdowns.hold(2, 120.0);
/// let stats = drawdowns.finish().expect("four bars");
/// assert_eq!(stats.max_drawdown, 0.25);
/// assert_eq!(stats.time_under_water, 0.25);
/// assert_eq!(stats.ulcer_index, 0.125);
/// ```
#[derive(Debug, Clone)]
pub struct Drawdowns {
    bars: usize,
    peak: f64,
    /// `1 / peak`: the squares are taken of `(peak - equity) * inverse` on every path.
    inverse: f64,
    /// The last bar at the peak; `None` while that is the capital.
    peak_bar: Option<usize>,
    /// The lowest equity since the peak; the peak itself until something is lost.
    low: f64,
    /// Bars below the peak.
    submerged: usize,
    /// The sum of the squared drawdowns in multiples of 2^-51.
    squares: u128,
    episodes: Episodes,
}

/// What is kept of the episodes that ended.
#[derive(Debug, Clone, Default)]
struct Episodes {
    count: usize,
    /// The sum of the depths, in the order of the episodes.
    depths: f64,
    deepest: f64,
    costliest: f64,
    longest: Option<Episode>,
}

/// A drawdown from the peak to the bar that regains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// The last bar at the peak; `None` for the capital, which stood before the first bar.
    pub from: Option<usize>,
    /// The bar that regained the peak; the last bar where none did.
    pub to: usize,
}

impl Episode {
    /// How many bars the episode took, at least one.
    pub fn bars(self) -> usize {
        self.to - self.from.map_or(0, |bar| bar + 1) + 1
    }
}

/// Drawdown statistics over every bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawdownStats {
    /// The deepest drawdown, a fraction of the peak before it; above 1 only for a negative equity.
    pub max_drawdown: f64,
    /// The mean depth of the episodes; `None` if nothing was ever lost. An episode runs from a peak
    /// to the bar that regains it, and one that is unfinished at the end counts.
    pub avg_drawdown: Option<f64>,
    /// The episode of the most bars, the first of equals; `None` if nothing was ever lost.
    pub longest: Option<Episode>,
    /// The fraction of bars below the running peak.
    pub time_under_water: f64,
    /// `sqrt(sum of squared drawdowns / bars)`, a fraction.
    pub ulcer_index: f64,
    /// The highest equity, the capital included; money.
    pub peak_equity: f64,
    /// The largest `peak - equity`; money, and not always of the deepest episode.
    pub max_loss: f64,
}

impl Drawdowns {
    /// An account before its first bar, its `capital` above zero.
    pub fn new(capital: f64) -> Self {
        assert!(capital > 0.0, "an account starts with money");
        Self {
            bars: 0,
            peak: capital,
            inverse: 1.0 / capital,
            peak_bar: None,
            low: capital,
            submerged: 0,
            squares: 0,
            episodes: Episodes::default(),
        }
    }

    /// The next bars close at these equities, all finite.
    pub fn mark(&mut self, equity: &[f64]) {
        mark(self, equity);
    }

    /// The next bars are those on which `units` of one symbol are held beside `cash`, all finite: as
    /// marking `cash + units * close` at each of its `closes`, of which `extremes` are the least and the
    /// greatest.
    pub fn follow(&mut self, cash: f64, units: f64, closes: &[f64], extremes: (f64, f64)) {
        // Neither rounding turns the order of two closes round, so the extremes of the equity are theirs.
        let equity = |close: f64| cash + units * close;
        let (a, b) = (equity(extremes.0), equity(extremes.1));
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        if low >= 0.0 && high < self.peak && closes.len() <= SUMMED {
            let squares = squares(self, cash, units, closes);
            self.submerge(closes.len(), low, squares.into());
            return;
        }
        let mut equities = [0.0; BLOCK];
        for closes in closes.chunks(BLOCK) {
            let equities = &mut equities[..closes.len()];
            equities.iter_mut().zip(closes).for_each(|(to, &close)| *to = equity(close));
            self.mark(equities);
        }
    }

    /// The next `bars` bars all close at this equity, finite: as marking it that many times.
    pub fn hold(&mut self, bars: usize, equity: f64) {
        if bars == 0 {
            return;
        }
        if equity < self.peak {
            let drawdown = (self.peak - equity) * self.inverse;
            self.submerge(bars, equity, fixed(drawdown * drawdown).saturating_mul(bars as u128));
        } else {
            self.surface(bars, equity);
        }
    }

    /// The statistics of all bars so far; `None` if there was none.
    pub fn finish(mut self) -> Option<DrawdownStats> {
        self.end_episode(self.bars.checked_sub(1)?);
        let bars = self.bars as f64;
        let Episodes { count, depths, deepest, costliest, longest } = self.episodes;
        Some(DrawdownStats {
            max_drawdown: deepest,
            avg_drawdown: (count > 0).then(|| depths / count as f64),
            longest,
            time_under_water: self.submerged as f64 / bars,
            ulcer_index: (self.squares as f64 / ONE / bars).sqrt(),
            peak_equity: self.peak,
            max_loss: costliest,
        })
    }

    /// [`Drawdowns::mark`] for the few bars of a block that is not under water as a whole.
    #[inline(never)]
    fn mark_each(&mut self, mut equity: &[f64]) {
        while let Some(&first) = equity.first() {
            let (mut bars, mut low, mut squares) = (0, f64::INFINITY, 0);
            for &equity in equity {
                if !(0.0..self.peak).contains(&equity) {
                    break;
                }
                let drawdown = (self.peak - equity) * self.inverse;
                bars += 1;
                low = if equity < low { equity } else { low };
                squares += rounded(drawdown * drawdown);
            }
            if bars > 0 {
                self.submerge(bars, low, squares.into());
            } else {
                self.hold(1, first);
                bars = 1;
            }
            equity = &equity[bars..];
        }
    }

    /// The lowest equity and the sum of the squares of a block that lies below the peak and not
    /// below zero; `None` for any other block.
    #[inline(always)]
    fn block_under_water(&self, block: &[f64]) -> Option<(f64, u64)> {
        let mut low = [f64::INFINITY; LANES];
        let mut high = [f64::NEG_INFINITY; LANES];
        let mut squares = [0_u64; LANES];
        let mut see = |lane: usize, equity: f64| {
            // A comparison is one instruction where `min` and `max` are several for NaN's sake.
            low[lane] = if equity < low[lane] { equity } else { low[lane] };
            high[lane] = if equity > high[lane] { equity } else { high[lane] };
            let drawdown = (self.peak - equity) * self.inverse;
            squares[lane] = squares[lane].wrapping_add(rounded(drawdown * drawdown));
        };
        let (chunks, rest) = block.as_chunks::<LANES>();
        for chunk in chunks {
            (0..LANES).for_each(|lane| see(lane, chunk[lane]));
        }
        rest.iter().enumerate().for_each(|(lane, &equity)| see(lane, equity));
        let low = low.into_iter().fold(f64::INFINITY, f64::min);
        let high = high.into_iter().fold(f64::NEG_INFINITY, f64::max);
        (low >= 0.0 && high < self.peak)
            .then(|| (low, squares.into_iter().fold(0, u64::wrapping_add)))
    }

    /// Bars below the peak: how many, the lowest equity among them and the sum of their squares.
    fn submerge(&mut self, bars: usize, low: f64, squares: u128) {
        self.bars += bars;
        self.submerged += bars;
        self.low = self.low.min(low);
        self.squares = self.squares.saturating_add(squares);
    }

    /// Bars at the peak or at a new one.
    fn surface(&mut self, bars: usize, equity: f64) {
        self.end_episode(self.bars);
        if equity > self.peak {
            self.inverse = 1.0 / equity;
        }
        self.bars += bars;
        self.peak = equity;
        self.peak_bar = Some(self.bars - 1);
        self.low = equity;
    }

    /// The account stands at its peak again, or the bars are over: what was lost since counts.
    fn end_episode(&mut self, to: usize) {
        if self.low == self.peak {
            return;
        }
        let loss = self.peak - self.low;
        let depth = loss / self.peak;
        let episode = Episode { from: self.peak_bar, to };
        let episodes = &mut self.episodes;
        episodes.count += 1;
        episodes.depths += depth;
        episodes.deepest = episodes.deepest.max(depth);
        episodes.costliest = episodes.costliest.max(loss);
        if episodes.longest.is_none_or(|longest| longest.bars() < episode.bars()) {
            episodes.longest = Some(episode);
        }
    }
}

/// [`Drawdowns::mark`], which as a method could not be there for each kind of registers.
#[multiversion(targets = "simd")]
fn mark(drawdowns: &mut Drawdowns, equity: &[f64]) {
    for block in equity.chunks(BLOCK) {
        match drawdowns.block_under_water(block) {
            Some((low, squares)) => drawdowns.submerge(block.len(), low, squares.into()),
            None => drawdowns.mark_each(block),
        }
    }
}

/// The sum of the squares of up to [`SUMMED`] bars of which none lies above the peak or below zero.
#[multiversion(targets = "simd")]
fn squares(drawdowns: &Drawdowns, cash: f64, units: f64, closes: &[f64]) -> u64 {
    let (peak, inverse) = (drawdowns.peak, drawdowns.inverse);
    let square = |close: &f64| {
        let drawdown = (peak - (cash + units * close)) * inverse;
        rounded(drawdown * drawdown)
    };
    closes.iter().map(square).fold(0, u64::wrapping_add)
}

/// A square in multiples of 2^-51, rounded to even.
fn fixed(square: f64) -> u128 {
    // From 2 on a float has no digits below 2^-51, so that nothing is left to round.
    if square < 2.0 { u128::from(rounded(square)) } else { (square * ONE) as u128 }
}

/// [`fixed`] for squares in `0..2`; any other square gives a number without meaning.
///
/// Between 2 and 4 floats are 2^-51 apart: the addition rounds, and the bits count the steps. This
/// runs in vector registers, which a conversion to integers does not.
#[inline(always)]
fn rounded(square: f64) -> u64 {
    (square + 2.0).to_bits().wrapping_sub(2.0_f64.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::extremes;
    use proptest::prelude::*;

    fn marked(capital: f64, equity: &[f64]) -> DrawdownStats {
        let mut drawdowns = Drawdowns::new(capital);
        drawdowns.mark(equity);
        drawdowns.finish().expect("there are bars")
    }

    /// The definitions, word by word and without any haste.
    fn naive(capital: f64, equity: &[f64]) -> DrawdownStats {
        let (mut peak, mut from, mut inside) = (capital, None, false);
        let (mut max_loss, mut squares, mut submerged) = (0.0_f64, 0.0, 0);
        let mut depths = Vec::<f64>::new();
        let mut episodes = Vec::new();
        for (bar, &equity) in equity.iter().enumerate() {
            if equity >= peak {
                if inside {
                    episodes.push(Episode { from, to: bar });
                }
                (peak, from, inside) = (equity, Some(bar), false);
                continue;
            }
            let drawdown = (peak - equity) / peak;
            if !inside {
                depths.push(0.0);
            }
            inside = true;
            let depth = depths.last_mut().expect("an episode has begun");
            *depth = depth.max(drawdown);
            max_loss = max_loss.max(peak - equity);
            squares += drawdown * drawdown;
            submerged += 1;
        }
        if inside {
            episodes.push(Episode { from, to: equity.len() - 1 });
        }
        let bars = equity.len() as f64;
        let most = episodes.iter().map(|episode| episode.bars()).max();
        DrawdownStats {
            max_drawdown: depths.iter().copied().fold(0.0, f64::max),
            avg_drawdown: (!depths.is_empty())
                .then(|| depths.iter().sum::<f64>() / depths.len() as f64),
            longest: episodes.into_iter().find(|episode| Some(episode.bars()) == most),
            time_under_water: f64::from(submerged) / bars,
            ulcer_index: (squares / bars).sqrt(),
            peak_equity: peak,
            max_loss,
        }
    }

    /// Equities as a product of small steps, some of them none at all; now and then below zero.
    fn equities() -> impl Strategy<Value = Vec<f64>> {
        let step = prop_oneof![3 => -0.02..0.02_f64, 1 => Just(0.0)];
        (prop::collection::vec(step, 1..600), -0.004..0.004_f64, prop::bool::weighted(0.1))
            .prop_map(|(steps, drift, broke)| {
                let mut equity = 100.0;
                let walk = steps.into_iter().map(|step| {
                    equity *= if step == 0.0 { 1.0 } else { 1.0 + step + drift };
                    equity
                });
                let debt = if broke { 99.0 } else { 0.0 };
                walk.map(|equity| equity - debt).collect()
            })
    }

    proptest! {
        #[test]
        fn cutting_the_equity_into_pieces_changes_no_bit(
            equity in equities(),
            cuts in prop::collection::vec(0..70_usize, 0..40),
        ) {
            let mut drawdowns = Drawdowns::new(100.0);
            let mut rest = equity.as_slice();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                drawdowns.mark(piece);
                rest = after;
            }
            drawdowns.mark(rest);
            prop_assert_eq!(drawdowns.finish(), Some(marked(100.0, &equity)));
        }

        #[test]
        fn holding_is_marking_the_same_equity_again_and_again(
            stretches in prop::collection::vec((0..100_usize, 80.0..120.0_f64), 1..20),
        ) {
            let mut held = Drawdowns::new(100.0);
            let mut marked = Drawdowns::new(100.0);
            for (bars, equity) in stretches {
                held.hold(bars, equity);
                marked.mark(&vec![equity; bars]);
            }
            prop_assert_eq!(held.finish(), marked.finish());
        }

        #[test]
        fn following_a_price_is_marking_what_is_held_of_it(
            before in equities(),
            closes in equities(),
            cash in -150.0..250.0_f64,
            units in -1.5..1.5_f64,
        ) {
            let held: Vec<f64> = closes.iter().map(|close| cash + units * close).collect();
            let mut marked = Drawdowns::new(100.0);
            marked.mark(&before);
            let mut followed = marked.clone();
            marked.mark(&held);
            followed.follow(cash, units, &closes, extremes(&closes));
            prop_assert_eq!(followed.finish(), marked.finish());
        }

        #[test]
        fn the_statistics_are_those_of_the_definitions(equity in equities()) {
            let (fast, naive) = (marked(100.0, &equity), naive(100.0, &equity));
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
            prop_assert_eq!(
                DrawdownStats { ulcer_index: 0.0, avg_drawdown: None, ..fast },
                DrawdownStats { ulcer_index: 0.0, avg_drawdown: None, ..naive }
            );
            prop_assert_eq!(fast.avg_drawdown.is_some(), naive.avg_drawdown.is_some());
            let averages = fast.avg_drawdown.zip(naive.avg_drawdown);
            prop_assert!(averages.is_none_or(|(a, b)| near(a, b)));
            prop_assert!(near(fast.ulcer_index, naive.ulcer_index) || naive.ulcer_index < 1e-3);
        }

        #[test]
        fn a_square_is_rounded_to_the_nearest_step(square in 0.0..100.0_f64) {
            let steps = (square * ONE).round_ties_even();
            prop_assert_eq!(fixed(square), steps as u128);
        }
    }

    #[test]
    fn nine_bars_by_hand() {
        let equity = [90.0, 100.0, 200.0, 150.0, 160.0, 200.0, 250.0, 240.0, 200.0];
        let stats = marked(100.0, &equity);
        assert_eq!(stats.max_drawdown, 0.25);
        // 0.1 from the capital, 0.25 from 200, 0.2 from 250.
        assert!((stats.avg_drawdown.unwrap() - 0.55 / 3.0).abs() < 1e-12);
        assert_eq!(stats.longest, Some(Episode { from: Some(2), to: 5 }));
        assert_eq!(stats.time_under_water, 5.0 / 9.0);
        let squares = 0.01 + 0.0625 + 0.04 + 0.0016 + 0.04;
        assert!((stats.ulcer_index - (squares / 9.0_f64).sqrt()).abs() < 1e-12);
        assert_eq!(stats.peak_equity, 250.0);
        assert_eq!(stats.max_loss, 50.0);
    }

    #[test]
    fn the_capital_is_the_first_peak() {
        let stats = marked(100.0, &[80.0, 60.0, 70.0]);
        assert_eq!(stats.max_drawdown, 0.4);
        assert_eq!(stats.longest, Some(Episode { from: None, to: 2 }));
        assert_eq!(stats.longest.map(Episode::bars), Some(3));
        assert_eq!(stats.peak_equity, 100.0);
    }

    #[test]
    fn an_account_that_never_lost_has_no_episode() {
        let stats = marked(100.0, &[100.0, 101.0, 101.0, 102.0]);
        assert_eq!((stats.max_drawdown, stats.avg_drawdown, stats.longest), (0.0, None, None));
        assert_eq!((stats.time_under_water, stats.ulcer_index, stats.max_loss), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_debt_is_deeper_than_everything() {
        let equity = [[50.0; 40], [-300.0; 40]].concat();
        let stats = marked(100.0, &equity);
        assert_eq!(stats.max_drawdown, 4.0);
        assert_eq!(stats.ulcer_index, ((0.25 + 16.0) / 2.0_f64).sqrt());
    }

    #[test]
    fn without_a_bar_there_is_nothing_to_say() {
        let mut drawdowns = Drawdowns::new(100.0);
        drawdowns.mark(&[]);
        drawdowns.hold(0, 50.0);
        assert_eq!(drawdowns.finish(), None);
    }
}
