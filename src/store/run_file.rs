//! `run.json`: who ran what, when and how it ended.
//!
//! It is replaced atomically while its run is open and left alone afterwards. A field that is added
//! later carries `serde(default)`, and fields that are not known are passed over, so that every
//! version reads the files of every other; what breaks this raises [`SCHEMA`].

use super::atomic;
use super::error::{RESTORE, StoreError};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The version of the JSON files of the store; files up to it are read.
pub const SCHEMA: u32 = 1;

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHeader {
    /// The engine's number, raised when any result can change.
    pub engine: u32,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// The manifests, in the order given.
    pub manifests: Vec<ManifestDigest>,
    /// The host's name.
    pub host: String,
    /// How many threads run sessions.
    pub threads: usize,
    /// What ranks the sessions.
    pub objective: Objective,
    /// Which sessions' details are kept, as the manifest says it, such as `top:20`.
    pub keep: String,
    /// Whether a selection left some of the manifests' sessions out.
    pub partial: bool,
    /// The sessions whose account another process held, so that they were left to it.
    pub left_out: Vec<String>,
    /// The label of the environment, where one was given.
    pub env: Option<String>,
    /// How many sessions it has.
    pub sessions: u64,
    /// The plan, one line a session. It is written before `run.json`: whoever finds a run finds its
    /// plan.
    pub plan: String,
}

/// A run, as `run.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of this layout.
    pub schema: u32,
    /// The name of the run's directory.
    pub id: String,
    /// The run's UUID (version 7), of which the id shows the end.
    pub uuid: String,
    /// The version of papertape.
    pub version: String,
    /// The engine's number, raised when any result can change.
    pub engine: u32,
    /// How far it is.
    pub status: RunStatus,
    /// When it was made.
    pub started: DateTime<Utc>,
    /// When it ended; `None` while it is open or if it never ended.
    pub finished: Option<DateTime<Utc>>,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// The manifests, in the order given.
    pub manifests: Vec<ManifestDigest>,
    /// The host's name.
    pub host: String,
    /// How many threads ran sessions.
    pub threads: usize,
    /// What ranks the sessions.
    pub objective: Objective,
    /// Which sessions' details are kept, such as `top:20`.
    pub keep: String,
    /// Whether a selection left some of the manifests' sessions out.
    #[serde(default)]
    pub partial: bool,
    /// The sessions whose account another process held, so that they were left to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The label of the environment, where one was given.
    pub env: Option<String>,
    /// How long each phase took, in their order. `signals`, `walk` and `meter` are parts of `sessions`,
    /// the seconds of all threads added up; `rows` is the part that went into writing rows.
    pub phases: Vec<Phase>,
    /// Sessions by how they ended.
    pub counts: Counts,
    /// The earlier runs from which rows were taken over.
    pub cached_from: Vec<CachedFrom>,
    /// The digest of the plan, as hex.
    pub plan_digest: String,
    /// What somebody remarked later, in that order.
    pub notes: Vec<Note>,
    /// What the process returned; `None` before it ended.
    pub exit_code: Option<u8>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It was begun and has not said that it ended.
    Running,
    /// Every selected session completed.
    Completed,
    /// Every selected session ended, at least one by failing or by being refused.
    Failed,
    /// Sessions of the plan have not run.
    Incomplete,
}

impl RunStatus {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
        }
    }

    /// Whether results were written.
    pub const fn has_results(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// A manifest and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestDigest {
    /// The path, relative to the project.
    pub path: String,
    /// The digest of its text, as hex.
    pub digest: String,
}

/// What ranks the sessions of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// The metric's name.
    pub metric: String,
    /// Whether more or less of it is wanted.
    pub goal: Goal,
}

/// Whether more or less of a metric is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
}

/// How long a part of a run took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What was done, such as `plan`.
    pub name: String,
    /// Seconds of wall-clock time.
    pub seconds: f64,
}

/// Sessions by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Sessions in the plan.
    pub selected: u64,
    /// Those that completed, the cached ones included.
    pub completed: u64,
    /// Those that ended with an error or a panic.
    pub failed: u64,
    /// Those whose data or settings were refused.
    pub refused: u64,
    /// Those that were interrupted.
    pub aborted: u64,
    /// Those whose row was taken from an earlier run.
    pub cached: u64,
}

impl Counts {
    /// Sessions that ended, however they did.
    pub fn ended(&self) -> u64 {
        self.completed + self.failed + self.refused + self.aborted
    }
}

/// An earlier run and what was taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedFrom {
    /// The earlier run's id.
    pub run: String,
    /// How many rows.
    pub rows: u64,
}

/// A remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// What it says.
    pub text: String,
}

impl RunFile {
    /// The file of a run that begins.
    pub(super) fn begin(header: &RunHeader, id: String, uuid: String, now: DateTime<Utc>) -> Self {
        Self {
            schema: SCHEMA,
            id,
            uuid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: header.engine,
            status: RunStatus::Running,
            started: now,
            finished: None,
            command_line: header.command_line.clone(),
            manifests: header.manifests.clone(),
            host: header.host.clone(),
            threads: header.threads,
            objective: header.objective.clone(),
            keep: header.keep.clone(),
            partial: header.partial,
            left_out: header.left_out.clone(),
            env: header.env.clone(),
            phases: Vec::new(),
            counts: Counts { selected: header.sessions, ..Counts::default() },
            cached_from: Vec::new(),
            plan_digest: plan_digest(&header.plan),
            notes: Vec::new(),
            exit_code: None,
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        read_json(path).map_err(|error| match error {
            // Its rows are found as long as there is one of that name.
            StoreError::Damaged { path, fact, remedy: RESTORE } => StoreError::Damaged {
                path,
                fact,
                remedy: "restore it from a copy, or leave it and start a new run, which takes over \
                         the rows beside it",
            },
            error => error,
        })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), StoreError> {
        atomic::write(path, &to_json(self))
    }
}

/// The digest of a plan's text, as hex.
pub(super) fn plan_digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The JSON of a file that people may read.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("named fields are always JSON");
    text.push(b'\n');
    text
}

/// Reads a JSON file that says its version.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let text = fs::read(path).map_err(StoreError::io("read", path))?;
    let unreadable = |error: serde_json::Error| {
        StoreError::damaged(path, format_args!("is not what papertape writes there, {error}"))
    };
    // The version comes first: what it changed would otherwise look like damage.
    let Version { schema } = serde_json::from_slice(&text).map_err(unreadable)?;
    if schema > SCHEMA {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            fact: format!("has schema {schema}, and this papertape reads up to {SCHEMA}"),
            remedy: "read it with a newer papertape",
        });
    }
    serde_json::from_slice(&text).map_err(unreadable)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::store) fn header() -> RunHeader {
        RunHeader {
            engine: 3,
            command_line: vec!["papertape".into(), "run".into(), "a.toml".into()],
            manifests: vec![ManifestDigest { path: "a.toml".into(), digest: "00ff".into() }],
            host: "night".into(),
            threads: 2,
            objective: Objective { metric: "sharpe".into(), goal: Goal::Maximize },
            keep: "auto".into(),
            partial: false,
            left_out: Vec::new(),
            env: Some("ci".into()),
            sessions: 0,
            plan: String::new(),
        }
    }

    #[test]
    fn a_run_file_of_version_1_loads() {
        let text = include_str!("../../tests/fixtures/run-v1.json");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.json");
        fs::write(&path, text).unwrap();
        let run = RunFile::read(&path).unwrap();
        assert_eq!(run.id, "20261121T063100Z-9f3a1c");
        assert_eq!(run.status, RunStatus::Failed);
        assert_eq!(run.objective, Objective { metric: "sharpe".into(), goal: Goal::Maximize });
        assert_eq!(run.counts.completed, 398);
        assert_eq!(run.phases[1], Phase { name: "sessions".into(), seconds: 1.75 });
        assert_eq!(run.exit_code, Some(3));
        run.write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "and is written the same");
    }

    #[test]
    fn unknown_fields_are_passed_over_and_a_later_schema_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.json");
        let text = include_str!("../../tests/fixtures/run-v1.json");
        let run: RunFile = serde_json::from_str(text).unwrap();
        fs::write(&path, text.replacen('{', "{\"later\": [1, {}],", 1)).unwrap();
        assert_eq!(RunFile::read(&path).unwrap(), run);
        fs::write(&path, "{\"schema\": 2, \"id\": {\"changed\": true}}").unwrap();
        let error = RunFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("has schema 2, and this papertape reads up to 1"), "{error}");
    }

    #[test]
    fn every_cut_of_a_run_file_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.json");
        let text = include_str!("../../tests/fixtures/run-v1.json").trim_end();
        for cut in 0..text.len() {
            fs::write(&path, &text[..cut]).unwrap();
            assert!(
                matches!(RunFile::read(&path), Err(StoreError::Damaged { .. })),
                "cut at {cut}"
            );
        }
    }
}
