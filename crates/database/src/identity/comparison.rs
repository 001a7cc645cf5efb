//! The comparison of a SQLite database with its marker.

use super::evidence::{CopyEvidence, Shortfall};
use super::high_water_marks::TABLES;
use crate::marker::{FileIdentity, Marker, TableMarks};

/// The state of a database that is compared with its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The value of the setting `installation`.
    pub(super) installation: Option<String>,
    /// True if the database has any run, or decided any occurrence.
    pub(super) holds_runs: bool,
    /// The identity of the open file.
    pub(super) file: FileIdentity,
    /// The high-water marks of the database.
    pub(super) progress: TableMarks,
}

/// The result of comparing a database with its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    Original,
    Unmarked,
    Copy(CopyEvidence),
}

/// Compares a database with its marker. `name` is the name of the database's file.
pub(super) fn compare_with_marker(name: &str, marker: Option<&Marker>, found: &Snapshot) -> Comparison {
    let file = name.to_owned();
    let agrees = |marker: &Marker| {
        found.installation.as_ref() == Some(&marker.installation)
            && marker.file.is_same(&found.file)
            && shortfall(&marker.progress, &found.progress).is_none()
    };
    let runs = |marker: &Marker| marker.progress.get("runs").copied().unwrap_or(0);
    let evidence = match (&found.installation, marker) {
        (_, Some(marker)) if agrees(marker) => return Comparison::Original,
        (_, Some(marker)) if !found.holds_runs && runs(marker) > 0 => {
            CopyEvidence::Empty { file, runs: runs(marker) }
        }
        // Without runs there is nothing to send twice.
        _ if !found.holds_runs => return Comparison::Unmarked,
        // An older version of Chorus made the database.
        (None, None) => return Comparison::Unmarked,
        (Some(_), None) => CopyEvidence::MissingMarker { file },
        (installation, Some(marker)) if installation.as_ref() != Some(&marker.installation) => {
            CopyEvidence::OtherMarker { file }
        }
        (_, Some(marker)) => {
            let shortfall = shortfall(&marker.progress, &found.progress);
            match shortfall {
                Some(shortfall) if marker.file.is_same(&found.file) => {
                    CopyEvidence::Older { file, shortfall }
                }
                shortfall => CopyEvidence::OtherFile { file, shortfall },
            }
        }
    };
    Comparison::Copy(evidence)
}

/// Returns the first high-water mark that the database has not reached; `sent` and `runs` come
/// before the others.
fn shortfall(marked: &TableMarks, found: &TableMarks) -> Option<Shortfall> {
    let reached = |name: &str| found.get(name).copied().unwrap_or(0);
    let names = ["sent", "runs"].into_iter().chain(TABLES);
    let is_lower = |name: &&str| marked.get(*name).is_some_and(|marked| reached(name) < *marked);
    let name = names.into_iter().find(is_lower)?;
    Some(Shortfall { name: name.to_owned(), marked: marked.get(name).copied()?, found: reached(name) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::sample::{file, marker, progress};

    fn found(edit: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let Marker { installation, file, progress } = marker();
        let mut found = Snapshot { installation: Some(installation), holds_runs: true, file, progress };
        edit(&mut found);
        found
    }

    fn compared(marker: Option<&Marker>, found: &Snapshot) -> Comparison {
        compare_with_marker("chorus.db", marker, found)
    }

    fn evidence_text(marker: Option<&Marker>, found: &Snapshot) -> String {
        match compared(marker, found) {
            Comparison::Copy(evidence) => evidence.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_file_that_the_marker_names_is_the_original_also_when_its_marks_are_higher() {
        let marker = marker();
        assert_eq!(compared(Some(&marker), &found(|_| {})), Comparison::Original);
        assert_eq!(
            compared(Some(&marker), &found(|found| found.progress = progress(5, 301))),
            Comparison::Original
        );
    }

    #[test]
    fn older_content_in_the_same_file_is_a_copy() {
        let message = evidence_text(Some(&marker()), &found(|found| found.progress = progress(2, 120)));
        assert!(
            message.contains("older copy") && message.contains("300 messages sent, now 120"),
            "{message}"
        );
        let message = evidence_text(Some(&marker()), &found(|found| found.progress = progress(1, 300)));
        assert!(message.contains("2 runs, now 1"), "{message}");
        let message = evidence_text(Some(&marker()), &found(|found| found.progress.clear()));
        assert!(message.contains("now 0"), "{message}");
    }

    #[test]
    fn another_file_is_a_copy_even_when_it_is_not_older() {
        let message = evidence_text(Some(&marker()), &found(|found| found.file.inode = 8));
        assert!(message.contains("not the file") && !message.contains("now"), "{message}");
        let message = evidence_text(Some(&marker()), &found(|found| found.file.device = 2));
        assert!(message.contains("not the file"), "{message}");
        let older = found(|found| (found.file.inode, found.progress) = (8, progress(2, 1)));
        let message = evidence_text(Some(&marker()), &older);
        assert!(
            message.contains("not the file") && message.contains("300 messages sent, now 1"),
            "{message}"
        );
    }

    #[test]
    fn a_device_number_that_changed_over_a_boot_is_no_copy() {
        assert_eq!(
            compared(Some(&marker()), &found(|found| found.file = file("b2", 2, 7))),
            Comparison::Original
        );
        let other = found(|found| found.file = file("b2", 1, 8));
        assert!(matches!(compared(Some(&marker()), &other), Comparison::Copy(_)));
        let older = found(|found| (found.file, found.progress) = (file("b2", 2, 7), progress(2, 0)));
        assert!(matches!(compared(Some(&marker()), &older), Comparison::Copy(_)));
    }

    #[test]
    fn a_file_without_its_marker_is_a_copy() {
        let message = evidence_text(None, &found(|_| {}));
        assert!(
            message.contains("without the rest of its folder") && message.contains("chorus.db-wal"),
            "{message}"
        );
    }

    #[test]
    fn a_database_of_an_older_version_has_no_identity_yet() {
        assert_eq!(compared(None, &found(|found| found.installation = None)), Comparison::Unmarked);
        let message = evidence_text(Some(&marker()), &found(|found| found.installation = None));
        assert!(message.contains("belongs to another database"), "{message}");
    }

    #[test]
    fn the_marker_of_another_installation_is_evidence() {
        let message =
            evidence_text(Some(&marker()), &found(|found| found.installation = Some("z".to_owned())));
        assert!(message.contains("belongs to another database"), "{message}");
    }

    #[test]
    fn an_empty_database_in_the_place_of_one_with_runs_is_a_copy() {
        let empty = found(|found| {
            found.holds_runs = false;
            found.progress.clear();
        });
        let message = evidence_text(Some(&marker()), &empty);
        assert!(message.contains("is empty") && message.contains("with 2 runs"), "{message}");
    }

    #[test]
    fn a_database_without_runs_is_no_copy_where_there_were_no_runs_before() {
        let mut before = marker();
        (before.installation, before.progress) = ("before".to_owned(), TableMarks::new());
        for edit in [
            (|found| found.file.inode = 9) as fn(&mut Snapshot),
            |found| found.progress.clear(),
            |found| found.installation = None,
        ] {
            let found = found(|found| {
                found.holds_runs = false;
                edit(found);
            });
            assert_eq!(compared(Some(&before), &found), Comparison::Unmarked);
            assert_eq!(compared(None, &found), Comparison::Unmarked);
        }
    }

    #[test]
    fn marks_that_this_version_does_not_know_are_ignored() {
        let mut newer = marker();
        newer.progress.insert("people".to_owned(), 9);
        assert_eq!(compared(Some(&newer), &found(|_| {})), Comparison::Original);
    }
}
