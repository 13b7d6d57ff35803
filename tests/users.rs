//! Twenty strategies as their users write them, against the same written in numpy: each enters at the
//! same moments. `tests/users/users.py` makes the expected file.

use crate::project::{Project, repository};
use std::collections::BTreeMap;
use std::fs;

/// When a position was entered: time, symbol, side.
type Entry = (String, String, String);

fn read(name: &str) -> String {
    let path = repository().join("tests/users").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The entries that numpy found, by session.
fn expected() -> BTreeMap<String, Vec<Entry>> {
    let mut sessions: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for line in read("entries.csv").lines().filter(|line| !line.starts_with('#')) {
        let [session, symbol, side, time] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("`{line}` is no entry")
        };
        let entry = (time.to_owned(), symbol.to_owned(), side.to_owned());
        sessions.entry(session.to_owned()).or_default().push(entry);
    }
    sessions
}

/// What became of a strategy here. A position that is left piece by piece was entered once.
fn entries(trades: &[u8]) -> Vec<Entry> {
    let mut reader = csv::Reader::from_reader(trades);
    let trades = reader.deserialize::<crate::project::Row>().map(|row| row.unwrap());
    let entry = |row: crate::project::Row| {
        (row["entry_time"].clone(), row["symbol"].clone(), row["side"].clone())
    };
    let mut entries: Vec<Entry> = trades.map(entry).collect();
    entries.sort();
    entries.dedup();
    entries
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared")]
fn twenty_strategies_enter_when_the_same_in_numpy_do() {
    let project = Project::of_the_repository();
    project.write("tests/users/scores.csv", read("scores.csv"));
    project.write("sessions/users.toml", read("users.toml"));
    let _ = project.run(["run", "sessions/users.toml", "--no-report"]).success();
    let run = project.newest();
    let (mut compared, expected) = (0, expected());
    assert_eq!(expected.len(), 20);
    for (session, wanted) in expected {
        let row = run.result(&session);
        let file = format!("sessions/{session}-{}/trades.csv", &row["identity"][..16]);
        let found = entries(&run.file(&file));
        let differ = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
        assert_eq!(found, wanted, "{session}: the first that differ are {differ:?}");
        compared += found.len();
    }
    println!("{compared} entries of 20 strategies are numpy's");
    assert!(compared > 1_000, "{compared} entries");
}
