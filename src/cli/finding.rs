//! What nobody named: the manifest of a session and the store of an account, found by the name of the
//! session among the manifests of the project.

use super::context::{Context, Usage};
use super::planning::Planning;
use crate::manifest::Project;
use crate::manifest::project::{is_toml, shown};
use crate::store::Store;
use std::path::PathBuf;

impl Planning {
    /// Take the only manifest of `sessions/` that declares paper sessions, where none is named.
    pub(super) fn find_paper(&mut self, context: &Context) {
        if self.manifests.is_empty() {
            let found = context.project().manifests();
            let found: Vec<PathBuf> = found.into_iter().filter(has_paper).collect();
            self.manifests = Some(found).filter(|found| found.len() == 1).unwrap_or_default();
        }
    }

    /// Take names of paper sessions among the manifests for what they are: those are chosen, and without a
    /// manifest the project's are looked through for them.
    pub(super) fn find_sessions(&mut self, context: &Context) -> Result<(), Usage> {
        let is_name = |path: &PathBuf| !is_toml(path) && !path.exists();
        let (names, files): (Vec<PathBuf>, Vec<PathBuf>) =
            std::mem::take(&mut self.manifests).into_iter().partition(is_name);
        let names: Vec<String> = names.iter().map(|name| name.display().to_string()).collect();
        self.manifests = files;
        if self.manifests.is_empty() {
            for name in &names {
                let found = declaring(name, &context.project()).map_err(Usage)?;
                if !self.manifests.contains(&found) {
                    self.manifests.push(found);
                }
            }
        }
        self.session.extend(names);
        Ok(())
    }
}

/// The store that has the paper account `named`, or any: the one of the current directory's project, else
/// one that a manifest of its sessions names (`run.output`).
pub(super) fn store_with(named: Option<&str>, context: &Context) -> Store {
    let own = context.store();
    let has = |store: &Store| match named {
        Some(name) => store.account_journal(name).path().exists(),
        None => store.accounts().is_ok_and(|accounts| !accounts.is_empty()),
    };
    if context.output.is_some() || has(&own) {
        return own;
    }
    let project = context.project();
    let output = |manifest: PathBuf| {
        let table: toml::Table = std::fs::read_to_string(manifest).ok()?.parse().ok()?;
        Some(Store::at(project.root.join(table.get("run")?.get("output")?.as_str()?)))
    };
    project.manifests().into_iter().filter_map(output).find(has).unwrap_or(own)
}

/// The manifest of `project` that declares the paper session `name`, or the only one that declares a session
/// of that name; why it is not known otherwise.
fn declaring(name: &str, project: &Project) -> Result<PathBuf, String> {
    let (mut paper, mut others, mut unread) = (Vec::new(), Vec::new(), String::new());
    for path in project.manifests() {
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let table = text.and_then(|text| {
            text.parse::<toml::Table>().map_err(|error| error.message().to_owned())
        });
        match table {
            Ok(table) => {
                let session = table.get("session").and_then(|all| all.get(name));
                let Some(session) = session else { continue };
                if is_paper(&table, session) { paper.push(path) } else { others.push(path) }
            }
            Err(fact) => unread += &format!("; {} cannot be read: {fact}", shown(&path)),
        }
    }
    // What a template says of the mode is not known here.
    match (&paper[..], &others[..]) {
        ([one], _) | ([], [one]) => Ok(one.clone()),
        ([], []) => {
            let folder = shown(&project.root.join("sessions"));
            Err(format!(
                "no manifest in {folder} declares a session `{name}`; name its manifest{unread}"
            ))
        }
        (some, _) => {
            let some = if some.is_empty() { &others } else { &paper };
            let some: Vec<String> = some.iter().map(|path| shown(path)).collect();
            Err(format!(
                "several manifests declare a session `{name}`; name one of them: {}",
                some.join(", ")
            ))
        }
    }
}

/// Whether a session that `table` declares is a paper session, as far as that manifest tells.
fn is_paper(table: &toml::Table, session: &toml::Value) -> bool {
    let mode = session.get("mode").or_else(|| table.get("defaults")?.get("mode"));
    mode.and_then(toml::Value::as_str) == Some("paper")
}

/// Whether the manifest `path` declares a paper session.
fn has_paper(path: &PathBuf) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let sessions = table.get("session").and_then(toml::Value::as_table);
    sessions.into_iter().flatten().any(|(_, session)| is_paper(&table, session))
}

/// What to say to somebody who names no manifest.
pub(super) fn no_manifest(context: &Context) -> String {
    let project = context.project();
    let found: Vec<String> = project.manifests().iter().map(|path| shown(path)).collect();
    match found.is_empty() {
        true => {
            let folder = project.root.join("sessions");
            format!("name a manifest; there is none in {}", shown(&folder))
        }
        false => format!("name a manifest; there are:\n  {}", found.join("\n  ")),
    }
}
