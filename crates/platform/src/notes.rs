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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_go_first() {
        let mut notes = Notes::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            notes.put(key, value);
        }
        assert_eq!((notes.get("a"), notes.get("b"), notes.get("c")), (None, Some(&2), Some(&4)));
    }
}
