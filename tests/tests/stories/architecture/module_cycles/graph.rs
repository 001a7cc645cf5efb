//! The graph of uses between the files of a crate, and its cycles.

use std::collections::{BTreeMap, BTreeSet};

use super::parser::Crate;

/// A directed graph of the files of a crate; an edge means that a file uses an item of another.
pub(super) struct Graph<'a> {
    files: &'a [String],
    /// For each file the files it uses, each with an example of a path that names an item there.
    edges: Vec<BTreeMap<usize, String>>,
}

impl<'a> Graph<'a> {
    /// Builds the graph of a crate.
    pub(super) fn of(read: &'a Crate) -> Self {
        let mut edges: Vec<BTreeMap<usize, String>> = vec![BTreeMap::new(); read.files.len()];
        for (path, module) in &read.modules {
            for mention in &module.mentions {
                if let Some(target) = read.defining_file(path, mention)
                    && target != module.file
                {
                    let shown = edges[module.file].entry(target).or_default();
                    let mention = mention.join("::");
                    if mention.len() > shown.len() {
                        *shown = mention;
                    }
                }
            }
        }
        Self { files: &read.files, edges }
    }

    /// Describes each cycle by its files and the uses between them.
    pub(super) fn cycles(&self) -> Vec<String> {
        let reach: Vec<BTreeSet<usize>> = (0..self.files.len()).map(|file| self.reached_from(file)).collect();
        let mut cycles = BTreeSet::new();
        for file in 0..self.files.len() {
            let cycle: BTreeSet<usize> =
                reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
            if !cycle.is_empty() {
                cycles.insert(cycle);
            }
        }
        cycles.iter().map(|cycle| self.described(cycle)).collect()
    }

    fn reached_from(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            open.extend(self.edges[next].keys().copied().filter(|other| reached.insert(*other)));
        }
        reached
    }

    fn described(&self, cycle: &BTreeSet<usize>) -> String {
        let mut names: Vec<&str> = cycle.iter().map(|file| self.files[*file].as_str()).collect();
        names.sort_unstable();
        let mut edges: Vec<String> = cycle
            .iter()
            .flat_map(|file| self.edges[*file].iter().map(move |edge| (file, edge)))
            .filter(|(_, (target, _))| cycle.contains(target))
            .map(|(file, (_, path))| format!("{} uses {path}", self.files[*file]))
            .collect();
        edges.sort_unstable();
        format!("{}: {}", names.join(", "), edges.join(", "))
    }
}
