//! The state of the evaluation of one template.

use std::rc::Rc;

use super::frame::Frame;
use super::output::OutputBuffer;
use crate::compile::finding::Findings;
use crate::compile::placeholder::Placeholders;
use crate::compile::scope::Scope;
use crate::compile::syntax::Parsed;

/// A source of partials.
pub(in crate::compile) trait Partials {
    /// Returns the parsed partial called `name`.
    fn partial(&self, name: &str, findings: &mut Findings) -> Option<Rc<Parsed>>;
    /// Returns all names, for suggestions.
    fn names(&self) -> Vec<&str>;
}

/// The early end of an evaluation, after its finding has been reported.
#[derive(Debug)]
pub(super) struct Stop;

/// The evaluation of one template: its position, scopes and output.
pub(super) struct Evaluation<'a> {
    pub(super) scope: &'a Scope,
    pub(super) partials: &'a dyn Partials,
    pub(super) placeholders: &'a mut Placeholders,
    pub(super) findings: &'a mut Findings,
    pub(super) frames: Vec<Frame>,
    /// The names of the partials that are being evaluated, the outermost first.
    pub(super) including: Vec<String>,
    /// The text of `@partial-block` for each of these partials.
    pub(super) blocks: Vec<Option<String>>,
    /// The partials that templates define inline.
    pub(super) inline: Vec<(String, Rc<Parsed>)>,
    /// The template that is being evaluated.
    pub(super) parsed: Rc<Parsed>,
    /// The line and column of the current element, from 1.
    pub(super) at: (usize, usize),
    pub(super) steps: usize,
    /// The bytes in buffers for blocks and indented partials.
    pub(super) aside_bytes: usize,
    /// The number of enclosing loops over dynamic lists.
    pub(super) dynamic_loops: usize,
    /// Above 0, the template is only checked, and nothing is written.
    pub(super) unused_depth: usize,
    pub(super) output: OutputBuffer,
}
