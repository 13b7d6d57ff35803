//! `papertape data`: files looked into, checked, made longer and imported.

use crate::project::{Outcome, Project, assert_same, bars, repository, session, tree};
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A project with 120 daily bars in `x.csv`.
fn project() -> Project {
    Project::new().file("x.csv", bars(120))
}

fn import(project: &Project, arguments: &[&str]) -> Outcome {
    project.run([&["data", "import"][..], arguments, &["--to", "prices"]].concat())
}

/// The bytes of an archive; the lock holds the number of a process.
fn archive(project: &Project) -> crate::project::Files {
    let mut files = tree(&project.path("prices"));
    files.remove(".lock");
    files
}

/// A file of ../shared, if it is there.
fn shared(path: &str) -> Option<PathBuf> {
    let file = repository().join("../shared/market").join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_none(), "{path} is required");
    skipped(path);
    None
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped(path: &str) {
    println!("skipped: ../shared/market/{path} is not here");
}

#[test]
fn an_import_can_be_repeated() {
    let project = project();
    let _ = import(&project, &["x.csv"]).success().stdout("2020-01-01");
    let first = archive(&project);
    assert_eq!(first.keys().collect::<Vec<_>>(), ["x/2020.parquet"]);
    let rows = import(&project, &["x.csv", "--format", "csv"]).success().rows();
    assert_eq!((rows[0]["symbol"].as_str(), rows[0]["bars"].as_str()), ("x", "120"));
    let again = import(&project, &["x.csv", "--format", "json"]).success().json();
    assert_eq!(again["files_written"], 0);
    assert_eq!(again["symbols"][0]["same"], 120);
    assert_same(&first, &archive(&project));
    let _ = import(&project, &["x.csv", "--append", "--quiet"]).success().silent();
}

#[test]
fn each_symbol_keeps_the_nature_of_its_times() {
    let zoned =
        "time,open,high,low,close\n2024-01-02T09:00:00Z,1,1,1,1\n2024-01-02T10:00:00Z,1,1,1,1\n";
    let project = project().file("y.csv", zoned);
    let _ = import(&project, &["*.csv"]).success().stdout("2024-01-02T10:00:00Z");
    let list = project.run(["data", "list", "prices", "--format", "csv"]).success().rows();
    let first: Vec<&str> = list.iter().map(|row| row["first"].as_str()).collect();
    assert_eq!(first, ["2020-01-01", "2024-01-02T09:00:00Z"]);
    let _ = import(&project, &["x.csv", "--append"]).success();
    let _ = import(&project, &["y.csv", "--append"]).success();
}

#[test]
fn later_bars_are_added_and_revisions_told() {
    let project = project();
    let _ = import(&project, &["x.csv"]).success();
    project.write("x.csv", bars(130).replacen(",1099\n", ",2099\n", 1));
    let before = archive(&project);
    let refused = import(&project, &["x.csv"]).code(2);
    let said = "prices holds bars already, and this would add 10 bars and change 1; nothing was \
                written, and `--append` does it";
    let _ = refused.stderr(said);
    assert_same(&before, &archive(&project));
    let added = import(&project, &["x.csv", "--append", "--format", "json"]).success();
    let json = added.json();
    let symbol = &json["symbols"][0];
    assert_eq!(
        (&symbol["new"], &symbol["same"], &symbol["revised"]),
        (&10.into(), &119.into(), &1.into())
    );
    let revision = &json["revisions"][0];
    assert_eq!(
        (revision["time"].as_str(), revision["column"].as_str()),
        (Some("2020-04-09"), Some("volume"))
    );
    assert_eq!((revision["old"].as_f64(), revision["new"].as_f64()), (Some(1099.0), Some(2099.0)));
    let _ = added.stderr("warning: x, 2020-04-09: `volume` was 1099 and is 2099 now");
    let kept = std::fs::read_to_string(project.path("prices/x/revisions.tsv")).unwrap();
    let told = "time\tcolumn\told\tnew\tseen\n2020-04-09\tvolume\t1099\t2099\t2020-05-09\n";
    assert_eq!(kept, told);
    // Whoever reads the archive reads bars, and a repeated import tells nothing twice.
    let _ = project.run(["data", "list", "prices/x"]).success().stdout("130");
    let after = archive(&project);
    let _ = import(&project, &["x.csv", "--append"]).success();
    assert_same(&after, &archive(&project));
}

#[test]
fn a_held_archive_is_waited_for_or_skipped_as_the_user_says() {
    let project = project();
    let _ = import(&project, &["x.csv"]).success();
    let lock = std::fs::File::open(project.path("prices/.lock")).unwrap();
    lock.try_lock().unwrap();
    project.write("x.csv", bars(130));
    let later = |policy: &str| import(&project, &["x.csv", "--append", "--lock", policy]);
    let _ = later("fail").code(75).stderr("the lock is held by");
    let _ = later("wait=100ms").code(75);
    let _ = later("skip").success().stderr("skipped: another import holds prices");
    let _ = later("never").code(2).stderr("wait=DURATION");
    let mut patient =
        project.spawn(["data", "import", "x.csv", "--to", "prices", "--append", "--lock", "wait"]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(patient.child().try_wait().unwrap().is_none(), "it waits");
    drop(lock);
    let _ = patient.end().success();
    let _ = project.run(["data", "list", "prices"]).success().stdout("130");
}

/// A writer that begins the file anew and adds its lines one by one.
fn append(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).unwrap();
    for line in text.split_inclusive('\n') {
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// A writer that puts another file in its place at once.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

/// A writer that cuts the file short, and completes it.
fn truncate(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let half = text[..text.len() / 2].rfind('\n').unwrap() + 1;
    file.set_len(half as u64).unwrap();
}

#[test]
fn a_file_that_is_being_written_is_read_or_refused_and_ends_nobody() {
    let whole = bars(2_000);
    let project = Project::new().file("x.csv", &whole);
    let path = project.path("x.csv");
    for write in [append, replace, truncate] {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    write(&path, &whole);
                }
            });
            for _ in 0..3 {
                let checked = project.run(["data", "check", "x.csv", "--format", "json"]);
                match checked.ended_with() {
                    Some(0) => assert!(checked.json()["rows"].as_u64() > Some(0)),
                    Some(2) => {
                        let said = format!("{}{}", checked.stdout, checked.stderr);
                        let is_one_row = said.contains("cannot be guessed from one row");
                        assert!(is_one_row || said.contains("x.csv"), "{said}");
                    }
                    _ => panic!("{checked:?}"),
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
    project.write("x.csv", &whole);
    let checked = project.run(["data", "check", "x.csv", "--format", "json"]).success();
    assert_eq!(checked.json()["rows"], 2_000);
}

#[test]
fn what_is_no_damage_is_noted_beside_it() {
    let newest = bars(30);
    let (header, rows) = newest.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().rev().collect();
    let project = Project::new()
        .file("newest.csv", format!("{header}\n{}\n", rows.join("\n")))
        .file("trades.csv", "time,price,amount\n2024-01-01T00:00:00Z,1,1\n");
    let newest = project.run(["data", "check", "newest.csv"]).success();
    let _ = newest.stdout("newest row first: read from the end");
    let trades = project.run(["data", "check", "trades.csv"]).code(2);
    let _ = trades.stdout("the file holds trades");
    // By its evening a day is not over, and an archive has no use for half of it.
    let early = ["data", "import", "newest.csv", "--to", "prices", "--now", "2020-01-30T18:00:00Z"];
    let _ = project.run(early).success().stdout("2020-01-29");
}

#[test]
fn what_the_checks_refuse_is_not_imported() {
    let project = project().file("y.csv", bars(20).replacen(",100", ",-100", 1));
    let outcome = import(&project, &["x.csv", "y.csv"]).code(2);
    assert!(outcome.stderr.contains("y.csv"), "{}", outcome.stderr);
    assert!(!project.path("prices").exists(), "nothing of either file is there");
    let adjusted = import(&project, &["x.csv", "--set", "data.adjust=total"]).code(2);
    let _ = adjusted.stderr("an archive holds prices as they were traded");
}

#[test]
fn a_session_reads_the_archive_as_it_reads_the_file() {
    let other = session("two").replace("data/x.csv", "prices");
    let project = Project::new().bars(300).manifest("a.toml", &(session("one") + &other));
    let _ = import(&project, &["data/x.csv"]).success();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let run = project.newest();
    let [one, two] = ["one", "two"].map(|key| {
        let mut row = run.result(key);
        // The identity has the paths of the data in it.
        for name in ["index", "key", "session", "identity"] {
            row.remove(name);
        }
        row
    });
    assert_eq!(one, two);
}

#[test]
fn an_archive_is_no_place_for_other_files() {
    let project = project();
    let _ =
        project.run(["data", "import", "x.csv", "--to", "."]).code(2).stderr("was not imported");
    assert!(!project.path("x").exists());
}

/// Short bars of three symbols over three months, so that an import writes nine files.
fn short_bars() -> String {
    let mut text = String::from("time,symbol,open,high,low,close,volume\n");
    let start = chrono::DateTime::parse_from_rfc3339("2021-01-30T00:00:00Z").unwrap();
    for symbol in ["A", "B/C", "D"] {
        for bar in 1..9_000 {
            let time = (start + chrono::TimeDelta::minutes(5 * bar)).format("%Y-%m-%dT%H:%M:%SZ");
            let close = 100 + bar % 7;
            text += &format!("{time},{symbol},{close},{close},{close},{close},{bar}\n");
        }
    }
    text
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever sees it fail wants to know the moment")]
fn an_import_killed_at_any_moment_is_finished_by_the_next() {
    let undisturbed = Project::new().file("m.csv", short_bars());
    let began = Instant::now();
    let _ = import(&undisturbed, &["m.csv"]).success();
    let took = began.elapsed();
    let whole = archive(&undisturbed);
    assert_eq!(whole.len(), 9);
    let project = Project::new().file("m.csv", short_bars());
    for _ in 0..3 {
        std::fs::remove_dir_all(project.path("prices")).ok();
        let mut running = project.spawn(["data", "import", "m.csv", "--to", "prices"]);
        let share = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
        let delay = took.mul_f64(0.5 + share / 2.0);
        println!("killed after {delay:?}");
        std::thread::sleep(delay);
        running.child().kill().unwrap();
        running.child().wait().unwrap();
        for (name, bytes) in archive(&project) {
            let is_leftover = name.contains("/.tmp-");
            assert!(is_leftover || bytes == whole[&name], "{name} is not whole");
        }
        let _ = import(&project, &["m.csv", "--append"]).success();
        assert_same(&whole, &archive(&project));
    }
}

#[test]
fn of_two_imports_at_once_one_waits_its_turn() {
    let project = Project::new().file("m.csv", short_bars());
    let arguments = ["data", "import", "m.csv", "--to", "prices", "--append"];
    let mut imports = [(); 2].map(|()| project.spawn(arguments));
    for running in &mut imports {
        running.wait_until(|| false);
    }
    for outcome in imports.map(|running| running.end()) {
        // Whoever came second was told who holds the lock, or found everything done.
        if outcome.stderr.contains("error") {
            let _ = outcome.code(75).stderr("the lock is held by process");
        }
    }
    let again = import(&project, &["m.csv", "--format", "json"]).success().json();
    assert_eq!(again["files_written"], 0);
}

#[test]
fn a_list_says_what_lies_where() {
    let project = project();
    project.write("y.csv", bars(30).replacen("2020-01-10", "2020-02-20", 0));
    let _ = import(&project, &["x.csv", "y.csv"]).success();
    let list = project.run(["data", "list", "prices"]).success();
    insta::assert_snapshot!(list.stdout, @r"
    symbol  timeframe  bars  first       last        gaps  path
    x       1d          120  2020-01-01  2020-04-29     0  prices
    y       1d           30  2020-01-01  2020-01-30     0  prices
    ");
    let _ = project.run(["data", "list", "nowhere"]).code(2).stderr("there is no such file");
}

#[test]
fn columns_of_parquet_are_told_with_their_times() {
    let project = Project::new().bars(120);
    let resample = ["data", "resample", "data/x.csv", "--timeframe", "1w", "--to", "w.parquet"];
    let _ = project.run(resample).success();
    let _ = project.run(["bench", "--workload", "workload", "--bars", "100"]).success();
    let times = |file: &str| {
        let info = project.run(["data", "info", file, "--format", "csv"]).success();
        let time = info.stdout.lines().find(|line| line.contains(",time,"));
        let times = time.expect("a column of times").split(',').skip(2);
        times.map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(times("w.parquet"), ["2019-12-30T00:00:00", "2020-04-27T00:00:00"]);
    let instants = times("workload/data/minutes.parquet");
    assert_eq!(instants, ["2000-01-01T00:00:00Z", "2000-01-01T01:39:00Z"]);
}

#[test]
fn trades_and_bars_make_the_bars_of_another_program() {
    let Some(trades) = shared("test/xrp-eth-trades.csv") else { return };
    let project = Project::new();
    for (from, timeframe, expected) in [
        (trades.clone(), "1m", "test/xrp-eth-1m.csv"),
        (trades.clone(), "5m", "test/xrp-eth-5m.csv"),
        (shared("test/xrp-eth-1m.csv").unwrap(), "5m", "test/xrp-eth-5m.csv"),
    ] {
        let from = from.to_str().unwrap();
        for to in ["out.csv", "out.parquet"] {
            let resample = ["data", "resample", from, "--timeframe", timeframe, "--to", to];
            let _ = project.run(resample).success().stderr(to);
            if to.ends_with("parquet") {
                let back = ["data", "resample", to, "--timeframe", timeframe, "--to", "out.csv"];
                let _ = project.run(back).success();
            }
            assert_eq!(values(&project.path("out.csv")), values(&shared(expected).unwrap()));
        }
    }
}

/// The rows of a file of bars: the time as it is written, and each number.
fn values(path: &std::path::Path) -> Vec<(String, [u64; 5])> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let place = |name: &str| names.iter().position(|known| known == name);
    let prices = ["open", "high", "low", "close", "volume"].map(|name| place(name).unwrap());
    let time = place("time").or_else(|| place("timestamp")).unwrap();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let number = |place: usize| row[place].parse::<f64>().unwrap().to_bits();
        (row[time].to_owned(), prices.map(number))
    });
    rows.collect()
}

/// Twenty daily bars on the weekdays of January 2024, the row of the 10th replaced by `row`.
fn january(row: &str) -> String {
    let mut text = String::from("date,open,high,low,close,volume\n");
    for day in (1..=26).filter(|day| (day - 1) % 7 < 5) {
        match day {
            10 => text += row,
            _ => text += &format!("2024-01-{day:02},10,11,9,10.5,100\n"),
        }
    }
    text
}

#[test]
fn a_check_ends_with_what_it_found() {
    let good = "2024-01-10,10,11,9,10.5,100\n";
    let project = Project::new()
        .file("good.csv", january(good))
        .file("gap.csv", january(""))
        .file("bad.csv", january("2024-01-10,10,8,9,-10.5,100\n"));
    let check = |files: &[&str]| {
        let weekdays = ["--set", "data.calendar=weekdays"];
        project.run([&["data", "check"][..], files, &weekdays].concat())
    };
    let clean = check(&["good.csv"]).code(0);
    insta::assert_snapshot!(clean.stdout, @r"
    symbols   1
    rows     20

    checks
    check       policy  count  symbols  done  worst
    order       fail        0        0  –     –
    duplicates  fail        0        0  –     –
    prices      fail        0        0  –     –
    range       fail        0        0  –     –
    volume      warn        0        0  –     –
    jumps       warn        0        0  –     –
    gaps        warn        0        0  –     –
    unfinished  drop        0        0  –     –
    stale       off         0        0  –     –
    torn        warn        0        0  –     –
    ");
    let _ = check(&["gap.csv"]).code(1).stdout("gap.csv").stdout("2024-01-11");
    let _ = check(&["gap.csv", "--set", "data.checks.gaps=fail"]).code(2);
    let _ = check(&["good.csv", "bad.csv"]).code(2).stdout("`close` is -10.5");
    let json = check(&["bad.csv", "--format", "json"]).code(2).json();
    let case = &json["cases"][0];
    assert_eq!((case["row"].as_u64(), case["file"].as_str()), (Some(8), Some("bad.csv")));
    let rows = check(&["bad.csv", "--format", "csv"]).code(2).rows();
    assert_eq!((rows[0]["check"].as_str(), rows[0]["row"].as_str()), ("prices", "8"));
    // The worst of all symbols, and not of the first that has one.
    project.write("wide.csv", january(good).replace("2024-01-26", "2024-02-26"));
    let worst = check(&["gap.csv", "wide.csv", "--format", "json"]).code(1).json();
    let kinds = worst["checks"].as_array().unwrap();
    let gaps = kinds.iter().find(|kind| kind["check"] == "gaps").unwrap();
    assert_eq!(gaps["symbols"], 2);
    assert!(gaps["worst"].as_str().unwrap().starts_with("wide.csv: "), "{gaps}");
}

#[test]
fn one_file_that_cannot_be_read_hides_no_other() {
    let project = project().file("a.csv", "").file("z.csv", "what,is,this\n1,2,3\n");
    let check = project.run(["data", "check", "a.csv", "x.csv", "z.csv"]).code(2);
    let _ = check.stdout("120").stderr("a.csv: the file is empty").stderr("z.csv: no column");
    let list = project.run(["data", "list", "."]).code(2);
    let _ = list.stdout("2020-01-01").stderr("a.csv: the file is empty");
    let _ = project.run(["data", "list", "a.csv"]).code(2).stderr("a.csv: the file is empty");
}

#[test]
fn the_data_of_a_manifest_is_checked_as_its_sessions_read_it() {
    let lenient = session("one").replace("timeframe", "checks = { prices = \"drop\" }, timeframe");
    let bad = bars(60).replacen(",1030\n", ",\n", 1).replacen("2020-02-10,", "2020-02-10,-", 1);
    let project = Project::new().file("data/x.csv", bad).manifest("a.toml", &session("one"));
    let _ = project.run(["data", "check", "a.toml"]).code(2);
    project.write_manifest("a.toml", &lenient);
    let _ = project.run(["data", "check", "a.toml"]).code(1).stdout("drop");
    let _ = project.run(["data", "check", "b.toml"]).code(2).stderr("b.toml");
}

#[test]
fn a_file_is_described_also_where_nothing_can_be_made_of_it() {
    let project = Project::new().file("x.csv", january("")).file("odd.csv", "foo,bar\n1,2\n3,\n");
    let good = project.run(["data", "info", "x.csv"]).success();
    insta::assert_snapshot!(good.stdout, @r"
    file       x.csv
    rows       19
    symbols    x
    times      wall clock
    timezone   UTC
    timeframe  1d
    label      open
    first      2024-01-01
    last       2024-01-26

    columns
    column  is      first       last
    date    time    2024-01-01  2024-01-26
    open    open    10          10
    high    high    11          11
    low     low     9           9
    close   close   10.5        10.5
    volume  volume  100         100
    ");
    let odd =
        project.run(["data", "info", "odd.csv"]).code(2).stderr("no column looks like `time`");
    insta::assert_snapshot!(odd.stdout, @r"
    file  odd.csv

    columns
    column  is  first  last
    foo     –   1      3
    bar     –   2      –
    ");
}

#[test]
fn times_that_label_closes_are_noticed_and_imported_as_openings() {
    let row = |minute: i64| format!("2024-01-02T09:{minute:02}:00,10,11,9,10.5,100\n");
    let text: String = (31..=50).map(row).collect();
    let project = Project::new().file("x.csv", format!("time,open,high,low,close,volume\n{text}"));
    let _ = project.run(["data", "info", "x.csv"]).success().stderr("data.label = \"close\"");
    let told = ["--set", "data.label=close", "--format", "json"];
    let json = import(&project, &[&["x.csv"][..], &told].concat()).success().json();
    assert_eq!(json["symbols"][0]["first"], "2024-01-02T09:30:00");
}

#[test]
fn only_keys_of_data_say_how_files_are_read() {
    let project = project();
    let list = |set: &str| project.run(["data", "list", "x.csv", "--set", set]);
    let _ = list("capital=5").code(2).stderr("set a key of `data`");
    let _ = list("data.calender=weekdays").code(2).stderr("did you mean");
}
