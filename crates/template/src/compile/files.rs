//! The pictures and attachments of an e-mail, which are read and encoded once and stored with the
//! compiled step.

use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::{digest, escape};

use crate::compiled::File;

/// The files of a step, without duplicates.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    list: Vec<(PathBuf, File)>,
    total: usize,
}

/// An error of a picture or an attachment.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFile {
    #[error("`{0}` is not a path inside the workspace")]
    Outside(String),
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    #[error("`{0}` is larger than 10 MiB, or all files together than 15 MiB")]
    TooBig(String),
    #[error("mail programs do not show pictures like `{0}`")]
    NoPicture(String),
}

impl BadFile {
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Self::Outside(_) => "write it relative to the workspace, or as an address with https://",
            Self::Unreadable(..) => "check the name and the rights of the file",
            Self::TooBig(_) => "link to it instead",
            Self::NoPicture(_) => "use png, jpeg, gif or webp",
        }
    }
}

const MAX_FILE: usize = 10 << 20;
const MAX_TOTAL: usize = 15 << 20;

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), list: Vec::new(), total: 0 }
    }

    /// Adds the picture at `path`, and returns the content id by which the HTML refers to it.
    pub(super) fn picture(&mut self, path: &str) -> Result<String, BadFile> {
        let media = media(Path::new(path));
        if !media.starts_with("image/") || media == "image/svg+xml" {
            return Err(BadFile::NoPicture(path.to_owned()));
        }
        let id = format!("{}@chorus", &digest(path.as_bytes())[..24]);
        self.add(Path::new(path), media, Some(id.clone()))?;
        Ok(id)
    }

    /// Adds the attachment at `path`.
    pub(super) fn attach(&mut self, path: &Path) -> Result<(), BadFile> {
        self.add(path, media(path), None)
    }

    pub(super) fn into_list(self) -> Vec<File> {
        self.list.into_iter().map(|(_, file)| file).collect()
    }

    fn add(&mut self, path: &Path, media: &str, id: Option<String>) -> Result<(), BadFile> {
        if self.list.iter().any(|(known, file)| known == path && file.id == id) {
            return Ok(());
        }
        let bytes = self.read(path)?;
        self.total += bytes.len();
        if self.total > MAX_TOTAL {
            return Err(BadFile::TooBig(path.display().to_string()));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = escape::clean(&name, true).into_owned();
        self.list.push((path.to_owned(), File { name, media: media.to_owned(), id, body: wrapped(&bytes) }));
        Ok(())
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, BadFile> {
        let shown = || path.display().to_string();
        let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain || path.as_os_str().is_empty() {
            return Err(BadFile::Outside(shown()));
        }
        let unreadable = |error| BadFile::Unreadable(shown(), error);
        let root = self.root.canonicalize().map_err(unreadable)?;
        let whole = root.join(path).canonicalize().map_err(unreadable)?;
        if !whole.starts_with(&root) {
            return Err(BadFile::Outside(shown()));
        }
        let size = std::fs::metadata(&whole).map_err(unreadable)?;
        if !size.is_file() {
            return Err(BadFile::Unreadable(shown(), std::io::Error::other("it is not a file")));
        }
        if size.len() > MAX_FILE as u64 {
            return Err(BadFile::TooBig(shown()));
        }
        std::fs::read(&whole).map_err(unreadable)
    }
}

fn wrapped(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut out = String::with_capacity(encoded.len() + encoded.len() / 38 + 2);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(76));
        out.push_str(line);
        out.push_str("\r\n");
        rest = after;
    }
    out
}

fn media(path: &Path) -> &'static str {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "ics" => "text/calendar",
        "csv" => "text/csv",
        "txt" => "text/plain",
        "zip" => "application/zip",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_inside_the_workspace_are_read() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.png"), "x").unwrap();
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.png"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.png"), root.path().join("link.png")).unwrap();
        std::fs::create_dir(root.path().join("dir.png")).unwrap();
        let mut files = Files::new(root.path());
        let id = files.picture("a.png").unwrap();
        assert_eq!(files.picture("a.png").unwrap(), id);
        let absolute = outside.path().join("secret.png");
        for bad in
            ["../a.png", "link.png", "/etc/x.png", "", "none.png", "dir.png", &absolute.display().to_string()]
        {
            assert!(files.picture(bad).is_err(), "{bad}");
        }
        assert!(files.picture("a.svg").is_err());
        assert_eq!(files.into_list().len(), 1);
    }

    #[test]
    fn base64_is_wrapped_at_76_characters() {
        let lines = wrapped(&[7; 200]);
        assert!(lines.ends_with("\r\n") && lines.lines().all(|line| line.len() <= 76));
        assert_eq!(STANDARD.decode(lines.replace("\r\n", "")).unwrap(), [7; 200]);
    }
}
