//! The file that defines what a path names.

use super::reading::{Crate, Module, Segments};

/// How many re-exports a name is followed through.
const DEEPEST: u8 = 32;

/// What a path leads to.
enum Target {
    Module(Segments),
    /// An item that this file defines.
    Item(usize),
}

impl Crate {
    /// The file that defines the item which `path` names in the module `at`; nothing for names of other crates, of local
    /// variables, and of modules.
    pub(super) fn defining_file(&self, at: &Segments, path: &[String]) -> Option<usize> {
        match self.resolve(at, path, DEEPEST)? {
            Target::Item(file) => Some(file),
            Target::Module(_) => None,
        }
    }

    fn resolve(&self, at: &Segments, path: &[String], depth: u8) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" if rest.is_empty() => None,
            "self" => self.descend(at.clone(), rest, depth),
            "super" => {
                let (_, parent) = at.split_last()?;
                let mut rest = rest;
                let mut parent = parent.to_vec();
                while let Some((again, others)) = rest.split_first().filter(|(first, _)| *first == "super") {
                    debug_assert_eq!(again, "super");
                    parent.pop()?;
                    rest = others;
                }
                self.descend(parent, rest, depth)
            }
            _ if self.has(at, first, depth) => self.descend(at.clone(), path, depth),
            _ => None,
        }
    }

    /// Follows the rest of a path, from the module that its start has led to.
    fn descend(&self, mut at: Segments, path: &[String], depth: u8) -> Option<Target> {
        let Some((first, rest)) = path.split_first() else { return Some(Target::Module(at)) };
        let module = self.modules.get(&at)?;
        // A module and a function may have one name.
        let is_module = module.children.contains(first);
        if is_module && !(rest.is_empty() && module.imports.contains_key(first)) {
            at.push(first.clone());
            return self.descend(at, rest, depth);
        }
        if module.items.contains(first) {
            return Some(Target::Item(module.file));
        }
        if let Some(import) = module.imports.get(first) {
            let whole: Segments = import.iter().chain(rest).cloned().collect();
            return self.resolve(&at, &whole, depth);
        }
        let through = self.globs(&at, module, depth).find(|other| self.has(other, first, depth));
        match through {
            Some(other) => self.descend(other, path, depth.checked_sub(1)?),
            None => Some(Target::Item(module.file)),
        }
    }

    /// True where the module defines, declares or imports the name.
    fn has(&self, at: &Segments, name: &str, depth: u8) -> bool {
        let Some(module) = self.modules.get(at) else { return false };
        let Some(depth) = depth.checked_sub(1) else { return false };
        module.children.contains(name)
            || module.items.contains(name)
            || module.imports.contains_key(name)
            || self.globs(at, module, depth).any(|other| self.has(&other, name, depth))
    }

    /// The modules of which a module imports everything.
    fn globs<'a>(
        &'a self,
        at: &'a Segments,
        module: &'a Module,
        depth: u8,
    ) -> impl Iterator<Item = Segments> + 'a {
        module.globs.iter().filter_map(move |glob| match self.resolve(at, glob, depth)? {
            Target::Module(other) if other != *at => Some(other),
            _ => None,
        })
    }
}
