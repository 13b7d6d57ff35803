//! The bars that a paper account has seen, as the columns of a file and back.
//!
//! Unlike the bars of an archive they are what a session sees, adjusted and resampled as its settings
//! say, with the splits and dividends that its account books.

use super::table::{Cells, Table};
use crate::bars::{Action, Bars, Clock, Cut, DAY, Extra};
use crate::expr::PRICES;

/// The columns of what is booked before a bar opens.
const SPLIT: &str = "@split";
const DIVIDEND: &str = "@dividend";

/// The bars of symbols, one symbol below the other. All have the same further columns.
pub(super) fn table(bars: &[Bars]) -> Table {
    let mut table = Table::default();
    let times = bars.iter().flat_map(|bars| bars.time.iter().map(|time| Some(*time)));
    table.add("time".into(), Cells::Instant(times.collect()));
    let symbols = bars.iter().flat_map(|bars| bars.time.iter().map(|_| bars.symbol.clone()));
    table.add_texts("symbol", symbols.map(Some));
    let mut number = |name: &str, values: &dyn Fn(&Bars) -> Vec<f64>| {
        let values = bars.iter().flat_map(values).map(|value| Some(value).filter(|v| !v.is_nan()));
        table.add(name.to_owned(), Cells::Float(values.collect()));
    };
    for (index, name) in PRICES.iter().enumerate() {
        number(name, &|bars| prices(bars)[index].to_vec());
    }
    let names = bars.first().map(|bars| &bars.extra[..]).unwrap_or_default();
    for (index, extra) in names.iter().enumerate() {
        number(&extra.name, &|bars| bars.extra[index].values.to_vec());
    }
    let booked = |bars: &Bars, value: &dyn Fn(&Action) -> f64| {
        let mut column = vec![f64::NAN; bars.len()];
        bars.actions.iter().for_each(|action| column[action.row] = value(action));
        column
    };
    number(SPLIT, &|bars| booked(bars, &|action| action.split));
    number(DIVIDEND, &|bars| booked(bars, &|action| action.dividend));
    table
}

fn prices(bars: &Bars) -> [&Cut<f64>; 5] {
    [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume]
}

/// Append the bars in `table` to those of `all`; what is wrong with it otherwise.
pub(super) fn append(all: &mut Vec<Bars>, table: &Table) -> Result<(), String> {
    let Some(Cells::Instant(times)) = table.get("time") else {
        return Err("it has no column `time`".into());
    };
    let Some(Cells::Text(symbols)) = table.get("symbol") else {
        return Err("it has no column `symbol`".into());
    };
    let number = |name: &str| match table.get(name) {
        Some(Cells::Float(values)) => Ok(values),
        _ => Err(format!("it has no column `{name}`")),
    };
    let is_known = |name: &str| ["time", "symbol", SPLIT, DIVIDEND].contains(&name);
    let names = table.columns.iter().map(|(name, _)| name.as_str());
    let extra: Vec<&str> = names.filter(|name| !is_known(name) && !PRICES.contains(name)).collect();
    let mut start = 0;
    while start < times.len() {
        let symbol = symbols[start].clone().ok_or("a symbol is missing")?;
        let count = symbols[start..].iter().take_while(|it| **it == symbols[start]).count();
        let rows = start..start + count;
        let column = |name: &str| {
            let values = number(name)?[rows.clone()].iter();
            Ok::<Vec<f64>, String>(values.map(|value| value.unwrap_or(f64::NAN)).collect())
        };
        let time: Option<Vec<i64>> = times[rows.clone()].iter().copied().collect();
        let (split, dividend) = (column(SPLIT)?, column(DIVIDEND)?);
        let booked = (0..count).filter(|&row| !split[row].is_nan());
        let action = |row: usize| Action { row, split: split[row], dividend: dividend[row] };
        let mut prices = PRICES.iter().map(|name| column(name));
        let mut price = || prices.next().expect("there are five").map(Cut::from);
        let piece = Bars {
            symbol: symbol.clone(),
            time: time.ok_or("a time is missing")?.into(),
            open: price()?,
            high: price()?,
            low: price()?,
            close: price()?,
            volume: price()?,
            extra: extra
                .iter()
                .map(|name| {
                    let (name, values) = ((*name).to_owned(), column(name)?.into());
                    Ok(Extra { name, boolean: false, values })
                })
                .collect::<Result<_, String>>()?,
            actions: booked.map(action).collect(),
            clock: Clock::utc(DAY),
        };
        match all.iter_mut().find(|known| known.symbol == symbol) {
            Some(known) => *known = known.followed_by(&piece).ok_or("its bars are not in order")?,
            None => all.push(piece),
        }
        start = rows.end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(symbol: &str, times: std::ops::Range<i64>) -> Bars {
        let column: Cut<f64> = times.clone().map(|time| time as f64 + 0.1).collect();
        let split = Action { row: 1, split: 2.0, dividend: 0.5 };
        Bars {
            symbol: symbol.into(),
            time: times.map(|day| day * DAY).collect(),
            open: column.clone(),
            high: column.clone(),
            low: column.clone(),
            close: column.clone(),
            volume: vec![f64::NAN; column.len()].into(),
            extra: vec![Extra { name: "flag".into(), boolean: false, values: column.clone() }],
            actions: [split].into(),
            clock: Clock::utc(DAY),
        }
    }

    #[test]
    fn bars_come_back_as_they_were() {
        let (a, b) = (bars("A", 0..5), bars("B/C", 2..4));
        let mut all = Vec::new();
        append(&mut all, &table(&[a.clone(), b.clone()])).unwrap();
        assert_eq!(format!("{all:?}"), format!("{:?}", [a.clone(), b]));
        let later = bars("A", 5..7);
        append(&mut all, &table(std::slice::from_ref(&later))).unwrap();
        assert_eq!(format!("{:?}", all[0]), format!("{:?}", a.followed_by(&later).unwrap()));
        assert_eq!(all[0].actions.iter().map(|action| action.row).collect::<Vec<_>>(), [1, 6]);
        assert!(append(&mut all, &table(&[later])).is_err(), "they are there already");
    }
}
