//! Resolution of paths: finds the file that defines the item a path names.

use super::parser::{Crate, Module, Segments};

/// The largest number of steps in the resolution of a path, which ends endless re-exports.
const MAX_DEPTH: u8 = 32;

/// The result of resolving a path.
enum Target {
    Module(Segments),
    /// An item, with the index of the file that defines it.
    Item(usize),
}

impl Crate {
    /// Returns the index of the file that defines the item that `path` names in the module `at`;
    /// `None` for names of other crates, of local variables, and of modules.
    pub(super) fn defining_file(&self, at: &Segments, path: &[String]) -> Option<usize> {
        match self.resolve(at, path, MAX_DEPTH)? {
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

    /// Resolves the rest of a path, from the module that its start names.
    fn descend(&self, mut at: Segments, path: &[String], depth: u8) -> Option<Target> {
        let Some((first, rest)) = path.split_first() else { return Some(Target::Module(at)) };
        let module = self.modules.get(&at)?;
        // A module and a function may have the same name.
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

    /// Returns true if the module defines, declares or imports the name.
    fn has(&self, at: &Segments, name: &str, depth: u8) -> bool {
        let Some(module) = self.modules.get(at) else { return false };
        let Some(depth) = depth.checked_sub(1) else { return false };
        module.children.contains(name)
            || module.items.contains(name)
            || module.imports.contains_key(name)
            || self.globs(at, module, depth).any(|other| self.has(&other, name, depth))
    }

    /// Returns the modules that a module imports with globs.
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
