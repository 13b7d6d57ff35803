//! A check for servers that collect tests: JUnit's XML in the dialect of Jenkins.
//!
//! A session is a test suite, and each of its points a test case. A gate that did not hold is a
//! failure; what kept a session from being checked is an error.

use crate::compare::{Checked, Checks, Standing};
use anyhow::Result;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The XML; with the seconds of each session only if `times`.
pub fn junit(checks: &Checks, times: bool) -> Result<String> {
    let mut report = Report::new("papertape");
    for sessions in checks.sessions.chunk_by(|a, b| family(a) == family(b)) {
        let mut suite = TestSuite::new(family(&sessions[0]));
        if let Some(baseline) = &checks.baseline {
            suite.add_property(("baseline", baseline.as_str()));
        }
        suite.add_test_cases(sessions.iter().map(|one| case(one, times)));
        if times {
            let seconds = sessions.iter().filter_map(|one| one.seconds).sum();
            suite.set_time(Duration::from_secs_f64(seconds));
        }
        report.add_test_suite(suite);
    }
    Ok(without_disabled(&report.to_string()?))
}

/// The suite: the manifest's stem and the session's name.
fn family(checked: &Checked) -> String {
    let file = checked.manifest.rsplit('/').next().unwrap_or_default();
    format!("{}.{}", file.strip_suffix(".toml").unwrap_or(file), checked.session)
}

fn case(checked: &Checked, times: bool) -> TestCase {
    let findings = &checked.verdict.findings;
    let text = super::lines(checked).join("\n");
    let mut case = match checked.failed() {
        false => TestCase::new(checked.key.as_str(), TestCaseStatus::success()),
        true => {
            let (kind, ty) = match checked.standing {
                Standing::Failed | Standing::Extra => (NonSuccessKind::Failure, "regression"),
                standing => (NonSuccessKind::Error, standing.word()),
            };
            let mut status = TestCaseStatus::non_success(kind);
            let first = findings.first().map_or("", |finding| finding.text.as_str());
            status.set_type(ty).set_message(first).set_description(text.as_str());
            TestCase::new(checked.key.as_str(), status)
        }
    };
    case.set_classname(family(checked));
    if !checked.failed() && !text.is_empty() {
        case.set_system_out(text);
    }
    if let Some(seconds) = checked.seconds.filter(|_| times) {
        case.set_time(Duration::from_secs_f64(seconds));
    }
    case
}

/// Jenkins' schema knows no attribute `disabled`, which the writer gives every suite.
fn without_disabled(xml: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with("<testsuite ") {
        true => line.replacen(" disabled=\"0\"", "", 1),
        false => line.to_owned(),
    };
    xml.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
