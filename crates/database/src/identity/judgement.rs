//! Compares a SQLite database with its marker.

use super::evidence::{Behind, CopyEvidence};
use super::progress::TABLES;
use crate::marker::{FileIdentity, Marker, Progress};

/// What is compared with the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The setting `installation`.
    pub(super) installation: Option<String>,
    /// Whether the database holds any run.
    pub(super) holds_runs: bool,
    /// The open file.
    pub(super) file: FileIdentity,
    /// How far the database has come.
    pub(super) progress: Progress,
}

/// The result of comparing a database with its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    Original,
    Unmarked,
    Copy(CopyEvidence),
}

/// Compares a database with its marker. `name` is the name of the database's file.
pub(super) fn judge(name: &str, marker: Option<&Marker>, found: &Snapshot) -> Judgement {
    let file = name.to_owned();
    let agrees = |marker: &Marker| {
        found.installation.as_ref() == Some(&marker.installation)
            && marker.file.is_same(&found.file)
            && behind(&marker.progress, &found.progress).is_none()
    };
    let runs = |marker: &Marker| marker.progress.get("runs").copied().unwrap_or(0);
    let evidence = match (&found.installation, marker) {
        (_, Some(marker)) if agrees(marker) => return Judgement::Original,
        (_, Some(marker)) if !found.holds_runs && runs(marker) > 0 => {
            CopyEvidence::Empty { file, runs: runs(marker) }
        }
        // Without runs there is nothing to repeat.
        _ if !found.holds_runs => return Judgement::Unmarked,
        // An older version made it.
        (None, None) => return Judgement::Unmarked,
        (Some(_), None) => CopyEvidence::Alone { file },
        (installation, Some(marker)) if installation.as_ref() != Some(&marker.installation) => {
            CopyEvidence::OtherMarker { file }
        }
        (_, Some(marker)) => {
            let behind = behind(&marker.progress, &found.progress);
            match behind {
                Some(behind) if marker.file.is_same(&found.file) => CopyEvidence::Older { file, behind },
                behind => CopyEvidence::OtherFile { file, behind },
            }
        }
    };
    Judgement::Copy(evidence)
}

/// The first high-water mark that the database has not reached: messages and runs before the others.
fn behind(marked: &Progress, found: &Progress) -> Option<Behind> {
    let reached = |what: &str| found.get(what).copied().unwrap_or(0);
    let first = ["sent", "runs"].into_iter().chain(TABLES);
    let lower = |what: &&str| marked.get(*what).is_some_and(|marked| reached(what) < *marked);
    let what = first.into_iter().find(lower)?;
    Some(Behind { what: what.to_owned(), marked: marked.get(what).copied()?, found: reached(what) })
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

    fn judged(marker: Option<&Marker>, found: &Snapshot) -> Judgement {
        judge("chorus.db", marker, found)
    }

    fn says(marker: Option<&Marker>, found: &Snapshot) -> String {
        match judged(marker, found) {
            Judgement::Copy(evidence) => evidence.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_file_that_the_marker_names_is_the_original_however_much_further_it_is() {
        let marker = marker();
        assert_eq!(judged(Some(&marker), &found(|_| {})), Judgement::Original);
        assert_eq!(
            judged(Some(&marker), &found(|found| found.progress = progress(5, 301))),
            Judgement::Original
        );
    }

    #[test]
    fn an_older_content_in_place_is_a_copy() {
        let said = says(Some(&marker()), &found(|found| found.progress = progress(2, 120)));
        assert!(said.contains("older copy") && said.contains("300 messages sent, now 120"), "{said}");
        let said = says(Some(&marker()), &found(|found| found.progress = progress(1, 300)));
        assert!(said.contains("2 runs, now 1"), "{said}");
        let said = says(Some(&marker()), &found(|found| found.progress.clear()));
        assert!(said.contains("now 0"), "{said}");
    }

    #[test]
    fn another_file_is_a_copy_even_when_it_is_not_behind() {
        let said = says(Some(&marker()), &found(|found| found.file.inode = 8));
        assert!(said.contains("not the file") && !said.contains("now"), "{said}");
        let said = says(Some(&marker()), &found(|found| found.file.device = 2));
        assert!(said.contains("not the file"), "{said}");
        let older = found(|found| (found.file.inode, found.progress) = (8, progress(2, 1)));
        let said = says(Some(&marker()), &older);
        assert!(said.contains("not the file") && said.contains("300 messages sent, now 1"), "{said}");
    }

    #[test]
    fn a_device_number_that_changed_over_a_boot_is_no_copy() {
        assert_eq!(
            judged(Some(&marker()), &found(|found| found.file = file("b2", 2, 7))),
            Judgement::Original
        );
        let other = found(|found| found.file = file("b2", 1, 8));
        assert!(matches!(judged(Some(&marker()), &other), Judgement::Copy(_)));
        let older = found(|found| (found.file, found.progress) = (file("b2", 2, 7), progress(2, 0)));
        assert!(matches!(judged(Some(&marker()), &older), Judgement::Copy(_)));
    }

    #[test]
    fn a_file_without_its_marker_was_copied_alone() {
        let said = says(None, &found(|_| {}));
        assert!(said.contains("without the rest of its folder") && said.contains("chorus.db-wal"), "{said}");
    }

    #[test]
    fn what_an_older_version_made_has_neither_and_is_marked() {
        assert_eq!(judged(None, &found(|found| found.installation = None)), Judgement::Unmarked);
        let said = says(Some(&marker()), &found(|found| found.installation = None));
        assert!(said.contains("belongs to another database"), "{said}");
    }

    #[test]
    fn the_marker_of_another_installation_is_evidence() {
        let said = says(Some(&marker()), &found(|found| found.installation = Some("z".to_owned())));
        assert!(said.contains("belongs to another database"), "{said}");
    }

    #[test]
    fn an_empty_database_in_the_place_of_one_with_runs_is_no_new_one() {
        let empty = found(|found| {
            found.holds_runs = false;
            found.progress.clear();
        });
        let said = says(Some(&marker()), &empty);
        assert!(said.contains("is empty") && said.contains("with 2 runs"), "{said}");
    }

    #[test]
    fn a_database_without_runs_is_never_a_copy_where_none_was_before() {
        let mut before = marker();
        (before.installation, before.progress) = ("before".to_owned(), Progress::new());
        for edit in [
            (|found| found.file.inode = 9) as fn(&mut Snapshot),
            |found| found.progress.clear(),
            |found| found.installation = None,
        ] {
            let found = found(|found| {
                found.holds_runs = false;
                edit(found);
            });
            assert_eq!(judged(Some(&before), &found), Judgement::Unmarked);
            assert_eq!(judged(None, &found), Judgement::Unmarked);
        }
    }

    #[test]
    fn marks_that_this_version_does_not_know_are_left_alone() {
        let mut newer = marker();
        newer.progress.insert("people".to_owned(), 9);
        assert_eq!(judged(Some(&newer), &found(|_| {})), Judgement::Original);
    }
}
