//! A backup as one file to carry away, and back; encrypted by `age` where somebody is named who may
//! read it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::process::{Piped, Program};
use super::{HostError, files};

/// How a file begins that `age` has encrypted.
const SEALED: &[u8] = b"age-encryption.org/";
/// Where the parts of one being unpacked are until all are there.
const UNPACKING: &str = ".unpacking";

/// Writes the files and folders `names` of `folder` to the new file `to`, as a tar whose one folder
/// has the name of `folder`. With `recipients`, only they can read it.
pub fn pack(
    folder: &Path,
    names: &[String],
    to: &Path,
    recipients: &[String],
) -> Result<(), HostError> {
    let failed = |source| HostError::File {
        what: "write the backup to",
        path: to.to_owned(),
        source,
    };
    let partial = PathBuf::from(format!("{}.partial", to.display()));
    files::remove(&partial)?;
    let file = files::create_private(&partial)?;
    let packed = match recipients {
        [] => pack_to(folder, names, file).map_err(failed),
        recipients => age(recipients.iter().flat_map(|one| ["-r", one.as_str()])).and_then(|age| {
            let sealed = age.pipe(None, Some(file), |piped| match piped {
                Piped::Input(input) => pack_to(folder, names, input),
                Piped::Output(_) => Ok(()),
            });
            sealed?.map_err(failed)
        }),
    };
    if packed.is_err() {
        files::remove(&partial)?;
    }
    packed?;
    files::publish(&partial, to)
}

/// Unpacks such a file below `into`, and returns its folder there. What is there by that name already
/// stays, and the file is not unpacked.
pub fn unpack(from: &Path, identity: Option<&Path>, into: &Path) -> Result<PathBuf, HostError> {
    let failed = |source| HostError::File {
        what: "unpack the backup",
        path: from.to_owned(),
        source,
    };
    let unpacking = into.join(UNPACKING);
    files::remove_all(&unpacking)?;
    files::private_folder(&unpacking)?;
    let file = File::open(from).map_err(failed)?;
    match (files::begins_with(from, SEALED)?, identity) {
        (false, _) => unpack_from(file, &unpacking).map_err(failed)?,
        (true, None) => {
            return Err(HostError::Unexpected(format!(
                "`{}` is encrypted: `--identity` names the file with the key",
                from.display()
            )));
        }
        (true, Some(identity)) => {
            let identity = identity.display().to_string();
            let opened = age(["-d", "-i", &identity])?;
            let unpacked = opened.pipe(Some(file), None, |piped| match piped {
                Piped::Output(output) => unpack_from(output, &unpacking),
                Piped::Input(_) => Ok(()),
            });
            unpacked?.map_err(failed)?;
        }
    }
    let found = files::list(&unpacking)?;
    let [folder] = found.as_slice() else {
        return Err(HostError::Unexpected(format!(
            "`{}` is no backup: it has {} folders in it",
            from.display(),
            found.len()
        )));
    };
    let place = into.join(folder.file_name().unwrap_or_default());
    if !place.exists() {
        files::publish(folder, &place)?;
    }
    files::remove_all(&unpacking)?;
    Ok(place)
}

fn age<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Program, HostError> {
    let path = which::which("age").map_err(|_| {
        HostError::Unexpected(
            "`age`, which encrypts backups, is not installed (on Debian: `apt install age`)"
                .to_owned(),
        )
    })?;
    Ok(Program {
        path,
        args: args.into_iter().map(str::to_owned).collect(),
        folder: PathBuf::from("."),
        set: Vec::new(),
        unset: &[],
    })
}

fn pack_to(folder: &Path, names: &[String], to: impl Write) -> std::io::Result<()> {
    let top = PathBuf::from(folder.file_name().unwrap_or_default());
    let mut archive = tar::Builder::new(to);
    for name in names {
        let (path, name) = (folder.join(name), top.join(name));
        match path.is_dir() {
            true => archive.append_dir_all(name, path)?,
            false => archive.append_path_with_name(path, name)?,
        }
    }
    archive.into_inner()?.flush()
}

/// Nothing in an archive gets outside the folder, nor more rights than its owner's.
fn unpack_from(archive: impl std::io::Read, folder: &Path) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    archive.set_mask(0o077);
    archive.set_preserve_ownerships(false);
    archive.unpack(folder)?;
    // What is behind the end of the archive belongs to its seal.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_away_comes_back() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("w5i08uc505");
        files::private_folder(&folder.join("online.dump")).expect("made");
        for name in ["online.json", "online.dump/1.dat", "other.json"] {
            files::replace(&folder.join(name), name.as_bytes()).expect("written");
        }
        let file = place.path().join("backup.tar");
        let names = ["online.json", "online.dump"].map(str::to_owned);
        pack(&folder, &names, &file, &[]).expect("packed");
        let into = place.path().join("elsewhere");
        let found = unpack(&file, None, &into).expect("unpacked");
        assert_eq!(found, into.join("w5i08uc505"));
        let read = |name: &str| files::read_text(&found.join(name)).expect("read");
        assert_eq!(
            read("online.dump/1.dat").as_deref(),
            Some("online.dump/1.dat")
        );
        assert_eq!(read("other.json"), None);
        for broken in ["", "x"] {
            files::replace(&file, broken.as_bytes()).expect("written");
            unpack(&file, None, &into).expect_err("no backup");
        }
    }
}
