//! Makes Cargo compile the crate again when a migration file is added or changed.
fn main() {
    #[allow(clippy::print_stdout, reason = "this is how a build script speaks")]
    {
        println!("cargo:rerun-if-changed=../../migrations");
    }
}
