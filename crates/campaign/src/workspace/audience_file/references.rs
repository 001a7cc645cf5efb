//! All audiences together: references to one another, without circles and without explosions.

use std::collections::{BTreeMap, BTreeSet};

use source::{Located, SourceFile};

use crate::audience::{Audience, DEEPEST, MOST_RULES, Rule};
use crate::workspace::definitions::{AUDIENCE, Shelf, find, mend, unknown};

/// One file, read by itself.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) source: SourceFile,
    /// `None` if it has errors of its own.
    pub(crate) audience: Option<Audience>,
    pub(crate) mentions: Vec<Located<String>>,
}

/// The size of an audience with all that it uses: its rules, groups and names included, and the levels of them.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    rules: usize,
    depth: usize,
}

impl Size {
    fn of(rule: &Rule, known: &BTreeMap<String, Self>) -> Self {
        let mut inner = Self::default();
        match rule {
            Rule::All(rules) | Rule::Any(rules) | Rule::None(rules) => {
                for rule in rules {
                    let one = Self::of(rule, known);
                    inner.rules = inner.rules.saturating_add(one.rules);
                    inner.depth = inner.depth.max(one.depth);
                }
            }
            Rule::Audience(id) => inner = known.get(id.as_str()).copied().unwrap_or_default(),
            Rule::Attribute { .. } | Rule::Event { .. } | Rule::Engagement { .. } => {}
        }
        Self { rules: inner.rules.saturating_add(1), depth: inner.depth.saturating_add(1) }
    }
}

/// Checks what audiences say of one another; those that cannot be used are left as `None`.
/// `unreadable` are files that are there, but could not even be opened.
pub(crate) fn settle(drafts: &mut BTreeMap<String, Draft>, unreadable: BTreeSet<String>) -> Shelf<Audience> {
    let mut shelf: Shelf<Audience> = unreadable.into_iter().map(|name| (name, None)).collect();
    let mut sizes: BTreeMap<String, Size> = BTreeMap::new();
    let mut waiting: BTreeSet<String> = drafts.keys().cloned().collect();
    // Whoever uses only what is settled is settled next; who is left in the end stands in or before a circle.
    loop {
        let is_ready = |name: &String| {
            drafts
                .get(name)
                .is_some_and(|draft| draft.mentions.iter().all(|other| !waiting.contains(&other.value)))
        };
        let ready: Vec<_> = waiting.iter().filter(|name| is_ready(name)).cloned().collect();
        if ready.is_empty() {
            break;
        }
        for name in ready {
            waiting.remove(&name);
            if let Some(draft) = drafts.get_mut(&name) {
                let audience = settle_one(draft, &shelf, &mut sizes, &name, &waiting);
                shelf.insert(name, audience);
            }
        }
    }
    tell_circles(drafts, &waiting);
    shelf.extend(waiting.into_iter().map(|name| (name, None)));
    shelf
}

fn settle_one(
    draft: &mut Draft,
    shelf: &Shelf<Audience>,
    sizes: &mut BTreeMap<String, Size>,
    name: &str,
    waiting: &BTreeSet<String>,
) -> Option<Audience> {
    for other in &draft.mentions {
        if shelf.contains_key(&other.value) {
            find(&draft.source, &AUDIENCE, other, shelf);
        } else {
            unknown(&draft.source, &AUDIENCE, other, shelf.keys().chain(waiting).map(String::as_str));
        }
    }
    let size = draft.audience.as_ref().map_or_else(Size::default, |audience| Size::of(&audience.rule, sizes));
    if size.rules > MOST_RULES || size.depth > DEEPEST {
        let message = format!(
            "with the audiences it uses, `{name}` has {} conditions and groups, {} levels deep",
            size.rules, size.depth
        );
        let help = format!(
            "At most {MOST_RULES} and {DEEPEST} levels are taken; use fewer audiences in one another."
        );
        draft.source.error(
            "audience-too-big",
            draft.mentions.first().map(|other| other.span.clone()),
            message,
            help,
        );
    }
    sizes.insert(name.to_owned(), size);
    draft.audience.take().filter(|_| !draft.source.has_errors())
}

/// Tells everyone that stands in a circle; who only uses one of those uses something broken.
fn tell_circles(drafts: &BTreeMap<String, Draft>, waiting: &BTreeSet<String>) {
    for name in waiting {
        let Some(draft) = drafts.get(name) else { continue };
        for other in draft.mentions.iter().filter(|other| waiting.contains(&other.value)) {
            let path = path(drafts, waiting, &other.value, name);
            let (code, message, help) = match path {
                Some(path) => (
                    "audience-circle",
                    format!("`{name}` uses itself: {name} → {}", path.join(" → ")),
                    "Say in one of them what you mean without the other.".to_owned(),
                ),
                None => (
                    "uses-broken",
                    format!("audience `{}` has errors of its own", other.value),
                    mend(&AUDIENCE, &other.value),
                ),
            };
            draft.source.error(code, other.span.clone(), message, help);
        }
    }
}

/// The way over mentions from `from` to `to`, both named, by breadth; `None` if there is none.
fn path(
    drafts: &BTreeMap<String, Draft>,
    among: &BTreeSet<String>,
    from: &str,
    to: &str,
) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(from, None)]);
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut way: Vec<_> =
                std::iter::successors(Some(at), |at| came_from.get(at).copied().flatten()).collect();
            way.reverse();
            return Some(way.into_iter().map(str::to_owned).collect());
        }
        for next in drafts.get(at).into_iter().flat_map(|draft| &draft.mentions) {
            if among.contains(&next.value) && !came_from.contains_key(next.value.as_str()) {
                came_from.insert(&next.value, Some(at));
                queue.push_back(&next.value);
            }
        }
    }
    None
}
