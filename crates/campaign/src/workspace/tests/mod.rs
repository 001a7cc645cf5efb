//! The whole way from files to a workspace and its findings.

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
mod schemas;
mod server;
mod triggers;
