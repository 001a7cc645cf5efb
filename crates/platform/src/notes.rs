//! What a network remembers between requests, never more than it may.

use std::collections::{HashMap, VecDeque};

/// A map that forgets its oldest entries.
#[derive(Debug)]
pub(crate) struct Notes<T> {
    entries: HashMap<String, T>,
    order: VecDeque<String>,
    most: usize,
}

impl<T> Notes<T> {
    /// Remembers `most` entries.
    pub(crate) fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), most }
    }

    /// The entry of this key.
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.entries.get(key)
    }

    /// The entry of this key, to be changed.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    /// Remembers an entry, in place of the one that was there.
    pub(crate) fn put(&mut self, key: impl Into<String>, value: T) {
        let key = key.into();
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    /// Forgets the oldest entry and gives it back.
    pub(crate) fn forget_oldest(&mut self) -> Option<T> {
        let key = self.order.pop_front()?;
        self.entries.remove(&key)
    }
}

/// How many things stand on a shelf, and how many bytes.
const THINGS: usize = 1000;
const BYTES: usize = 3 << 20;

/// The newest things, in the order they came.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    things: VecDeque<(usize, T)>,
    bytes: usize,
    weight: fn(&T) -> usize,
}

impl<T> Shelf<T> {
    /// An empty one. `weight` says about how many bytes a thing has.
    pub(crate) fn new(weight: fn(&T) -> usize) -> Self {
        Self { things: VecDeque::new(), bytes: 0, weight }
    }

    /// Puts a thing there; the oldest make room, the newest stays.
    pub(crate) fn push(&mut self, thing: T) {
        let weight = (self.weight)(&thing);
        self.bytes += weight;
        self.things.push_back((weight, thing));
        while self.things.len() > THINGS || (self.bytes > BYTES && self.things.len() > 1) {
            let Some((weight, _)) = self.things.pop_front() else { break };
            self.bytes -= weight;
        }
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.things.iter().map(|(_, thing)| thing)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.things.len()
    }

    /// The newest.
    pub(crate) fn last(&self) -> Option<&T> {
        self.things.back().map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_is_never_too_full() {
        let mut shelf = Shelf::new(|thing: &usize| *thing);
        (0..THINGS + 2).for_each(|_| shelf.push(1));
        assert_eq!((shelf.len(), shelf.bytes), (THINGS, THINGS));
        shelf.push(BYTES + 1);
        assert_eq!((shelf.len(), shelf.last()), (1, Some(&(BYTES + 1))));
    }

    #[test]
    fn the_oldest_entries_go_first() {
        let mut notes = Notes::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            notes.put(key, value);
        }
        assert_eq!((notes.get("a"), notes.get("b"), notes.get("c")), (None, Some(&2), Some(&4)));
    }
}
