//! The life of a paper account: each state is reached, and what is impossible in it refused, by two
//! processes.

use crate::follow::{HEADER, manifest, minutes, project};
use crate::project::Project;
use std::fs;

/// A project whose account always wants to hold something.
fn holding(bars: i64) -> Project {
    let text = manifest("").replace("close > sma(close, fast)", "true");
    let text = text.replace("close < sma(close, fast)", "false");
    let project = Project::new().manifest("a.toml", &text);
    project.file("data/X.csv", format!("{HEADER}{}", minutes(0, bars)))
}

impl Project {
    /// What the account is told is refused for this reason.
    #[track_caller]
    fn refuses(&self, words: &[&str], reason: &str) {
        let _ = self.tell(words).code(2).stderr(reason);
        let last = self.told("command").pop().unwrap();
        assert!(last["facts"]["refused"].as_str().unwrap().contains(reason), "{last}");
        assert_eq!(last["level"], "warning");
    }
}

#[test]
fn an_account_that_is_not_open_yet_takes_no_command() {
    let project = Project::new().manifest("a.toml", &manifest(""));
    let mut running = project.spawn(["paper", "follow", "a.toml"]);
    let is_for = |reason: &str| {
        let state = project.told("state").pop();
        state.is_some_and(|it| it["facts"]["reason"].as_str().unwrap().contains(reason))
    };
    running.wait_until(|| is_for("there is no such file"));
    project.write("data/X.csv", HEADER);
    let is_checked = |it: &serde_json::Value| it["message"] == "its feed has no bar yet";
    running.wait_until(|| project.told("check").iter().any(is_checked));
    for words in [["pause"], ["stop"], ["close-all"]] {
        project.refuses(&words, "account `x` is not open yet");
    }
    project.append(&minutes(0, 10));
    running.wait_until(|| project.is("active"));
    running.signal("TERM");
    let _ = running.end().code(143);
    assert_eq!(project.states(), ["suspended", "initializing", "active"]);
}

#[test]
fn a_paused_account_enters_nothing_and_goes_on() {
    let project = holding(50);
    let mut running = project.following("active");
    project.refuses(&["resume"], "it is not paused");
    let _ = project.tell(&["pause"]).success();
    project.refuses(&["pause"], "it is paused already");
    let _ = project.tell(&["close-all"]).success();
    project.append(&minutes(50, 52));
    running.wait_until(|| project.told("fill").len() == 2);
    let _ = project.tell(&["resume"]).success();
    project.append(&minutes(52, 54));
    running.wait_until(|| project.told("fill").len() == 3);
    let _ = project.tell(&["pause"]).success();
    let _ = project.tell(&["kill"]).success();
    let _ = running.end().success();
    let states = project.told("state");
    let steps: Vec<&str> =
        states.iter().map(|it| it["facts"]["cause"].as_str().unwrap_or("opened")).collect();
    assert_eq!(steps, ["opened", "ready", "pause", "resume", "pause", "kill"]);
}

#[test]
fn rules_pause_resume_and_stop_an_account_and_are_named() {
    let paper = "pause_when = \"bar_index == 50\", resume_when = \"bar_index != 51\", stop_when = \"bar_index >= 54\"";
    let project = project(50, paper);
    let mut running = project.following("active");
    for (first, bars, state) in [(50, 51, "paused"), (51, 53, "active")] {
        project.append(&minutes(first, bars));
        running.wait_until(|| project.is(state));
    }
    project.append(&minutes(53, 57));
    let _ = running.end().success();
    let states = project.told("state");
    let reason = |number: usize| states[number]["facts"]["reason"].as_str().unwrap();
    assert!(reason(2).starts_with("`paper.pause_when` at the close of "), "{}", reason(2));
    assert!(reason(3).starts_with("`paper.resume_when` at the close of "), "{}", reason(3));
    assert!(reason(4).starts_with("`paper.stop_when` at the close of "), "{}", reason(4));
    assert_eq!(project.states().last().unwrap(), "closed");
}

#[test]
fn a_stopped_account_closes_what_it_holds_and_then_itself() {
    let project = holding(50);
    let running = project.following("active");
    let _ = project.tell(&["stop"]).success();
    assert!(project.is("closing"), "no bar came yet");
    project.refuses(&["stop"], "it is stopped already");
    for words in ["pause", "resume"] {
        project.refuses(&[words], "not possible while the account is closing");
    }
    for words in [&["adjust", "--size", "2"][..], &["cancel-orders"], &["approve", "--all"]] {
        project.refuses(words, "it takes no orders any more");
    }
    project.append(&minutes(50, 51));
    let _ = running.end().success();
    assert_eq!(project.states(), ["initializing", "active", "closing", "closed"]);
    for words in ["pause", "resume", "stop", "kill"] {
        project.refuses(&[words], "`papertape paper restart` begins a new one");
    }
    let _ = project.run(["paper", "follow", "a.toml"]).success().stderr("the account is closed");
}

#[test]
fn a_stopped_account_says_why_it_cannot_close_what_it_holds() {
    let project = holding(50);
    let good = fs::read_to_string(project.path("data/X.csv")).unwrap();
    let revised = good.replacen(",10\n", ",11\n", 1);
    let mut running = project.following("active");
    let _ = project.tell(&["stop"]).success();
    project.write("data/X.csv", format!("{revised}{}", minutes(50, 51)));
    let is_last = |fact: &str, passed: bool| {
        let last = project.told("check").pop().unwrap_or_default();
        let says = last["message"].as_str().is_some_and(|it| it.contains(fact));
        says && last["facts"]["passed"] == passed
    };
    let fact = "`volume` was 10, and is 11";
    running.wait_until(|| is_last(fact, false));
    running.signal("TERM");
    let _ = running.end().code(143).stderr(fact);
    let checks = project.told("check").len();
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).code(3);
    assert_eq!((project.is("closing"), project.told("check").len()), (true, checks), "it was told");
    let _ = project.run(["paper", "status"]).success().stdout(fact);
    project.write("data/X.csv", format!("{good}{}", minutes(50, 51)));
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    assert!(is_last("its data can be used", true) && project.is("closed"));
}

#[test]
fn an_account_that_has_seen_no_bar_is_begun_anew() {
    let project = Project::new().manifest("a.toml", &manifest("")).file("data/X.csv", HEADER);
    let mut running = project.spawn(["paper", "follow", "a.toml"]);
    running.wait_until(|| !project.told("phase_start").is_empty());
    let told = project.tell(&["restart"]).success();
    let aside = told.stderr.split('`').nth(1).unwrap().to_owned();
    project.append(&minutes(0, 10));
    running.wait_until(|| project.is("active"));
    running.signal("TERM");
    let _ = running.end().code(143);
    let events = project.run(["events", &aside, "--type", "state", "--format", "json"]).success();
    assert_eq!(events.json()[0]["facts"]["cause"], "restart");
}

#[test]
fn a_suspended_account_that_is_not_paused_is_told_so() {
    let project = project(50, "").manifest("a.toml", &manifest("").replace("\"1d\"", "\"10m\""));
    let mut running = project.following("suspended");
    project.refuses(&["resume"], "it is not paused; it goes on when its data is mended");
    let _ = project.tell(&["pause"]).success();
    let _ = project.tell(&["resume"]).success();
    project.refuses(&["resume"], "it is not paused");
    running.signal("TERM");
    let _ = running.end().code(143);
}

#[test]
fn a_suspended_account_is_paused_for_when_bars_come_again() {
    let project = project(50, "").manifest("a.toml", &manifest("").replace("\"1d\"", "\"10m\""));
    let mut running = project.following("suspended");
    let _ = project.tell(&["pause"]).success();
    project.refuses(&["pause"], "it is paused already, for when its data is mended");
    assert!(project.is("suspended"));
    let fills = project.told("fill").len();
    project.append(&minutes(50, 100));
    running.wait_until(|| project.is("paused"));
    let entered = project.told("fill").into_iter().skip(fills).filter(|it| {
        let message = it["message"].as_str().unwrap();
        message.starts_with("bought")
    });
    assert_eq!(entered.count(), 0);
    running.signal("TERM");
    let _ = running.end().code(143);
}

#[test]
fn a_person_ends_the_pause_of_a_rule() {
    let project = project(50, "pause_when = \"bar_index == 48\", resume_when = \"false\"");
    let mut running = project.following("paused");
    let _ = project.tell(&["resume"]).success();
    running.wait_until(|| project.is("active"));
    project.append(&minutes(50, 60));
    running.wait_until(|| project.walked() == 60);
    assert_eq!(project.states(), ["initializing", "active", "paused", "active"]);
    running.signal("TERM");
    let _ = running.end().code(143);
}

#[test]
fn a_suspended_account_can_be_stopped() {
    let project = holding(50).manifest("a.toml", &manifest("").replace("\"1d\"", "\"10m\""));
    let mut running = project.following("suspended");
    let checks = project.told("check");
    assert!(checks.iter().any(|it| it["facts"]["passed"] == false), "{checks:?}");
    let _ = project.tell(&["stop"]).success();
    running.wait_until(|| project.is("closing") || project.is("closed"));
    let _ = project.tell(&["kill"]);
    let _ = running.end().success();
}

#[test]
fn an_account_whose_files_are_gone_is_in_error_until_it_is_begun_anew() {
    let project = project(50, "");
    let mut running = project.following("active");
    running.signal("TERM");
    let _ = running.end().code(143);
    fs::remove_dir_all(project.path("output/paper/x/bars")).unwrap();
    let _ = project.run(["paper", "follow", "a.toml"]).code(3).stderr("its own bars are gone");
    assert!(project.is("error"));
    let state = project.told("state").pop().unwrap();
    assert!(state["facts"]["reason"].as_str().unwrap().contains("its own bars are gone"));
    assert_eq!(state["level"], "error");
    assert_eq!(project.told("error").len(), 1);
    let status = project.run(["paper", "status", "--format", "json"]).success().json();
    assert_eq!(status[0]["state"], "error");
    for words in ["pause", "stop"] {
        project.refuses(&[words], "its own bars are gone");
    }
    let _ = project.tell(&["restart"]).success();
    let mut running = project.following("active");
    running.signal("TERM");
    let _ = running.end().code(143);
}

#[test]
fn a_follower_that_cannot_write_says_so_in_the_journal() {
    let project = project(50, "");
    let running = project.following("active");
    fs::rename(project.path("output/paper/x/bars"), project.path("output/aside")).unwrap();
    project.write("output/paper/x/bars", "no directory");
    project.append(&minutes(50, 52));
    let _ = running.end().code(74);
    assert!(project.is("error"));
    fs::remove_file(project.path("output/paper/x/bars")).unwrap();
    fs::rename(project.path("output/aside"), project.path("output/paper/x/bars")).unwrap();
    let mut running = project.following("active");
    running.wait_until(|| project.walked() == 52);
    running.signal("TERM");
    let _ = running.end().code(143);
}

#[test]
fn a_followed_account_is_begun_anew_by_another_terminal() {
    let project = project(50, "");
    let mut running = project.following("active");
    let _ = project.tell(&["adjust", "--size", "0.5"]).success();
    let restarted = project.tell(&["restart"]).success();
    let _ = restarted.stderr("put aside as `x~").stderr("a new account takes its place");
    running.wait_until(|| project.is("active"));
    assert!(running.is_running());
    let commands = project.told("command");
    assert_eq!(commands.len(), 1, "the new one was told nothing yet: {commands:?}");
    project.append(&minutes(50, 60));
    running.wait_until(|| project.walked() == 60);
    let _ = project.tell(&["pause"]).success();
    running.signal("TERM");
    let _ = running.end().code(143);
    let accounts = fs::read_dir(project.path("output/paper")).unwrap();
    let accounts: Vec<String> =
        accounts.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(accounts.len(), 2);
    let aside = accounts.iter().find(|name| name.contains('~')).unwrap();
    let status = project.run(["paper", "status", aside, "--format", "json"]).json();
    assert_eq!(status[0]["state"], "active", "as it was left");
}

#[test]
fn a_follower_tells_its_phases_signals_and_summaries() {
    let project = project(50, "");
    let mut running = project.following("active");
    project.append(&minutes(50, 52));
    running.wait_until(|| project.walked() == 52);
    fs::rename(project.path("data/X.csv"), project.path("data/gone.csv")).unwrap();
    let is_wrong = |fact: &str| {
        project
            .told("check")
            .last()
            .is_some_and(|it| it["message"].as_str().unwrap().contains(fact))
    };
    running.wait_until(|| is_wrong("there is no such file"));
    project.write("data/X.csv", "<html>\n");
    running.wait_until(|| is_wrong("no column looks like `time`"));
    assert_eq!(project.told("retry").len(), 1);
    fs::rename(project.path("data/gone.csv"), project.path("data/X.csv")).unwrap();
    running.signal("TERM");
    let _ = running.end().code(143);
    let mut running = project.following("active");
    running.wait_until(|| project.told("phase_start").len() == 3);
    running.signal("TERM");
    let _ = running.end().code(143);
    let phases = |kind: &str| -> Vec<String> {
        project.told(kind).iter().map(|it| it["phase"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(phases("phase_start"), ["follow", "open", "follow"]);
    assert_eq!(phases("phase_end"), ["follow", "open", "follow"]);
    let checks = project.told("check");
    let history = checks.iter().rfind(|it| it["facts"]["name"] == "history").unwrap();
    assert_eq!(history["facts"]["passed"], true);
    assert!(!project.told("summary_updated").is_empty());
    let signals = project.told("signal");
    let entered = project
        .told("order")
        .iter()
        .filter(|it| it["message"].as_str().unwrap().starts_with("open"))
        .count();
    assert!(
        signals.len() >= entered && entered > 0,
        "{} signals, {entered} entries",
        signals.len()
    );
    let schema = project.run(["schema", "event"]).success().json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let journal = fs::read_to_string(project.path("output/paper/x/journal.jsonl")).unwrap();
    for line in journal.lines() {
        assert!(validator.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
    }
}

#[test]
fn of_several_accounts_that_are_followed_one_is_broken_and_the_others_go_on() {
    let text =
        ["x", "y", "z"].map(|name| manifest("").replace("session.x", &format!("session.{name}")));
    let project = Project::new().manifest("a.toml", &text.concat());
    let project = project.file("data/X.csv", format!("{HEADER}{}", minutes(0, 50)));
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    fs::remove_dir_all(project.path("output/paper/y/bars")).unwrap();
    let mut running = project.spawn(["paper", "follow", "a.toml"]);
    let state = |name: &str| {
        let status = project.run(["paper", "status", name, "--format", "json"]).json();
        status[0]["state"].as_str().unwrap().to_owned()
    };
    running.wait_until(|| state("y") == "error" && project.told("phase_start").len() == 2);
    project.append(&minutes(50, 52));
    running.wait_until(|| project.walked() == 52);
    assert!(running.is_running());
    let _ = project.tell(&["kill", "x"]).success();
    let _ = project.tell(&["kill", "z"]).success();
    let _ = running.end().code(3).stderr("y: refused: ").stderr("its own bars are gone");
    assert_eq!([state("x"), state("y"), state("z")], ["closed", "error", "closed"]);
    let _ = project.run(["paper", "follow", "a.toml", "--stdin"]).code(2).stderr("x, y, z");
}

#[test]
fn an_account_that_is_fed_by_lines_is_begun_anew_with_its_feed() {
    let project = Project::new().manifest("a.toml", &manifest(""));
    let mut command = project.command(["paper", "follow", "a.toml", "--stdin"]);
    command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = child.stdin.take().unwrap();
    let mut write = |text: String| {
        std::io::Write::write_all(&mut lines, text.as_bytes()).unwrap();
    };
    let wait = |holds: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        while !holds() {
            assert!(began.elapsed() < std::time::Duration::from_secs(20));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    write(format!("{HEADER}{}", minutes(0, 20)));
    wait(&|| project.walked() == 20);
    let _ = project.tell(&["restart"]).success().stderr("a new account takes its place");
    write(minutes(20, 30));
    wait(&|| project.walked() == 30);
    drop(lines);
    let _ = crate::project::Outcome::of(child.wait_with_output().unwrap()).success();
}
