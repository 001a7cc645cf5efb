//! What commands read from the command line and write for people and programs: values, files, text,
//! tables, progress bars, colours, errors, and the log.
//!
//! Its one job: one way for each, so that every command looks the same.
//!
//! Invariants:
//! - A colour never says what a word does not: without colours nothing is lost.
//! - Colours, and the escape sequences that make them, are written only where the user wants them.
//! - A broken pipe is no error.
//!
//! ```
//! use terminal::output::{counted, number};
//!
//! assert_eq!(number(1_200), "1,200");
//! assert_eq!(counted(1_u64, "error", "errors"), "1 error");
//! ```

pub mod arguments;
pub mod color;
pub mod disk;
pub mod help;
pub mod logging;
pub mod output;
pub mod progress;
pub mod time;
