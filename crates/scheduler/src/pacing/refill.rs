//! What is fetched from the shared accounts, and given back.

use std::collections::BTreeMap;

use store::{Grant, Want};

use super::local_allowance::{LocalAllowance, SLACK};
use super::{Groups, REFILL_INTERVAL};

impl Groups {
    /// What to ask the shared accounts for, after a round; empty when it is not time.
    pub(crate) fn wants(&mut self) -> Vec<Want> {
        if self.waiting == 0 || (self.whole.is_none() && self.starved.is_empty()) {
            return Vec::new();
        }
        if self.now < self.asked_at + REFILL_INTERVAL {
            self.wake = self.wake.min(self.asked_at + REFILL_INTERVAL);
            return Vec::new();
        }
        // Those that will soon be short come along, so that all are asked for together.
        let mut wants = self.wanted(SLACK.0);
        if !wants.is_empty() {
            wants = self.wanted(SLACK.1);
            self.asked_at = self.now;
        }
        wants
    }

    fn wanted(&mut self, slack: i64) -> Vec<Want> {
        let mut wants = Vec::new();
        if let Some(allowance) = &mut self.whole {
            wants.extend(allowance.want("", self.waiting, self.now, slack, &self.day));
        }
        for place in &self.starved {
            let Some(group) = self.groups.get_mut(*place as usize) else { continue };
            let demand = group.demand(self.round);
            if let Some(allowance) = &mut group.allowance {
                wants.extend(allowance.want(&group.name, demand, self.now, slack, &self.day));
            }
        }
        wants
    }

    /// Takes in what the shared accounts granted.
    pub(crate) fn granted(&mut self, grants: &[Grant]) {
        for grant in grants {
            if grant.receiver.is_empty() {
                self.whole.iter_mut().for_each(|allowance| allowance.fill(grant, self.now));
                continue;
            }
            let mine = |place: &&u32| {
                self.groups.get(**place as usize).is_some_and(|group| *group.name == *grant.receiver)
            };
            let place = self.starved.iter().find(mine).copied();
            let group = place.and_then(|place| self.groups.get_mut(place as usize));
            if let Some(allowance) = group.and_then(|group| group.allowance.as_mut()) {
                allowance.fill(grant, self.now);
            }
        }
        self.wake = self.now;
    }

    /// What was granted of a day's cap and not used, by receiver, with the day.
    pub(crate) fn unused(&mut self) -> (BTreeMap<String, u32>, i64) {
        let whole = self.whole.as_mut().map_or(0, LocalAllowance::empty);
        let groups = self.groups.iter_mut();
        let groups = groups
            .map(|group| (group.name.to_string(), group.allowance.as_mut().map_or(0, LocalAllowance::empty)));
        let unused = groups.chain([(String::new(), whole)]).filter(|(_, count)| *count > 0).collect();
        (unused, self.day.number)
    }
}
