//! A disk that is full, a place that cannot be written to, a file that was cut short: the error says
//! where and how to go on, and nothing that ended is lost.

use crate::project::{Outcome, Project, Run, assert_same, sweep};
use std::fs;
use std::process::Command;

/// Points of the sweep.
const SESSIONS: u64 = 300;

fn project() -> Project {
    Project::new().bars(120).manifest("a.toml", &sweep("grid", 20, 15))
}

/// Run the manifest while no file may be larger than so many blocks of 512 bytes.
fn run_in(project: &Project, blocks: u64) -> Outcome {
    within(project, blocks, &["run", "a.toml", "--no-report", "-j", "2"])
}

fn within(project: &Project, blocks: u64, arguments: &[&str]) -> Outcome {
    let papertape = project.command(arguments);
    let mut shell = Command::new("/bin/sh");
    // A process that is not told of the limit is told by the write that fails.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell.arg("-c").arg(script).arg(papertape.get_program()).args(papertape.get_args());
    shell.current_dir(project.path("")).env_clear();
    Outcome::of(shell.output().unwrap())
}

/// Go on with the run, and compare with one that nothing disturbed.
fn goes_on(project: &Project, run: &Run) {
    let undisturbed = self::project();
    let _ = undisturbed.run(["run", "a.toml", "--no-report"]).success();
    let _ = project.run(["run", "--resume", "latest", "--no-report"]).success();
    assert_eq!(project.runs().len(), 1, "it is the same run");
    assert_eq!((run.count("selected"), run.count("completed")), (SESSIONS, SESSIONS));
    assert_same(&undisturbed.newest().reproducible(), &run.reproducible());
}

/// How large a file of a run that nothing disturbed is, in blocks of 512 bytes.
fn blocks_of(name: &str) -> u64 {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    fs::metadata(project.newest().path.join(name)).unwrap().len() / 512
}

#[test]
fn results_that_do_not_fit_on_the_disk_are_written_later() {
    let project = project();
    let outcome = run_in(&project, blocks_of("results.csv") - 1).code(74);
    let run = project.newest();
    assert!(run.batches() >= 1, "every row is there");
    let resume = format!("can go on with `papertape run --resume {}`: ", run.id());
    let written = "results.csv: cannot be written, File too large";
    let outcome = outcome.stderr(&resume).stderr(written);
    assert_eq!(outcome.stdout, "");
    goes_on(&project, &run);
}

#[test]
fn rows_find_room_where_the_journal_does_not() {
    let project = project();
    let plan = blocks_of("plan.jsonl");
    assert!(plan + 20 < blocks_of("events.jsonl"), "the journal is what is too large");
    let _ = run_in(&project, plan + 10).code(74).stderr("events.jsonl: cannot be appended to");
    let run = project.newest();
    assert!(run.batches() >= 1, "the rows of what ended are there");
    goes_on(&project, &run);
}

#[test]
fn a_command_that_cannot_be_journalled_was_never_given() {
    let project = crate::follow::project(25, "");
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    let journal = project.path("output/paper/x/journal.jsonl");
    let blocks = fs::metadata(journal).unwrap().len() / 512;
    let words = ["paper", "adjust", "--size", "0.5"];
    let _ = within(&project, blocks, &words).code(74).stderr("journal.jsonl: cannot be appended");
    // Who is told that it failed says it again, and means it once.
    let _ = project.run(words).success();
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    assert_eq!(project.told("command").len(), 1);
}

#[test]
fn an_output_directory_that_cannot_be_made_is_told_before_anything_runs() {
    let project = project();
    let arguments = ["run", "a.toml", "--no-report", "--output", "a.toml/output"];
    let outcome = project.run(arguments).code(74).stderr("a.toml/output");
    assert!(!outcome.stderr.contains("go on with"), "{}", outcome.stderr);
}

#[cfg(unix)]
#[test]
#[expect(
    clippy::print_stderr,
    reason = "whoever reads the log should know that nothing was tested"
)]
fn a_read_only_output_directory_is_told_before_anything_runs() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = project();
    let output = project.path("output");
    fs::create_dir(&output).unwrap();
    fs::set_permissions(&output, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(output.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let _ = project
        .run(["run", "a.toml", "--no-report"])
        .code(74)
        .stderr("change its permissions or choose another output directory");
}

#[test]
fn a_parquet_file_that_was_cut_short_is_refused() {
    let project = Project::new()
        .manifest("a.toml", &sweep("grid", 2, 2).replace("x.csv", "x.parquet"))
        .file("data/x.parquet", "PAR1 and then no more");
    let _ = project
        .run(["run", "a.toml", "--no-report"])
        .code(3)
        .stderr("data/x.parquet: the Parquet file is cut short; is it still being written?");
}
