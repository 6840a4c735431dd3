//! Files: private from birth, replaced as a whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::HostError;

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> HostError {
    let path = path.to_owned();
    move |source| HostError::File { what, path, source }
}

/// Makes a folder that only its owner can enter, and those above it.
pub fn private_folder(path: &Path) -> Result<(), HostError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("create the folder", path))
}

/// The text of a file; none where there is no file.
pub fn read_text(path: &Path) -> Result<Option<String>, HostError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The bytes of a file that must be there.
pub fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    std::fs::read(path).map_err(failed("read", path))
}

/// A file to read from.
pub fn open(path: &Path) -> Result<File, HostError> {
    File::open(path).map_err(failed("read", path))
}

/// Writes what streams by to the end of a file, which `path` names in errors.
pub fn append(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    file.write_all(bytes).map_err(failed("write", path))
}

/// Puts `bytes` in the place of what the file holds, at once and for good. A file that is there
/// keeps its mode and owner, and a link stays a link; a new file gets mode 0600.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    write(&target, bytes, &target).map_err(failed("replace", &target))
}

/// A new file with the mode and owner of another one, there at once and for good.
pub fn create_like(path: &Path, bytes: &[u8], like: &Path) -> Result<(), HostError> {
    write(path, bytes, like).map_err(failed("write", path))
}

fn write(path: &Path, bytes: &[u8], like: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    if let Ok(like) = like.metadata() {
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(like.mode() & 0o7777))?;
        let ours = file.as_file().metadata()?;
        if (ours.uid(), ours.gid()) != (like.uid(), like.gid()) {
            std::os::unix::fs::fchown(file.as_file(), Some(like.uid()), Some(like.gid()))?;
        }
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Whether a file may be replaced, or written where there is none.
pub fn is_writable(path: &Path) -> bool {
    let may = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().unwrap_or(Path::new("/"));
    may(folder) && (!target.exists() || may(&target))
}

/// A new file with mode 0600; fails where there is one.
pub fn create_private(path: &Path) -> Result<File, HostError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("create", path))
}

/// A file to lock, made with mode 0600 where there is none; what it holds stays.
pub fn lock_file(path: &Path) -> Result<File, HostError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("open the lock", path))
}

/// Gives a finished file its name: both are on disk when this returns.
pub fn publish(partial: &Path, path: &Path) -> Result<(), HostError> {
    let rename = || -> std::io::Result<()> {
        File::open(partial)?.sync_all()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that syncs the folder"
        )]
        std::fs::rename(partial, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    rename().map_err(failed("put in place", path))
}

/// Removes a file if it is there.
pub fn remove(path: &Path) -> Result<(), HostError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Removes a file, or a folder with all that is in it, if it is there.
pub fn remove_all(path: &Path) -> Result<(), HostError> {
    match path.is_dir() && !path.is_symlink() {
        true => std::fs::remove_dir_all(path).map_err(failed("remove", path)),
        false => remove(path),
    }
}

/// The bytes of a file, or of those in a folder, as far as they can be seen just now.
pub fn size_so_far(path: &Path) -> u64 {
    let size = |path: &Path| path.metadata().map_or(0, |facts| facts.len());
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| size(&entry.path())).sum(),
        Err(_) => size(path),
    }
}

/// The size of everything below a folder; what cannot be seen counts nothing.
pub fn size_below(folder: &Path) -> u64 {
    let (mut folders, mut bytes) = (vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(facts) if facts.is_dir() => folders.push(entry.path()),
                Ok(facts) => bytes += facts.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// Whether a file begins with these bytes.
pub fn begins_with(path: &Path, bytes: &[u8]) -> Result<bool, HostError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes.len() as u64).read_to_end(&mut head))
        .map_err(failed("read", path))?;
    Ok(head == bytes)
}

/// The paths of what is in a folder, sorted; none where there is no folder.
pub fn list(path: &Path) -> Result<Vec<std::path::PathBuf>, HostError> {
    let read = || -> std::io::Result<Vec<std::path::PathBuf>> {
        std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    match read() {
        Ok(mut paths) => {
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed("list", path)(error)),
    }
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Tells file systems apart.
    pub device: u64,
    /// Bytes that we may still write.
    pub free: u64,
}

/// The room where `path` is, or would be made; none where that cannot be told.
pub fn room(path: &Path) -> Option<Room> {
    let there = path.ancestors().find(|path| path.exists())?;
    let device = there.metadata().ok()?.dev();
    let stats = rustix::fs::statvfs(there).ok()?;
    Some(Room {
        device,
        free: stats.f_bavail.saturating_mul(stats.f_frsize),
    })
}

/// SHA-256 of bytes, hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, hex, and its size in bytes.
pub fn sha256_of(path: &Path) -> Result<(String, u64), HostError> {
    let hash = || -> std::io::Result<(String, u64)> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        let mut size = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok((hex(&hasher.finalize()), size)),
                n => {
                    hasher.update(&buffer[..n]);
                    size += n as u64;
                }
            }
        }
    };
    hash().map_err(failed("read", path))
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_keeps_mode_and_link_and_a_new_one_is_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let link = folder.path().join("link");
        replace(&file, b"one").expect("made");
        let mode = || file.metadata().expect("there").mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("mode");
        std::os::unix::fs::symlink(&file, &link).expect("link");
        replace(&link, b"two").expect("replaced");
        assert_eq!(read(&file).expect("read"), b"two");
        assert_eq!(mode(), 0o644);
        assert!(link.is_symlink());
    }
}
