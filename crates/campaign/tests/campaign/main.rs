//! Tests of loading: from files to a workspace and its findings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

/// Defines a test that snapshots the findings after edits of a valid workspace.
macro_rules! findings_snapshot {
    ($name:ident, |$folder:ident| $edits:expr) => {
        #[test]
        fn $name() {
            let $folder = Folder::new();
            $edits;
            insta::assert_snapshot!($folder.findings_text());
        }
    };
}

mod arbitrary_files;
mod audiences;
mod folder;
mod hash;
mod malformed;
mod purposes;
#[path = "../../src/workspace/chorus_file/sample_key.rs"]
mod sample_key;
mod schemas;
mod server;
mod triggers;
mod valid_files;
