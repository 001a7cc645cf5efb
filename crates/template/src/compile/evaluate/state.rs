//! The state of the walk over one template.

use std::rc::Rc;

use super::frame::Frame;
use super::page::Page;
use crate::compile::finding::Findings;
use crate::compile::hole::Holes;
use crate::compile::scope::Scope;
use crate::compile::syntax::Parsed;

/// Finds a partial by its name.
pub(in crate::compile) trait Partials {
    /// The partial called `name`.
    fn partial(&self, name: &str, findings: &mut Findings) -> Option<Rc<Parsed>>;
    /// All names, to suggest from.
    fn names(&self) -> Vec<&str>;
}

/// The end of a walk before the template's end. The finding has been made.
#[derive(Debug)]
pub(super) struct Stop;

/// The place of the walk, and its output so far.
pub(super) struct Evaluation<'a> {
    pub(super) scope: &'a Scope,
    pub(super) partials: &'a dyn Partials,
    pub(super) holes: &'a mut Holes,
    pub(super) findings: &'a mut Findings,
    pub(super) frames: Vec<Frame>,
    /// Names of the partials we are in.
    pub(super) including: Vec<String>,
    /// What the partials we are in were given as `@partial-block`.
    pub(super) blocks: Vec<Option<String>>,
    /// Partials defined in templates.
    pub(super) inline: Vec<(String, Rc<Parsed>)>,
    /// The template we are in.
    pub(super) parsed: Rc<Parsed>,
    /// Line and column of the element we are at.
    pub(super) at: (usize, usize),
    pub(super) steps: usize,
    /// Bytes on pages that were put aside.
    pub(super) written: usize,
    /// Repetitions we are in whose list is the contact's.
    pub(super) loops: usize,
    /// Above 0, nothing is written: the template is only being checked.
    pub(super) unused: usize,
    pub(super) page: Page,
}
