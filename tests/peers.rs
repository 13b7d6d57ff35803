//! papertape beside other engines: the same trades and the same equity, case by case.
//!
//! `tests/peers/README.md` says what the cases are and how their expected files are made again.

use crate::project::{Project, Row, Run, repository};
use chrono::DateTime;
use papertape::store::Store;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What an engine made of one case.
#[derive(Debug, Default)]
pub struct Case {
    pub trades: Vec<Trade>,
    /// The account at the close of every bar.
    pub equity: Vec<f64>,
}

#[derive(Debug)]
pub struct Trade {
    pub symbol: String,
    pub side: String,
    pub units: f64,
    pub entry: (usize, f64),
    /// Bar, price and profit; `None` for a trade that is still open.
    pub exit: Option<(usize, f64, f64)>,
}

/// The cases of an expected file by account: its symbol, or all that share it, such as `IBM+MSFT`.
fn expected(path: &Path) -> BTreeMap<String, Case> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let accounts = lines.iter().filter(|fields| fields[0] == "equity").map(|fields| fields[1]);
    let mut cases: BTreeMap<String, Case> =
        accounts.map(|account| (account.to_owned(), Case::default())).collect();
    for fields in &lines {
        let number = |field: usize| fields[field].parse::<f64>().unwrap();
        let is_in = |account: &str| account.split('+').any(|symbol| symbol == fields[1]);
        let mut all = cases.iter_mut();
        let mut case = |found: &dyn Fn(&str) -> bool| {
            all.find(|(account, _)| found(account)).expect("every account has an equity").1
        };
        match fields[0] {
            "trade" => case(&is_in).trades.push(Trade {
                symbol: fields[1].to_owned(),
                side: fields[2].to_owned(),
                units: number(3),
                entry: (number(4) as usize, number(5)),
                exit: (!fields[6].is_empty()).then(|| (number(6) as usize, number(7), number(8))),
            }),
            "equity" => {
                let case = case(&|account| account == fields[1]);
                assert_eq!(case.equity.len(), number(2) as usize, "{fields:?}");
                case.equity.extend((3..fields.len()).map(number));
            }
            _ => panic!("`{fields:?}` is neither a trade nor equity"),
        }
    }
    cases
}

/// The case that a session of a run became.
pub fn ours(run: &Run, row: &Row) -> Case {
    let directory = format!("{}-{}", row["session"], &row["identity"][..16]);
    let store = Store::at(run.path.join("../.."));
    let equity = store.open_run(&run.id()).unwrap().equity(&directory).unwrap();
    let bar = |time: &str| {
        let time = DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros();
        equity.time.iter().position(|bar| *bar == time).unwrap()
    };
    let mut reader =
        csv::Reader::from_path(run.path.join("sessions").join(&directory).join("trades.csv"))
            .unwrap();
    let trade = |row: Row| {
        let number = |name: &str| row[name].parse::<f64>().unwrap();
        Trade {
            symbol: row["symbol"].clone(),
            side: row["side"].clone(),
            units: number("units"),
            entry: (bar(&row["entry_time"]), number("entry_price")),
            exit: (!row["closed_by"].is_empty())
                .then(|| (bar(&row["exit_time"]), number("exit_price"), number("profit"))),
        }
    };
    Case {
        trades: reader.deserialize().map(|row| trade(row.unwrap())).collect(),
        equity: equity.equity,
    }
}

/// Equal to 1e-9 of what it should be, or of the `money` that it is the rest of.
fn same(ours: f64, theirs: f64, money: f64) -> bool {
    (ours - theirs).abs() <= (1e-9 * theirs.abs()).max(1e-12 * money)
}

impl Trade {
    fn is(&self, theirs: &Self) -> bool {
        let money = theirs.units * theirs.entry.1;
        let exits = match (self.exit, theirs.exit) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => {
                ours.0 == theirs.0 && same(ours.1, theirs.1, 0.0) && same(ours.2, theirs.2, money)
            }
            _ => false,
        };
        exits
            && self.symbol == theirs.symbol
            && self.side == theirs.side
            && self.entry.0 == theirs.entry.0
            && same(self.units, theirs.units, 0.0)
            && same(self.entry.1, theirs.entry.1, 0.0)
    }
}

/// What first differs between a case and what it should be.
pub fn difference(mut ours: Case, mut theirs: Case) -> Option<String> {
    for case in [&mut ours, &mut theirs] {
        // Some list trades as they begin and some as they end.
        case.trades.sort_by_key(|trade| {
            (trade.symbol.clone(), trade.entry.0, trade.exit.map(|exit| exit.0))
        });
    }
    let pairs = ours.trades.iter().zip(&theirs.trades);
    if let Some((ours, theirs)) = pairs.into_iter().find(|(ours, theirs)| !ours.is(theirs)) {
        return Some(format!("{ours:?}\n    is not {theirs:?}"));
    }
    if ours.trades.len() != theirs.trades.len() {
        let (count, should) = (ours.trades.len(), theirs.trades.len());
        return Some(format!("{count} trades instead of {should}"));
    }
    assert_eq!(ours.equity.len(), theirs.equity.len(), "as many bars");
    let capital = theirs.equity[0];
    let pairs = ours.equity.iter().zip(&theirs.equity).enumerate();
    let (bar, (ours, theirs)) =
        pairs.into_iter().find(|(_, (ours, theirs))| !same(**ours, **theirs, capital))?;
    Some(format!("equity {ours} at bar {bar} is not {theirs}"))
}

/// Run a manifest of `tests/peers` and compare every case of it.
#[expect(clippy::print_stdout, reason = "a test says how much it compared")]
fn agrees(peer: &str) {
    let project = Project::of_the_repository();
    for file in [format!("tests/peers/{peer}.toml"), "tests/peers/bars.csv".into()] {
        project.write(&file, fs::read(repository().join(&file)).unwrap());
    }
    let _ = project.run(["run", &format!("tests/peers/{peer}.toml")]);
    let run = project.newest();
    let mut rows: BTreeMap<String, Row> =
        run.results().into_iter().map(|row| (row["key"].clone(), row)).collect();
    let (mut trades, mut cases, mut differences) = (0, 0, String::new());
    for file in fs::read_dir(repository().join("tests/peers").join(peer)).unwrap() {
        let path = file.unwrap().path();
        let session = path.file_stem().unwrap().to_str().unwrap();
        for (symbol, theirs) in expected(&path) {
            let row = rows
                .remove(&format!("{session}[symbols={symbol}]"))
                .or_else(|| rows.remove(session))
                .unwrap_or_else(|| panic!("no session of {peer}.toml is {session} of {symbol}"));
            (trades, cases) = (trades + theirs.trades.len(), cases + 1);
            if row["status"] == "refused" && theirs.trades.is_empty() {
                // What the peer enters nothing of is told when planned, where that can be known.
                assert!(row["error"].starts_with("nothing could be entered"), "{row:?}");
                continue;
            }
            if let Some(difference) = difference(ours(&run, &row), theirs) {
                write!(differences, "\n  {}: {difference}", row["key"]).unwrap();
            }
        }
    }
    assert!(rows.is_empty(), "nobody says what is expected of {:?}", rows.keys());
    assert!(differences.is_empty(), "{peer}:{differences}");
    println!("{peer}: {trades} trades in {cases} cases are the same");
}

#[test]
fn the_vectorbt_model_is_vectorbt() {
    agrees("vectorbt");
}

#[test]
fn the_backtesting_py_model_is_backtesting_py() {
    agrees("backtesting-py");
}

#[test]
fn the_freqtrade_model_is_freqtrade() {
    agrees("freqtrade");
}

#[test]
fn the_nautilus_bars_model_is_nautilus_trader() {
    agrees("nautilus-bars");
}

#[test]
fn every_case_that_the_table_names_is_kept() {
    let readme = fs::read_to_string(repository().join("tests/peers/README.md")).unwrap();
    let table = readme.split("## Which case shows what").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let mut rows = table.lines().filter(|line| line.starts_with('|'));
    let cells = |row: &str| -> Vec<String> {
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let peers = cells(rows.next().unwrap());
    for (column, peer) in peers.iter().enumerate().skip(1) {
        let files = fs::read_dir(repository().join("tests/peers").join(peer)).unwrap();
        let kept: Vec<String> =
            files.flat_map(|file| expected(&file.unwrap().path()).into_keys()).collect();
        for row in rows.clone().skip(1).map(cells) {
            let named = row[column].split('`').skip(1).step_by(2);
            for case in named {
                assert!(kept.iter().any(|kept| kept == case), "{peer} has no case `{case}`");
            }
        }
    }
}
