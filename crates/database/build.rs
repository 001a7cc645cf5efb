//! A new migration file is a reason to compile again.
fn main() {
    #[allow(clippy::print_stdout, reason = "this is how a build script speaks")]
    {
        println!("cargo:rerun-if-changed=../../migrations");
    }
}
