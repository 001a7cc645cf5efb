//! Resolves the references of audiences to one another, and refuses cycles and audiences that grow
//! too large by them.

use std::collections::{BTreeMap, BTreeSet};

use source::{Located, SourceFile};

use crate::audience::{Audience, MAX_AUDIENCE_DEPTH, MAX_AUDIENCE_RULES, Rule};
use crate::workspace::definitions::{AUDIENCE, Registry, find_or_report, fix_hint, report_unknown};

/// One audience file, read without the others.
#[derive(Debug)]
pub(crate) struct AudienceDraft {
    pub(crate) source: SourceFile,
    /// `None` if the file itself has errors.
    pub(crate) audience: Option<Audience>,
    pub(crate) references: Vec<Located<String>>,
}

/// The size of an audience with all audiences it uses: the number of its rules, groups and
/// references, and their nesting depth.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    rules: usize,
    depth: usize,
}

impl Size {
    fn of(rule: &Rule, sizes: &BTreeMap<String, Self>) -> Self {
        let mut inner = Self::default();
        match rule {
            Rule::All(rules) | Rule::Any(rules) | Rule::None(rules) => {
                for rule in rules {
                    let one = Self::of(rule, sizes);
                    inner.rules = inner.rules.saturating_add(one.rules);
                    inner.depth = inner.depth.max(one.depth);
                }
            }
            Rule::Audience(id) => inner = sizes.get(id.as_str()).copied().unwrap_or_default(),
            Rule::Attribute { .. } | Rule::Event { .. } | Rule::Engagement { .. } => {}
        }
        Self { rules: inner.rules.saturating_add(1), depth: inner.depth.saturating_add(1) }
    }
}

/// Resolves all references. Audiences that cannot be used become `None`; `unreadable` are the names
/// of files that could not be opened.
pub(crate) fn resolve(
    drafts: &mut BTreeMap<String, AudienceDraft>,
    unreadable: BTreeSet<String>,
) -> Registry<Audience> {
    let mut registry: Registry<Audience> = unreadable.into_iter().map(|name| (name, None)).collect();
    let mut sizes: BTreeMap<String, Size> = BTreeMap::new();
    let mut waiting: BTreeSet<String> = drafts.keys().cloned().collect();
    // Audiences whose references are all resolved are resolved next; those left at the end are part
    // of a cycle or use one.
    loop {
        let is_ready = |name: &String| {
            drafts
                .get(name)
                .is_some_and(|draft| draft.references.iter().all(|other| !waiting.contains(&other.value)))
        };
        let ready: Vec<_> = waiting.iter().filter(|name| is_ready(name)).cloned().collect();
        if ready.is_empty() {
            break;
        }
        for name in ready {
            waiting.remove(&name);
            if let Some(draft) = drafts.get_mut(&name) {
                let audience = resolve_one(draft, &registry, &mut sizes, &name, &waiting);
                registry.insert(name, audience);
            }
        }
    }
    report_cycles(drafts, &waiting);
    registry.extend(waiting.into_iter().map(|name| (name, None)));
    registry
}

fn resolve_one(
    draft: &mut AudienceDraft,
    registry: &Registry<Audience>,
    sizes: &mut BTreeMap<String, Size>,
    name: &str,
    waiting: &BTreeSet<String>,
) -> Option<Audience> {
    for other in &draft.references {
        if registry.contains_key(&other.value) {
            find_or_report(&draft.source, &AUDIENCE, other, registry);
        } else {
            let names = registry.keys().chain(waiting).map(String::as_str);
            report_unknown(&draft.source, &AUDIENCE, other, names);
        }
    }
    let size = draft.audience.as_ref().map_or_else(Size::default, |audience| Size::of(&audience.rule, sizes));
    if size.rules > MAX_AUDIENCE_RULES || size.depth > MAX_AUDIENCE_DEPTH {
        let message = format!(
            "with the audiences it uses, `{name}` has {} conditions and groups, {} levels deep",
            size.rules, size.depth
        );
        let help = format!(
            "At most {MAX_AUDIENCE_RULES} and {MAX_AUDIENCE_DEPTH} levels are taken; use fewer audiences in one another."
        );
        draft.source.error(
            "audience-too-big",
            draft.references.first().map(|other| other.span.clone()),
            message,
            help,
        );
    }
    sizes.insert(name.to_owned(), size);
    draft.audience.take().filter(|_| !draft.source.has_errors())
}

/// Reports every audience in a cycle as one that uses itself, and every other that uses one of
/// these as using a broken audience.
fn report_cycles(drafts: &BTreeMap<String, AudienceDraft>, waiting: &BTreeSet<String>) {
    for name in waiting {
        let Some(draft) = drafts.get(name) else { continue };
        for other in draft.references.iter().filter(|other| waiting.contains(&other.value)) {
            let path = shortest_path(drafts, waiting, &other.value, name);
            let (code, message, help) = match path {
                Some(path) => (
                    "audience-circle",
                    format!("`{name}` uses itself: {name} → {}", path.join(" → ")),
                    "Say in one of them what you mean without the other.".to_owned(),
                ),
                None => (
                    "uses-broken",
                    format!("audience `{}` has errors", other.value),
                    fix_hint(&AUDIENCE, &other.value),
                ),
            };
            draft.source.error(code, other.span.clone(), message, help);
        }
    }
}

/// Returns the shortest path of references from `from` to `to`, both included, by breadth-first
/// search; `None` if there is none.
fn shortest_path(
    drafts: &BTreeMap<String, AudienceDraft>,
    among: &BTreeSet<String>,
    from: &str,
    to: &str,
) -> Option<Vec<String>> {
    let mut previous: BTreeMap<&str, Option<&str>> = BTreeMap::from([(from, None)]);
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut path: Vec<_> =
                std::iter::successors(Some(at), |at| previous.get(at).copied().flatten()).collect();
            path.reverse();
            return Some(path.into_iter().map(str::to_owned).collect());
        }
        for next in drafts.get(at).into_iter().flat_map(|draft| &draft.references) {
            if among.contains(&next.value) && !previous.contains_key(next.value.as_str()) {
                previous.insert(&next.value, Some(at));
                queue.push_back(&next.value);
            }
        }
    }
    None
}
