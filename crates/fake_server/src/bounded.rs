//! Collections that drop their oldest items, so that a long run needs no more memory.

use std::collections::{HashMap, VecDeque};

/// A map that drops its oldest entries.
#[derive(Debug)]
pub struct BoundedMap<T> {
    entries: HashMap<String, T>,
    order: VecDeque<String>,
    capacity: usize,
}

impl<T> BoundedMap<T> {
    /// Returns an empty map of at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// Returns the entry of `key`.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.entries.get(key)
    }

    /// Returns the entry of `key`, mutable.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    /// Inserts an entry, in place of one of the same key.
    pub fn put(&mut self, key: impl Into<String>, value: T) {
        let key = key.into();
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.capacity {
            self.pop_oldest();
        }
    }

    /// Removes and returns the oldest entry.
    pub fn pop_oldest(&mut self) -> Option<T> {
        let key = self.order.pop_front()?;
        self.entries.remove(&key)
    }
}

/// The largest number of items in a list.
const MAX_ITEMS: usize = 1000;
/// The largest total size of a list's items, in bytes.
const MAX_BYTES: usize = 3 << 20;

/// The newest items, in order of arrival: at most 1,000, and at most 3 MiB.
#[derive(Debug)]
pub struct RecentList<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    weight: fn(&T) -> usize,
}

impl<T> RecentList<T> {
    /// Returns an empty list. `weight` estimates the bytes of an item.
    pub fn new(weight: fn(&T) -> usize) -> Self {
        Self { items: VecDeque::new(), bytes: 0, weight }
    }

    /// Appends an item and drops the oldest ones over the limits; the newest always stays.
    pub fn push(&mut self, item: T) {
        let weight = (self.weight)(&item);
        self.bytes += weight;
        self.items.push_back((weight, item));
        while self.items.len() > MAX_ITEMS || (self.bytes > MAX_BYTES && self.items.len() > 1) {
            let Some((weight, _)) = self.items.pop_front() else { break };
            self.bytes -= weight;
        }
    }

    /// Returns the items, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter().map(|(_, item)| item)
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns true if the list has no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the newest item, if any.
    pub fn last(&self) -> Option<&T> {
        self.items.back().map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stays_within_its_limits() {
        let mut list = RecentList::new(|item: &usize| *item);
        (0..MAX_ITEMS + 2).for_each(|_| list.push(1));
        assert_eq!((list.len(), list.bytes), (MAX_ITEMS, MAX_ITEMS));
        list.push(MAX_BYTES + 1);
        assert_eq!((list.len(), list.last()), (1, Some(&(MAX_BYTES + 1))));
    }

    #[test]
    fn the_oldest_entries_go_first() {
        let mut map = BoundedMap::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            map.put(key, value);
        }
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (None, Some(&2), Some(&4)));
    }
}
