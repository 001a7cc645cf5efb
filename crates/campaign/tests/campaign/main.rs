//! The whole way from files to a workspace and its findings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

/// Shows what is told after edits of a good workspace.
macro_rules! told {
    ($name:ident, |$folder:ident| $edits:expr) => {
        #[test]
        fn $name() {
            let $folder = Folder::new();
            $edits;
            insta::assert_snapshot!($folder.told());
        }
    };
}

mod audiences;
mod folder;
mod hash;
mod hostile;
mod malformed;
mod sample;
#[path = "../../src/workspace/chorus_file/sample_key.rs"]
mod sample_key;
mod schemas;
mod server;
mod triggers;
