//! The rule against cycles of modules: the files of a crate may not use each other in a cycle.

mod graph;
mod parser;
mod resolve;

use std::collections::BTreeMap;
use std::fs;

use self::graph::Graph;
use self::parser::Crate;
use super::{assert_none, entries, root};

/// Returns the name of every crate and the path of its root file in the repository.
fn crates() -> Vec<(String, String)> {
    let named = entries("crates", false).into_iter().map(|name| (format!("crates/{name}/src"), name));
    let others = ["tests", "xtask"].map(|name| (format!("{name}/src"), name.to_owned()));
    let mut roots = Vec::new();
    for (folder, name) in named.chain(others) {
        let files = entries(&folder, true);
        let roots_here =
            ["lib.rs", "main.rs"].into_iter().filter(|root| files.iter().any(|file| file == root));
        roots.extend(roots_here.map(|root| (name.clone(), format!("{folder}/{root}"))));
    }
    roots
}

fn file(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// Parses every crate of the workspace.
fn read_all() -> Vec<(String, Crate)> {
    let all: Vec<_> = crates().into_iter().map(|(name, root)| (name, Crate::read(&root, &file))).collect();
    let files: usize = all.iter().map(|(_, read)| read.files.len()).sum();
    assert!(files > 300, "only {files} files were read");
    all
}

#[test]
fn no_modules_depend_on_each_other_in_a_cycle() {
    let all = read_all();
    let cycles = all.iter().flat_map(|(_, read)| Graph::of(read).cycles());
    assert_none("modules that depend on each other", &cycles.collect::<Vec<_>>());
}

/// Returns the cycles of a crate that is given as the names and texts of its files.
fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    Graph::of(&Crate::read("lib.rs", &|path| files.get(path).map(|text| (*text).to_owned()))).cycles()
}

#[test]
fn a_cycle_of_files_is_found_with_its_uses() {
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; pub use self::a::A;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; impl B { fn a() -> Option<super::A> { None } }"),
    ]);
    assert_eq!(found, ["a.rs, b.rs: a.rs uses crate::b::B, b.rs uses super::A"]);
}

#[test]
fn a_parent_that_uses_its_child_and_is_used_by_it_is_a_cycle() {
    let parent = "mod child; pub struct Parent; fn at() { child::look() }";
    let child = "use super::Parent; pub(super) fn look() -> Option<Parent> { None }";
    let found = cycles(&[("lib.rs", "mod parent;"), ("parent/mod.rs", parent), ("parent/child.rs", child)]);
    assert_eq!(
        found,
        [
            "parent/child.rs, parent/mod.rs: parent/child.rs uses super::Parent, parent/mod.rs uses child::look"
        ]
    );
}

#[test]
fn a_parent_that_only_declares_or_re_exports_its_child_does_not_use_it() {
    let child = "use super::Parent; pub struct Child(Parent);";
    for parent in
        ["mod child; pub struct Parent;", "mod child; pub use self::child::Child; pub struct Parent;"]
    {
        assert!(cycles(&[("lib.rs", parent), ("child.rs", child)]).is_empty(), "{parent}");
    }
    let uses = "mod child; pub use child::Child; pub struct Parent; pub struct Two(Child);";
    assert_eq!(
        cycles(&[("lib.rs", uses), ("child.rs", child)]).len(),
        1,
        "a name it exports, used by itself"
    );
}

#[test]
fn names_are_followed_through_re_exports_aliases_and_globs() {
    let c = ("c.rs", "pub struct C; fn back() -> crate::a::A { crate::a::A }");
    for lib in ["pub use c::C as D;", "use self::b::*;"] {
        let lib = format!("mod a; mod b; mod c; {lib}");
        let b = "pub use crate::c::C as D;";
        let a = "use crate::D; pub struct A; fn d(d: D) {}";
        let found = cycles(&[("lib.rs", &lib), ("a.rs", a), ("b.rs", b), c]);
        assert_eq!(found, ["a.rs, c.rs: a.rs uses crate::D, c.rs uses crate::a::A"]);
    }
}

#[test]
fn tests_comments_strings_and_other_crates_make_no_cycle() {
    let a = "//! See [`crate::b`].\nuse std::b::B;\npub struct A;\n// crate::b::B\nconst T: &str = \"crate::b::B\";
        #[cfg(test)]\nmod tests { use crate::b::B; }\n#[cfg(test)]\nuse crate::b::B;\npub(in crate::b) struct Z;";
    assert!(
        cycles(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", "use crate::a::A; pub struct B(A);")])
            .is_empty()
    );
}

#[test]
fn a_path_inside_a_macro_is_a_use() {
    let a = "pub struct A; fn page() { html! { p { (crate::b::text()) } } }";
    let b = "use crate::a::A; pub fn text() -> A { A }";
    assert_eq!(cycles(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)]).len(), 1);
}
