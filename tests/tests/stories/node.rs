//! Calls of Node.js scripts that use the networks' own libraries.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use tests::Tools;

/// Runs a script in this folder, which gets the folders of packages as arguments and a JSON array
/// of questions on its standard input. Returns its answers, one for each question.
pub(crate) fn run_script(
    tools: &Tools,
    script: &str,
    packages: &[&PathBuf],
    questions: Vec<Value>,
) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(script);
    let count = questions.len();
    let mut command = Command::new(&tools.node);
    command.arg(script).args(packages).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(Value::from(questions).to_string().as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), count);
    answers
}
