use super::super::atomic::fault;
use super::super::table::Cells;
use super::*;
use crate::bars::{Clock, Cut, DAY, Extra, Zone};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

const MINUTE: i64 = 60_000_000;
/// 2012-12-30, so that two days are of that year.
const START: i64 = 15_704 * DAY;

fn holder() -> Holder {
    Holder::this_process("test", &[])
}

/// Bars of `X` from row `from` on that close at `closes`.
fn bars(from: i64, timeframe: i64, closes: &[f64]) -> Bars {
    let column: Cut<f64> = closes.into();
    Bars {
        symbol: "X".into(),
        time: (0..closes.len() as i64).map(|row| START + (from + row) * timeframe).collect(),
        open: column.clone(),
        high: column.clone(),
        low: column.clone(),
        close: column,
        volume: vec![f64::NAN; closes.len()].into(),
        extra: Vec::new(),
        actions: Arc::new([]),
        clock: Clock::utc(timeframe),
    }
}

fn daily(from: i64, closes: &[f64]) -> Bars {
    bars(from, DAY, closes)
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for symbol in visible(directory).unwrap() {
        for name in visible(&directory.join(&symbol)).unwrap() {
            let bytes = fs::read(directory.join(&symbol).join(&name)).unwrap();
            files.insert(format!("{symbol}/{name}"), bytes);
        }
    }
    files
}

fn import(directory: &Path, bars: &[Bars]) -> Result<Vec<Added>, StoreError> {
    let mut archive = Archive::open(directory, &holder())?;
    let added: Result<_, _> = bars.iter().map(|bars| archive.add(bars, false)).collect();
    archive.write()?;
    added
}

fn counts(added: &Added) -> [usize; 4] {
    [added.new, added.same, added.filled, added.revised]
}

#[test]
fn the_same_import_changes_no_byte() {
    let directory = tempfile::tempdir().unwrap();
    let bars = [daily(0, &[1.0, 2.0, 3.0, 4.0])];
    assert_eq!(counts(&import(directory.path(), &bars).unwrap()[0]), [4, 0, 0, 0]);
    let first = files(directory.path());
    assert_eq!(first.keys().collect::<Vec<_>>(), ["X/2012.parquet", "X/2013.parquet"]);
    assert_eq!(counts(&import(directory.path(), &bars).unwrap()[0]), [0, 4, 0, 0]);
    assert_eq!(files(directory.path()), first);
    let mut archive = Archive::open(directory.path(), &holder()).unwrap();
    archive.add(&bars[0], false).unwrap();
    assert_eq!(archive.write().unwrap(), 0);
}

#[test]
fn the_way_to_an_archive_does_not_matter() {
    let all: Vec<f64> = (1..=40).map(f64::from).collect();
    let [whole, pieces, backwards] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    import(whole.path(), &[daily(0, &all)]).unwrap();
    for from in [0, 10, 20, 30] {
        import(pieces.path(), &[daily(from, &all[from as usize..][..10])]).unwrap();
    }
    let parts = [25, 10, 0].map(|from| daily(from, &all[from as usize..][..15]));
    let added = import(backwards.path(), &parts).unwrap();
    assert_eq!(
        added.iter().map(counts).collect::<Vec<_>>(),
        [[15, 0, 0, 0], [15, 0, 0, 0], [10, 5, 0, 0]]
    );
    assert_eq!(files(whole.path()), files(pieces.path()));
    assert_eq!(files(whole.path()), files(backwards.path()));
}

#[test]
fn a_revision_has_its_old_value_and_its_new_one() {
    let directory = tempfile::tempdir().unwrap();
    import(directory.path(), &[daily(0, &[1.0, 2.0, 3.0])]).unwrap();
    let mut again = daily(1, &[2.0, 3.5, 4.0]);
    again.open = vec![2.0, 3.0, 4.0].into();
    let added = &import(directory.path(), &[again]).unwrap()[0];
    assert_eq!(counts(added), [1, 1, 0, 1]);
    let told: Vec<_> =
        added.revisions.iter().map(|it| (it.time, it.column.as_str(), it.old, it.new)).collect();
    let at = START + 2 * DAY;
    assert_eq!(told, [("high"), ("low"), ("close")].map(|column| (at, column, 3.0, 3.5)));
    let table = parquet::read(&directory.path().join("X/2013.parquet"), None).unwrap();
    assert_eq!(table.floats("close").unwrap(), [Some(3.5), Some(4.0)]);
    assert_eq!(table.floats("open").unwrap(), [Some(3.0), Some(4.0)]);
}

#[test]
fn what_a_file_does_not_say_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut rich = daily(0, &[1.0, 2.0]);
    rich.volume = vec![10.0, f64::NAN].into();
    let flags = Extra { name: "flag".into(), boolean: true, values: vec![1.0, 0.0].into() };
    rich.extra = vec![flags];
    import(directory.path(), &[rich.clone()]).unwrap();
    let plain = &import(directory.path(), &[daily(0, &[1.0, 2.0])]).unwrap()[0];
    assert_eq!(counts(plain), [0, 2, 0, 0], "no volume is not another volume");
    rich.volume = vec![10.0, 20.0].into();
    let filled = &import(directory.path(), &[rich.clone()]).unwrap()[0];
    assert_eq!(counts(filled), [0, 1, 1, 0]);
    rich.volume = vec![10.0, f64::NAN].into();
    let lost = &import(directory.path(), &[rich]).unwrap()[0];
    assert_eq!(counts(lost), [0, 1, 0, 1]);
    assert!(lost.revisions[0].new.is_nan());
    let table = parquet::read(&directory.path().join("X/2012.parquet"), None).unwrap();
    assert_eq!(table.get("flag"), Some(&Cells::Bool(vec![Some(true), Some(false)])));
}

#[test]
fn short_bars_lie_in_months() {
    let directory = tempfile::tempdir().unwrap();
    let closes = vec![1.0; 3 * 1440];
    import(directory.path(), &[bars(0, MINUTE, &closes)]).unwrap();
    let names: Vec<String> = files(directory.path()).into_keys().collect();
    assert_eq!(names, ["X/2012-12.parquet", "X/2013-01.parquet"]);
}

#[test]
fn a_killed_import_is_finished_by_the_same_import() {
    let [undisturbed, directory] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let before = [daily(0, &[1.0, 2.0, 3.0, 4.0])];
    let after = [daily(1, &[2.5, 3.5, 4.0, 5.0])];
    import(undisturbed.path(), &before).unwrap();
    let old = files(undisturbed.path());
    import(undisturbed.path(), &after).unwrap();
    let new = files(undisturbed.path());
    for nth in 0.. {
        for name in visible(directory.path()).unwrap() {
            fs::remove_dir_all(directory.path().join(name)).unwrap();
        }
        import(directory.path(), &before).unwrap();
        let (outcome, killed) = fault::at(nth, || import(directory.path(), &after));
        for (name, bytes) in files(directory.path()) {
            let is_old = old.get(&name) == Some(&bytes);
            assert!(is_old || bytes == new[&name], "{name} after {nth} operations");
        }
        import(directory.path(), &after).unwrap();
        assert_eq!(files(directory.path()), new);
        let leftovers = fs::read_dir(directory.path().join("X")).unwrap().count();
        assert_eq!(leftovers, 3, "nothing but the files remains, and what they replaced");
        if !killed {
            assert!(outcome.is_ok());
            assert!(nth > 13, "all three files were written, in {nth} operations");
            return;
        }
    }
}

#[test]
fn bars_that_do_not_belong_there_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    import(directory.path(), &[daily(0, &[1.0, 2.0, 3.0])]).unwrap();
    let before = files(directory.path());
    let error = |bars: &Bars, naive: bool| {
        let mut archive = Archive::open(directory.path(), &holder()).unwrap();
        let error = archive.add(bars, naive).unwrap_err().to_string();
        error.split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(
        error(&bars(0, MINUTE, &[1.0, 2.0]), false),
        "it has bars of 1d, and these are of 1m; import them into another directory"
    );
    assert_eq!(
        error(&daily(0, &[1.0, 2.0]), true),
        "its times have a zone, and these have none; import them into another directory"
    );
    assert_eq!(files(directory.path()), before);
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("goog.csv"), "time").unwrap();
    let error = Archive::open(directory.path(), &holder()).unwrap_err().to_string();
    assert!(error.ends_with("goog.csv` was not imported; name a new or an empty directory"));
    fs::remove_file(directory.path().join("goog.csv")).unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    fs::write(directory.path().join("sub/13.parquet"), "").unwrap();
    assert!(Archive::open(directory.path(), &holder()).is_err());
}

#[test]
fn one_import_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let archive = Archive::open(directory.path(), &holder()).unwrap();
    let error = Archive::open(directory.path(), &holder()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }));
    assert!(archive.was_empty());
    drop(archive);
    Archive::open(directory.path(), &holder()).unwrap();
}

#[test]
fn a_damaged_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    import(directory.path(), &[daily(0, &[1.0, 2.0])]).unwrap();
    let path = directory.path().join("X/2012.parquet");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = import(directory.path(), &[daily(0, &[1.0, 2.0])]).unwrap_err().to_string();
    assert!(error.contains("2012.parquet: is not what was written"), "{error}");
}

#[test]
fn wall_clock_times_stay_without_a_zone() {
    let directory = tempfile::tempdir().unwrap();
    let mut bars = daily(0, &[1.0, 2.0]);
    bars.clock.zone = Zone::new(vec![(0, -18_000)]);
    let mut archive = Archive::open(directory.path(), &holder()).unwrap();
    archive.add(&bars, true).unwrap();
    archive.write().unwrap();
    let table = parquet::read(&directory.path().join("X/2012.parquet"), None).unwrap();
    let wall = START - 5 * 3_600_000_000;
    assert_eq!(table.times("time").unwrap(), [Some(wall), Some(wall + DAY)]);
}

#[test]
fn every_revision_is_told_in_a_file_for_people() {
    let directory = tempfile::tempdir().unwrap();
    import(directory.path(), &[daily(0, &[1.0, 2.0])]).unwrap();
    let there = || fs::read_to_string(directory.path().join("X/revisions.tsv"));
    assert!(there().is_err(), "nothing was replaced yet");
    // The value changes, changes back, and changes once more; each time with the same last bar.
    for close in [2.5, 2.0, 2.5] {
        let mut bars = daily(0, &[1.0, 2.0]);
        bars.close = vec![1.0, close].into();
        import(directory.path(), &[bars.clone()]).unwrap();
        import(directory.path(), &[bars]).unwrap();
    }
    let last = "2012-12-31T00:00:00Z";
    let line = |old: f64, new: f64| format!("{last}\tclose\t{old}\t{new}\t{last}\n");
    let lines = [line(2.0, 2.5), line(2.5, 2.0), line(2.0, 2.5)].concat();
    assert_eq!(there().unwrap(), format!("time\tcolumn\told\tnew\tseen\n{lines}"));
}
