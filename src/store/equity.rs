//! The account of a kept session, bar by bar: `equity.parquet`.

use super::error::StoreError;
use super::parquet;
use super::table::Table;
use std::path::Path;

/// The name of the file in a kept session's directory.
pub const EQUITY_FILE: &str = "equity.parquet";

/// The account at the close of every bar; all columns have the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Equity {
    /// Opening times of the bars: microseconds since 1970-01-01T00:00:00Z.
    pub time: Vec<i64>,
    /// What the account was worth, in money.
    pub equity: Vec<f64>,
    /// How far it was below its peak: a fraction, 0 at a peak.
    pub drawdown: Vec<f64>,
    /// What the benchmark was worth, `NaN` where it has no value; `None` without a benchmark.
    pub benchmark: Option<Vec<f64>>,
}

/// The bytes of `equity.parquet`: one row a bar, the slices of equal length and as in [`Equity`].
pub fn equity_parquet(
    time: &[i64],
    equity: &[f64],
    drawdown: &[f64],
    benchmark: Option<&[f64]>,
) -> Vec<u8> {
    let mut table = Table::default();
    table.add_times("time", time.iter().copied());
    let columns =
        [("equity", Some(equity)), ("drawdown", Some(drawdown)), ("benchmark", benchmark)];
    for (name, values) in columns {
        if let Some(values) = values {
            table.add_floats(
                name,
                values.iter().map(|value| Some(*value).filter(|x| x.is_finite())),
            );
        }
    }
    parquet::to_bytes(&table)
}

/// The account in the file `path`.
pub(super) fn read_equity(path: &Path) -> Result<Equity, StoreError> {
    let table = parquet::read(path, None)?;
    let floats = |name: &str| -> Result<Vec<f64>, String> {
        Ok(table.floats(name)?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    };
    let read = || {
        let time: Option<_> = table.times("time")?.iter().copied().collect();
        Ok(Equity {
            time: time.ok_or("a time is missing")?,
            equity: floats("equity")?,
            drawdown: floats("drawdown")?,
            benchmark: table.get("benchmark").map(|_| floats("benchmark")).transpose()?,
        })
    };
    read().map_err(|fact: String| StoreError::damaged(path, fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_comes_back_bit_for_bit() {
        let time: Vec<i64> = (0..5_000).map(|bar| bar * 60_000_000 - 1_000_000_000).collect();
        let equity: Vec<f64> = time.iter().map(|&time| 1e4 + time as f64 / 7e9).collect();
        let drawdown: Vec<f64> = equity.iter().map(|equity| 1.0 / equity).collect();
        let mut benchmark = equity.clone();
        benchmark[0] = f64::NAN;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(EQUITY_FILE);
        for benchmark in [None, Some(&benchmark[..])] {
            let bytes = equity_parquet(&time, &equity, &drawdown, benchmark);
            assert_eq!(bytes, equity_parquet(&time, &equity, &drawdown, benchmark));
            std::fs::write(&path, bytes).unwrap();
            let read = read_equity(&path).unwrap();
            assert_eq!((&read.time, &read.equity, &read.drawdown), (&time, &equity, &drawdown));
            let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(read.benchmark.as_deref().map(bits), benchmark.map(bits));
        }
    }
}
