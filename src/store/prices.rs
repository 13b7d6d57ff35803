//! What the prices of a kept session did, thinned for its page: `prices.parquet`.

use super::error::StoreError;
use super::parquet;
use super::table::Table;
use std::path::Path;

/// The name of the file in a kept session's directory.
pub const PRICES_FILE: &str = "prices.parquet";

/// The columns that are no lets.
const OWN: [&str; 6] = ["symbol", "time", "high", "low", "close", TRAILING];
/// The column of trailing stops; files of sessions without one do not have it.
const TRAILING: &str = "trailing";

/// One symbol's stretches of bars, each told at its last bar; all columns have the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceSeries {
    /// The symbol.
    pub symbol: String,
    /// Opening time of the last bar of each stretch: microseconds since 1970-01-01T00:00:00Z.
    pub time: Vec<i64>,
    /// The highest price of each stretch.
    pub high: Vec<f64>,
    /// The lowest price of each stretch.
    pub low: Vec<f64>,
    /// The last price of each stretch.
    pub close: Vec<f64>,
    /// The trailing stop of what was held while the last bar opened, `NaN` where there was none; empty
    /// if there never was one.
    pub trailing: Vec<f64>,
    /// What the strategy plots by name, its value at the end of each stretch; `NaN` where missing.
    pub lets: Vec<(String, Vec<f64>)>,
}

/// The bytes of `prices.parquet`; every series has the same columns.
pub fn prices_parquet(series: &[PriceSeries]) -> Vec<u8> {
    let mut table = Table::default();
    let symbols = series.iter().flat_map(|one| one.time.iter().map(|_| one.symbol.clone()));
    table.add_texts("symbol", symbols);
    table.add_times("time", series.iter().flat_map(|one| one.time.iter().copied()));
    let mut add = |name: &str, of: &dyn Fn(&PriceSeries) -> &[f64]| {
        let values = series.iter().flat_map(|one| of(one).iter().copied());
        table.add_floats(name, values.map(|value| Some(value).filter(|value| value.is_finite())));
    };
    add("high", &|one| &one.high);
    add("low", &|one| &one.low);
    add("close", &|one| &one.close);
    if series.iter().any(|one| !one.trailing.is_empty()) {
        add(TRAILING, &|one| &one.trailing);
    }
    let lets = series.first().map(|one| &one.lets[..]).unwrap_or_default();
    for (number, (name, _)) in lets.iter().enumerate() {
        add(&format!("let.{name}"), &|one| &one.lets[number].1);
    }
    parquet::to_bytes(&table)
}

/// The series in the file `path`.
pub(super) fn read_prices(path: &Path) -> Result<Vec<PriceSeries>, StoreError> {
    let table = parquet::read(path, None)?;
    let read = || -> Result<Vec<PriceSeries>, String> {
        let floats = |name: &str| -> Result<Vec<f64>, String> {
            Ok(table.floats(name)?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        };
        let (symbols, times) = (table.texts("symbol")?, table.times("time")?);
        let (high, low, close) = (floats("high")?, floats("low")?, floats("close")?);
        let has_trailing = table.columns.iter().any(|(name, _)| name == TRAILING);
        let trailing = has_trailing.then(|| floats(TRAILING)).transpose()?;
        let names = table.columns.iter().map(|(name, _)| name.as_str());
        let names = names.filter(|name| !OWN.contains(name));
        let lets: Vec<(String, Vec<f64>)> = names
            .map(|name| {
                let bare = name.strip_prefix("let.").unwrap_or(name).to_owned();
                Ok((bare, floats(name)?))
            })
            .collect::<Result<_, String>>()?;
        let mut series: Vec<PriceSeries> = Vec::new();
        for (row, (symbol, time)) in symbols.iter().zip(times).enumerate() {
            let symbol = symbol.as_deref().unwrap_or_default();
            if series.last().is_none_or(|last| last.symbol != symbol) {
                let lets = lets.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
                series.push(PriceSeries { symbol: symbol.into(), lets, ..Default::default() });
            }
            let last = series.last_mut().expect("one was just pushed if there was none");
            last.time.push(time.ok_or("a time is missing")?);
            last.high.push(high[row]);
            last.low.push(low[row]);
            last.close.push(close[row]);
            last.trailing.extend(trailing.as_ref().map(|levels| levels[row]));
            for ((_, to), (_, from)) in last.lets.iter_mut().zip(&lets) {
                to.push(from[row]);
            }
        }
        Ok(series)
    };
    read().map_err(|fact| StoreError::damaged(path, fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_come_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(PRICES_FILE);
        let one = |symbol: &str, from: f64| PriceSeries {
            symbol: symbol.into(),
            time: vec![0, 60_000_000],
            high: vec![from + 1.0, from + 2.0],
            low: vec![from - 1.0, from],
            close: vec![from, from + 0.5],
            trailing: vec![from - 0.5, from],
            lets: vec![("high".into(), vec![from, from * 2.0])],
        };
        let series = [one("A", 1.0), one("B", 0.1)];
        std::fs::write(&path, prices_parquet(&series)).unwrap();
        assert_eq!(read_prices(&path).unwrap(), series);
        std::fs::write(&path, prices_parquet(&[])).unwrap();
        assert_eq!(read_prices(&path).unwrap(), []);
        std::fs::write(&path, b"PAR1").unwrap();
        assert!(matches!(read_prices(&path), Err(StoreError::Damaged { .. })));
    }
}
