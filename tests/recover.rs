//! Paper accounts that go back to a checkpoint, or on in spite of one.

use crate::project::{Files, Project, assert_same, bars, tree};
use serde_json::Value;
use std::fs;

const RUN: [&str; 4] = ["run", "a.toml", "--no-report", "-q"];
const ACCOUNT: &str = "output/paper/night";

fn project() -> Project {
    Project::new().bars(100).manifest(
        "a.toml",
        "
[session.night]
mode = \"paper\"
strategy = \"sma-cross\"
params = { fast = 3, slow = 8 }
risk = { stop_loss = 0.02 }
data = { path = \"data/x.csv\", timeframe = \"1d\" }
",
    )
}

/// Runs the account on the day on which so many bars are complete.
fn night(project: &Project, count: u64) -> crate::project::Outcome {
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let now = (first + chrono::Days::new(count)).format("%Y-%m-%dT00:00:00Z").to_string();
    project.run(RUN.iter().copied().chain(["--now", &now]))
}

/// An account that ran on several nights, was paused after the second, and stopped at the end.
fn told() -> Project {
    let project = project();
    for count in [30, 31] {
        let _ = night(&project, count).success();
    }
    let _ = project.run(["paper", "pause", "-q"]).success();
    for count in [32, 60] {
        let _ = night(&project, count).success();
    }
    let _ = project.run(["paper", "resume", "-q"]).success();
    for count in [61, 62] {
        let _ = night(&project, count).success();
    }
    let _ = project.run(["paper", "stop", "-q"]).success();
    let _ = night(&project, 63).success();
    project
}

fn checkpoints(project: &Project) -> Vec<Value> {
    let list = project.run(["paper", "recover", "night", "--format", "json"]).success().json();
    list.as_array().unwrap().clone()
}

/// The bars and views of the account.
fn account(project: &Project) -> Files {
    let mut files = tree(&project.path(ACCOUNT));
    files.retain(|name, _| name.ends_with(".csv") && !name.starts_with("undone/"));
    files
}

/// What a view tells, but for times of the clock.
fn standing(project: &Project, view: &str) -> Value {
    let text = fs::read(project.path(&format!("{ACCOUNT}/{view}"))).unwrap();
    let mut told: Value = serde_json::from_slice(&text).unwrap();
    let times = ["opened", "updated", "start", "running_seconds"];
    times.iter().for_each(|name| drop(told.as_object_mut().unwrap().remove(*name)));
    assert!(told["equity"].is_number(), "{told}");
    told
}

fn state(project: &Project) -> String {
    let status = project.run(["paper", "status", "--format", "json"]).success().json();
    status[0]["state"].as_str().unwrap().to_owned()
}

#[test]
fn checkpoints_are_listed_with_whether_one_can_go_back() {
    let project = told();
    let list = checkpoints(&project);
    assert_eq!(list.len(), 7, "{list:#?}");
    assert_eq!((&list[6]["checkpoint"], &list[6]["bars"]), (&"1".into(), &30.into()));
    assert_eq!(list[0]["commands"], 3);
    assert!(list.iter().all(|place| place["can_go_back"] == "yes"), "{list:#?}");
    let files = tree(&project.path(&format!("{ACCOUNT}/checkpoints")));
    assert!(files.keys().any(|name| name.ends_with(".gz")), "older ones are compressed");
    let batch = project.path(&format!("{ACCOUNT}/bars/000004.parquet"));
    fs::write(&batch, b"not any more").unwrap();
    let _ = night(&project, 64).code(3).stderr("its own bars cannot be read");
    let list = checkpoints(&project);
    let fits = |place: &Value| place["can_go_back"] == "yes";
    assert_eq!(list.iter().filter(|place| fits(place)).count(), 3);
    let reason = list[0]["can_go_back"].as_str().unwrap();
    assert!(reason.starts_with("no: its own bars cannot be read: bars/000004.parquet"), "{reason}");
    let _ = project.run(["paper", "recover", "--to", "7"]).code(2).stderr("can go back to is 3");
    let _ = project.run(["paper", "recover", "--to", "latest", "--yes"]).success();
    assert_eq!(state(&project), "paused", "the pause came before");
    let _ = project.run(["paper", "resume", "-q"]).success();
    let _ = night(&project, 63).success();
    assert_eq!(state(&project), "active");
    assert_eq!(checkpoints(&project)[0]["bars"], 63);
    let kept = tree(&project.path(&format!("{ACCOUNT}/undone")));
    assert!(kept.values().any(|bytes| bytes == b"not any more"), "nothing is deleted");
}

#[test]
fn what_would_be_undone_is_shown_before_anything_is() {
    let project = told();
    let before = tree(&project.path(ACCOUNT));
    let plan = ["paper", "recover", "night", "--to", "2020-02-29", "--format", "json"];
    let outcome = project.run(plan).success().stderr("nothing was done");
    let rows = outcome.json();
    let rows = rows.as_array().unwrap();
    let count = |what: &str| rows.iter().filter(|row| row["undone"] == what).count();
    assert_eq!((count("bars"), count("command")), (1, 2), "{rows:#?}");
    let bars = rows.iter().find(|row| row["undone"] == "bars").unwrap();
    assert_eq!((&bars["count"], &bars["from"]), (&3.into(), &"2020-03-01T00:00:00Z".into()));
    let mut after = tree(&project.path(ACCOUNT));
    after.insert("lock".into(), before["lock"].clone());
    assert_same(&before, &after);
    let _ = project.run(["paper", "recover", "--to", "99"]).code(2).stderr("no such checkpoint");
    let _ = project.run(["paper", "recover", "--to", "soon"]).code(2);
    let _ = project.run(["paper", "recover", "other"]).code(2).stderr("no account `other`");
}

#[test]
fn an_account_that_went_back_goes_on_as_if_the_rest_had_not_been() {
    let project = told();
    assert_eq!(state(&project), "closed");
    let _ = project.run(["paper", "recover", "--to", "2", "--yes"]).success().stderr("undone/");
    assert_eq!(state(&project), "active");
    let undisturbed = self::project();
    [30, 31].into_iter().for_each(|count| drop(night(&undisturbed, count).success()));
    for view in ["account.json", "summary.json"] {
        let [then, now] = [&undisturbed, &project].map(|project| standing(project, view));
        assert_eq!(then, now, "{view}");
    }
    let _ = night(&project, 31).success();
    assert_same(&account(&undisturbed), &account(&project));
    let _ = night(&project, 63).success();
    let _ = night(&undisturbed, 63).success();
    assert_same(&account(&undisturbed), &account(&project));
    assert_eq!(state(&project), "active");
    let journal = fs::read_to_string(project.path(&format!("{ACCOUNT}/journal.jsonl"))).unwrap();
    assert!(journal.contains("went back to checkpoint 2; 32 bars"), "{journal}");
}

#[test]
#[expect(clippy::print_stdout, reason = "it says at how many operations it was killed")]
fn going_back_is_done_to_its_end_whenever_it_is_killed() {
    let project = project();
    let _ = night(&project, 30).success();
    let _ = project.run(["paper", "pause", "-q"]).success();
    let _ = night(&project, 31).success();
    let start = tree(&project.path(ACCOUNT));
    let mut killed = 0;
    let mut ends: Vec<Files> = Vec::new();
    loop {
        let _ = fs::remove_dir_all(project.path("output"));
        for (name, bytes) in &start {
            project.write(&format!("{ACCOUNT}/{name}"), bytes);
        }
        let number = killed.to_string();
        let back = ["paper", "recover", "--to", "1", "--yes", "--die-after", &number];
        let died = !project.command(back).output().unwrap().status.success();
        let begun = project.path(&format!("{ACCOUNT}/restoring.json")).exists();
        // Whoever opens it next does the rest.
        let _ = project.run(["paper", "adjust", "--size", "1"]);
        let mut files = tree(&project.path(ACCOUNT));
        assert!(!files.contains_key("restoring.json"));
        files.retain(|name, _| name.starts_with("bars/") || name.starts_with("checkpoints/"));
        if begun || !died {
            assert!(!files.contains_key("bars/000002.parquet"), "killed at operation {killed}");
            let journal = fs::read_to_string(project.path(&format!("{ACCOUNT}/journal.jsonl")));
            assert_eq!(journal.unwrap().matches("\"back\":").count(), 1);
            ends.push(files);
        }
        if !died {
            break;
        }
        killed += 1;
    }
    println!("killed at {killed} operations");
    assert!(killed > 20 && ends.len() > 15, "{killed} {}", ends.len());
    ends.iter().for_each(|end| assert_same(&ends[0], end));
    let _ = night(&project, 32).success();
    assert_eq!(state(&project), "active");
}

#[test]
fn a_difference_stops_until_somebody_accepts_it() {
    let project = project();
    let _ = night(&project, 60).success();
    let newest = format!("{ACCOUNT}/checkpoints/000001.json");
    // What an account looks like whose history another engine made.
    let mut checkpoint: Value =
        serde_json::from_slice(&fs::read(project.path(&newest)).unwrap()).unwrap();
    checkpoint["engine"] = 1.into();
    checkpoint["equity"] = 1.5.into();
    project.write(&newest, checkpoint.to_string());
    let refused = night(&project, 61).code(3);
    let refused = refused.stderr("and was 1.5; the engine was 1 and is").stderr("--accept");
    assert!(!refused.stderr.contains("completed"));
    let _ = project.run(["paper", "recover", "--accept"]).success();
    let _ = night(&project, 62).success();
    let _ = night(&project, 63).success();
    let undisturbed = self::project();
    let _ = night(&undisturbed, 63).success();
    assert_same(&account(&undisturbed), &account(&project));
    let fills = |project: &Project| {
        let journal = fs::read_to_string(project.path(&format!("{ACCOUNT}/journal.jsonl")));
        journal.unwrap().matches("\"type\":\"fill\"").count()
    };
    assert_eq!(fills(&project), fills(&undisturbed), "nothing is told twice");
}

#[test]
fn an_account_that_has_another_past_now_goes_on_from_it() {
    let project = project();
    let _ = night(&project, 60).success();
    // Another engine told of more, and of other fills.
    let journal = format!("{ACCOUNT}/journal.jsonl");
    let told = fs::read_to_string(project.path(&journal)).unwrap();
    let of = |kind: &str| told.lines().find(|line| line.contains(&format!("\"type\":\"{kind}\"")));
    let more =
        ["signal", "order", "fill"].map(|kind| format!("{}\n", of(kind).unwrap()).repeat(50));
    project.write(&journal, [&more.concat(), &told].map(String::as_str).concat());
    let newest = format!("{ACCOUNT}/checkpoints/000001.json");
    let text = fs::read(project.path(&newest)).unwrap();
    let mut checkpoint: Value = serde_json::from_slice(&text).unwrap();
    checkpoint["engine"] = 1.into();
    checkpoint["fills_digest"] = "of other fills".into();
    project.write(&newest, checkpoint.to_string());
    let _ = night(&project, 61).code(3).stderr("the engine was 1 and is");
    assert_eq!(state(&project), "error");
    let _ = project.run(["paper", "recover", "--accept"]).success();
    for count in [62, 63, 63, 90] {
        let _ = night(&project, count).success();
        assert_eq!(state(&project), "active");
    }
    let undisturbed = self::project();
    let _ = night(&undisturbed, 90).success();
    assert_same(&account(&undisturbed), &account(&project));
    let told = |project: &Project| {
        let journal = fs::read_to_string(project.path(&journal)).unwrap();
        ["signal", "order", "fill"]
            .map(|kind| journal.matches(&format!("\"type\":\"{kind}\"")).count())
    };
    assert_eq!(told(&project), told(&undisturbed).map(|count| count + 50), "nothing is told twice");
    let _ = project.run(["paper", "reconcile"]).success();
}

#[test]
fn what_is_not_what_it_was_is_named() {
    let project = project();
    let _ = night(&project, 60).success();
    let other = self::project();
    other.write("data/x.csv", bars(100).replace(",1001\n", ",1002\n"));
    let _ = night(&other, 60).success();
    let batch = format!("{ACCOUNT}/bars/000001.parquet");
    let (own, swapped) = (fs::read(project.path(&batch)).unwrap(), fs::read(other.path(&batch)));
    project.write(&batch, swapped.unwrap());
    let fact = "checkpoint 1: its own bars of `x` are not what they were";
    let _ = night(&project, 61).code(3).stderr(fact);
    project.write(&batch, own);
    let journal = format!("{ACCOUNT}/journal.jsonl");
    let told = fs::read_to_string(project.path(&journal)).unwrap();
    let first = told.lines().find(|line| line.contains("\"type\":\"fill\"")).unwrap();
    let event: Value = serde_json::from_str(first).unwrap();
    let message = event["message"].as_str().unwrap();
    let other = message.replace("bought", "bought and kept");
    project.write(&journal, told.replace(message, &other));
    let _ = night(&project, 61).success();
    let newest = format!("{ACCOUNT}/checkpoints/000002.json");
    let text = fs::read(project.path(&newest)).unwrap();
    let mut checkpoint: Value = serde_json::from_slice(&text).unwrap();
    checkpoint["fills_digest"] = "of other fills".into();
    project.write(&newest, checkpoint.to_string());
    let fact = format!("fill 1 was `{other}` on bar ");
    let _ = night(&project, 62).code(3).stderr(&fact).stderr(&format!(", and is `{message}` on"));
}

#[test]
fn a_damaged_journal_is_mended_by_going_back_and_a_lost_one_is_told() {
    let project = project();
    let _ = night(&project, 60).success();
    let _ = night(&project, 61).success();
    let journal = format!("{ACCOUNT}/journal.jsonl");
    let told = fs::read_to_string(project.path(&journal)).unwrap();
    project.write(&journal, told.replacen("\"type\":\"fill\"", "\"type\":\"fi", 1));
    let refused =
        night(&project, 62).code(3).stderr("its journal is damaged: journal.jsonl: line ");
    assert!(refused.stderr.contains("paper recover night --to"), "{}", refused.stderr);
    let _ = project.run(["paper", "recover", "--to", "latest", "--yes"]).success();
    let _ = night(&project, 63).success();
    let undisturbed = self::project();
    let _ = night(&undisturbed, 63).success();
    assert_same(&account(&undisturbed), &account(&project));
    fs::remove_file(project.path(&journal)).unwrap();
    let _ = night(&project, 64).code(3).stderr("its journal is gone");
    let _ = project.run(["paper", "restart", "-q"]).success();
    let _ = night(&project, 63).success();
    assert_same(&account(&undisturbed), &account(&project));
}

#[test]
fn own_bars_that_are_gone_can_be_taken_again_by_choice() {
    let undisturbed = project();
    let _ = night(&undisturbed, 62).success();
    for (damaged, fact) in [
        (None, "its own bars are gone: it had seen 61"),
        (Some(&b"no Parquet"[..]), "its own bars cannot be read: bars/000001.parquet"),
    ] {
        let project = project();
        [60, 61].into_iter().for_each(|count| drop(night(&project, count).success()));
        let batch = |number: u64| project.path(&format!("{ACCOUNT}/bars/00000{number}.parquet"));
        match damaged {
            Some(bytes) => fs::write(batch(1), bytes).unwrap(),
            None => [1, 2].into_iter().for_each(|number| fs::remove_file(batch(number)).unwrap()),
        }
        let refused = night(&project, 62).code(3).stderr(fact);
        let _ = refused.stderr("`papertape paper recover night --accept`");
        let _ = project.run(["paper", "recover", "--to", "latest"]).code(2).stderr("to none of");
        let accepted = project.run(["paper", "recover", "--accept"]).success();
        let _ = accepted.stderr("the next run takes the bars from their source again");
        let _ = night(&project, 62).success();
        assert_same(&account(&undisturbed), &account(&project));
    }
}

#[test]
fn an_account_whose_bars_are_nowhere_does_not_go_on() {
    let project = project();
    [60, 61].into_iter().for_each(|count| drop(night(&project, count).success()));
    fs::remove_file(project.path(&format!("{ACCOUNT}/bars/000001.parquet"))).unwrap();
    let fact = "its own bars are 1 up to there, and were 61";
    let _ = night(&project, 62).code(3).stderr(fact);
    let whole = bars(100);
    let lines: Vec<&str> = whole.lines().collect();
    project.write("data/x.csv", [&lines[..1], &lines[51..]].concat().join("\n"));
    let accepted = project.run(["paper", "recover", "--accept"]).success().stderr(fact);
    let _ = accepted.stderr("what is left of its own bars is kept in ");
    for count in [62, 63] {
        let fact = "its source does not have 50 bars that the account had seen at checkpoint 2";
        let _ = night(&project, count).code(3).stderr(fact);
        assert_eq!(state(&project), "error");
    }
    let now = ["--replay", "max", "--now", "2020-03-10"];
    let follow = ["paper", "follow", "a.toml", "-q"].iter().chain(&now);
    let _ = project.run(follow).code(3).stderr("its source does not have");
    assert_eq!(checkpoints(&project).len(), 2);
    project.write("data/x.csv", whole);
    let _ = night(&project, 64).success();
    let undisturbed = self::project();
    let _ = night(&undisturbed, 64).success();
    assert_same(&account(&undisturbed), &account(&project));
}

#[test]
fn an_account_that_has_no_bar_of_its_range_yet_obeys() {
    for (command, state) in [("pause", "paused"), ("stop", "closed"), ("kill", "closed")] {
        let project = project();
        let text = fs::read_to_string(project.path("a.toml")).unwrap();
        let later = text.replace("risk =", "range = { from = 2020-03-01 }\nrisk =");
        project.write("a.toml", later);
        let _ = night(&project, 30).success();
        let _ = project.run(["paper", command, "-q"]).success();
        for count in [31, 80] {
            let _ = night(&project, count).success();
            assert_eq!(self::state(&project), state, "{command}");
        }
    }
}

#[test]
fn a_damaged_checkpoint_need_not_stop_an_account_for_ever() {
    let project = project();
    [60, 61].into_iter().for_each(|count| drop(night(&project, count).success()));
    project.write(&format!("{ACCOUNT}/checkpoints/000002.json"), "{");
    let refused = night(&project, 62).code(3).stderr("checkpoint 2 is damaged: EOF");
    let _ = refused.stderr("`papertape paper recover night --accept`");
    let _ = project.run(["paper", "recover", "--accept"]).success();
    for count in [62, 63] {
        let _ = night(&project, count).success();
    }
    let undisturbed = self::project();
    let _ = night(&undisturbed, 63).success();
    assert_same(&account(&undisturbed), &account(&project));
}

#[test]
fn checkpoints_that_are_gone_are_missed() {
    let project = project();
    [60, 61].into_iter().for_each(|count| drop(night(&project, count).success()));
    let newest = format!("{ACCOUNT}/checkpoints/000002.json");
    fs::remove_file(project.path(&newest)).unwrap();
    let _ = night(&project, 62).code(3).stderr("at checkpoint 2: the checkpoint is gone");
    let _ = project.run(["paper", "recover", "--accept"]).success();
    let _ = night(&project, 62).success();
    fs::remove_dir_all(project.path(&format!("{ACCOUNT}/checkpoints"))).unwrap();
    let refused = night(&project, 63).code(3).stderr("at checkpoint 3: the checkpoint is gone");
    assert!(!refused.stderr.contains("--to"), "there is none to go back to: {}", refused.stderr);
    let _ = project.run(["paper", "recover", "--accept"]).success();
    [63, 64].into_iter().for_each(|count| drop(night(&project, count).success()));
    let undisturbed = self::project();
    let _ = night(&undisturbed, 64).success();
    assert_same(&account(&undisturbed), &account(&project));
}

#[test]
fn a_closed_account_that_went_back_has_its_views_again() {
    let project = told();
    let before = account(&project);
    let _ = project.run(["paper", "recover", "--to", "latest", "--yes"]).success();
    assert_eq!(state(&project), "closed");
    let _ = night(&project, 64).success();
    assert_same(&before, &account(&project));
    project.write(&format!("{ACCOUNT}/account.json"), "{ \"torn");
    let _ = night(&project, 64).success();
    assert_eq!(standing(&project, "account.json")["state"], "closed", "it is made again");
}
