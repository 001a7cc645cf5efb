//! Which files of a crate use which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::Crate;

/// Arrows between the files of a crate.
pub(super) struct Graph<'a> {
    files: &'a [String],
    /// For each file the files it uses, each with a path that names something there.
    arrows: Vec<BTreeMap<usize, String>>,
}

impl<'a> Graph<'a> {
    /// The arrows of a crate.
    pub(super) fn of(read: &'a Crate) -> Self {
        let mut arrows: Vec<BTreeMap<usize, String>> = vec![BTreeMap::new(); read.files.len()];
        for (path, module) in &read.modules {
            for mention in &module.mentions {
                if let Some(target) = read.defining_file(path, mention)
                    && target != module.file
                {
                    let shown = arrows[module.file].entry(target).or_default();
                    let mention = mention.join("::");
                    if mention.len() > shown.len() {
                        *shown = mention;
                    }
                }
            }
        }
        Self { files: &read.files, arrows }
    }

    /// Each circle: its files, and the arrows between them.
    pub(super) fn circles(&self) -> Vec<String> {
        let reach: Vec<BTreeSet<usize>> = (0..self.files.len()).map(|file| self.reached_from(file)).collect();
        let mut circles = BTreeSet::new();
        for file in 0..self.files.len() {
            let circle: BTreeSet<usize> =
                reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.iter().map(|circle| self.described(circle)).collect()
    }

    fn reached_from(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            open.extend(self.arrows[next].keys().copied().filter(|other| reached.insert(*other)));
        }
        reached
    }

    fn described(&self, circle: &BTreeSet<usize>) -> String {
        let mut names: Vec<&str> = circle.iter().map(|file| self.files[*file].as_str()).collect();
        names.sort_unstable();
        let mut arrows: Vec<String> = circle
            .iter()
            .flat_map(|file| self.arrows[*file].iter().map(move |arrow| (file, arrow)))
            .filter(|(_, (target, _))| circle.contains(target))
            .map(|(file, (_, path))| format!("{} uses {path}", self.files[*file]))
            .collect();
        arrows.sort_unstable();
        format!("{}: {}", names.join(", "), arrows.join(", "))
    }
}
