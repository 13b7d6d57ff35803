//! The control directory of an account: how somebody tells whoever holds it what to do.
//!
//! A command is a file that is renamed in, so that it is there whole or not at all. Whoever holds the
//! account's lock next takes the commands in the order in which they came, writes the answer to the journal
//! under the command's id, and only then removes the file: after a crash in between the journal knows
//! the id, and the command is not obeyed twice. There is no server and no socket; who may write into
//! the directory, its owner alone, may command.

use super::atomic;
use super::error::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// The control directory of an account.
#[derive(Debug, Clone)]
pub struct Control {
    directory: PathBuf,
}

/// What lay in a control directory.
#[derive(Debug)]
pub enum Taken<T> {
    /// A command, under the id by which it is answered and removed.
    Command(String, T),
    /// Something that is none, and was removed: its name, and what is wrong with it.
    Refused(String, String),
}

/// A command as it lies in its file.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope<T> {
    id: String,
    command: T,
}

/// What the name of a command ends with, after its id.
pub const ENDING: &str = ".json";

/// Whoever has not finished a file for so long never will.
const ABANDONED: Duration = Duration::from_mins(10);

impl Control {
    /// The control directory `directory`, made if need be and open to its owner alone.
    pub fn open(directory: PathBuf) -> Result<Self, StoreError> {
        if !directory.is_dir() {
            atomic::create_directories(&directory)?;
        }
        own(&directory).map_err(StoreError::io("closed to others", &directory))?;
        Ok(Self { directory })
    }

    /// Put `command` there; the id under which it will be answered.
    pub fn send(&self, command: &impl Serialize) -> Result<String, StoreError> {
        // Ids of this version ascend with time, so names are in the order of sending.
        let id = Uuid::now_v7().to_string();
        let envelope = Envelope { id: id.clone(), command };
        let path = self.path(&id);
        let bytes =
            serde_json::to_vec(&envelope).map_err(|error| StoreError::damaged(&path, error))?;
        atomic::write(&path, &bytes)?;
        Ok(id)
    }

    /// The commands that wait, in the order in which they were sent. What is no command, or was put
    /// there by somebody else than the owner of the directory, is removed and told.
    pub fn take<T: DeserializeOwned>(&self) -> Result<Vec<Taken<T>>, StoreError> {
        let mut taken = Vec::new();
        for name in atomic::entries(&self.directory)? {
            let path = self.directory.join(&name);
            let refused = match name.strip_suffix(ENDING) {
                _ if path.is_dir() => "it is no command".to_owned(),
                None => "it is no command".to_owned(),
                Some(_) if !is_owners(&path, &self.directory) => {
                    "only the owner of the account may command it".to_owned()
                }
                Some(id) => match read::<T>(&path) {
                    Ok(envelope) if envelope.id == id => {
                        taken.push(Taken::Command(envelope.id, envelope.command));
                        continue;
                    }
                    Ok(_) => "it has another id than its name says".to_owned(),
                    Err(fact) => fact,
                },
            };
            atomic::remove_whatever(&path)?;
            taken.push(Taken::Refused(name, refused));
        }
        Ok(taken)
    }

    /// Whether the command still waits.
    pub fn waits(&self, id: &str) -> bool {
        self.path(id).exists()
    }

    /// Remove a command that was answered, or that nobody wants to wait for.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        atomic::remove(&self.path(id))
    }

    /// Remove the command `id`, and move those that wait behind it to the control directory `to`.
    pub(super) fn pass_on(self, id: &str, to: &Path) -> Result<(), StoreError> {
        if self.waits(id) {
            self.remove(id)?;
        }
        let names = atomic::entries(&self.directory)?;
        if !names.is_empty() {
            Self::open(to.to_owned())?;
        }
        names.iter().try_for_each(|name| atomic::rename(&self.directory.join(name), &to.join(name)))
    }

    /// Remove what a sender that was killed did not finish.
    pub(super) fn remove_abandoned(&self) -> Result<(), StoreError> {
        atomic::remove_leftovers_older_than(&self.directory, ABANDONED)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}{ENDING}"))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Envelope<T>, String> {
    let bytes = fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("it is no command: {error}"))
}

#[cfg(unix)]
fn own(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    const OWNER: u32 = 0o700;
    match fs::metadata(directory)?.permissions().mode() & 0o777 {
        OWNER => Ok(()),
        _ => fs::set_permissions(directory, fs::Permissions::from_mode(OWNER)),
    }
}

#[cfg(not(unix))]
fn own(_directory: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Whether `path` is a file, no link, of whoever owns `directory`.
#[cfg(unix)]
fn is_owners(path: &Path, directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(file), Ok(directory)) = (fs::symlink_metadata(path), fs::metadata(directory)) else {
        return false;
    };
    file.is_file() && file.uid() == directory.uid()
}

#[cfg(not(unix))]
fn is_owners(path: &Path, _directory: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> (tempfile::TempDir, Control) {
        let directory = tempfile::tempdir().unwrap();
        let control = Control::open(directory.path().join("control")).unwrap();
        (directory, control)
    }

    fn ids(control: &Control) -> Vec<String> {
        let taken = control.take::<String>().unwrap().into_iter();
        let words = taken.map(|taken| match taken {
            Taken::Command(_, command) => command,
            Taken::Refused(name, fact) => format!("{name}: {fact}"),
        });
        words.collect()
    }

    #[test]
    fn commands_come_in_order_and_stay_until_they_are_answered() {
        let (_directory, control) = control();
        let sent: Vec<String> = (0..20).map(|n| control.send(&n.to_string()).unwrap()).collect();
        let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert_eq!(ids(&control), expected);
        assert_eq!(ids(&control), expected, "who crashed before the answer finds them again");
        for id in &sent {
            assert!(control.waits(id));
            control.remove(id).unwrap();
            assert!(!control.waits(id));
        }
        assert!(ids(&control).is_empty());
    }

    #[test]
    fn what_is_no_command_is_removed_and_told() {
        let (directory, control) = control();
        let put = |name: &str, text: &str| {
            fs::write(directory.path().join("control").join(name), text).unwrap();
        };
        put("a.txt", "x");
        put("b.json", "{");
        put("c.json", "{\"id\":\"d\",\"command\":\"x\"}");
        fs::create_dir(directory.path().join("control/d.json")).unwrap();
        put("d.json/x", "x");
        let told = ids(&control);
        assert_eq!(told[0], "a.txt: it is no command");
        assert!(told[1].starts_with("b.json: it is no command: EOF"), "{}", told[1]);
        assert_eq!(told[2], "c.json: it has another id than its name says");
        assert_eq!(told[3], "d.json: it is no command");
        assert!(ids(&control).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn the_owner_alone_may_write_there() {
        use std::os::unix::fs::PermissionsExt;
        let (directory, control) = control();
        let mode = fs::metadata(directory.path().join("control")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let target = directory.path().join("elsewhere.json");
        fs::write(&target, "{\"id\":\"x\",\"command\":\"x\"}").unwrap();
        std::os::unix::fs::symlink(&target, directory.path().join("control/x.json")).unwrap();
        assert_eq!(ids(&control), ["x.json: only the owner of the account may command it"]);
    }
}
