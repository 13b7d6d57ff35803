//! Something to measure: a made-up market of one-minute bars, the same on every machine, and a manifest
//! for each kind of strategy.

use crate::bars::{Bars, Clock};
use crate::plan::SplitMix;
use crate::store::{self, create_directories, write_bars};
use anyhow::Result;
use std::path::Path;
use std::sync::Arc;

/// 2000-01-01T00:00:00Z in microseconds: ten million minutes from then on have passed.
const FIRST: i64 = 946_684_800_000_000;
const MINUTE: i64 = 60_000_000;

/// The manifests by name.
const MANIFESTS: &[(&str, &str)] = &[
    ("plain", include_str!("workload/plain.toml")),
    ("stops", include_str!("workload/stops.toml")),
    ("indicators", include_str!("workload/indicators.toml")),
    ("expressions", include_str!("workload/expressions.toml")),
    ("limits", include_str!("workload/limits.toml")),
    ("symbols", include_str!("workload/symbols.toml")),
    ("single", include_str!("workload/single.toml")),
];

/// Write a project with `bars` bars of two symbols into `root`.
pub(super) fn write(root: &Path, bars: usize) -> Result<()> {
    for part in ["data", "sessions", "templates"] {
        create_directories(&root.join(part))?;
    }
    for (name, symbol, seed) in [("minutes", "A", 1), ("others", "B", 2)] {
        let path = root.join("data").join(name).with_extension("parquet");
        write_bars(&path, &[Arc::new(market(symbol, seed, bars))], false)?;
    }
    for (name, text) in MANIFESTS {
        let path = root.join("sessions").join(name).with_extension("toml");
        store::write(&path, text.as_bytes())?;
    }
    Ok(())
}

/// Bars of a symbol whose price wanders.
fn market(symbol: &str, seed: u64, bars: usize) -> Bars {
    let mut random = SplitMix::new(seed);
    let [mut open, mut high, mut low, mut close, mut volume] = [const { Vec::new() }; 5];
    let mut price: f64 = 100.0;
    for _ in 0..bars {
        let first = price;
        // Twelve even numbers are as good as a normal one here, and need no function whose last bits
        // differ between machines. A weak pull keeps the price near 100.
        let noise = (0..12).map(|_| random.fraction()).sum::<f64>() - 6.0;
        price *= 1.0 + 0.0005 * noise + 0.000_000_1 * (100.0 - price);
        high.push(first.max(price) * (1.0 + 0.0004 * random.fraction()));
        low.push(first.min(price) * (1.0 - 0.0004 * random.fraction()));
        open.push(first);
        close.push(price);
        volume.push((1_000.0 * random.fraction()).floor());
    }
    Bars {
        symbol: symbol.to_owned(),
        time: (0..bars as i64).map(|bar| FIRST + bar * MINUTE).collect(),
        open: open.into(),
        high: high.into(),
        low: low.into(),
        close: close.into(),
        volume: volume.into(),
        extra: Vec::new(),
        actions: Vec::new().into(),
        clock: Clock::utc(MINUTE),
    }
}
