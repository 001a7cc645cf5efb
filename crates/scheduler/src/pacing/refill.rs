//! The refill of local allowances from the shared allowances in the database, and the return of
//! unused grants.

use std::collections::BTreeMap;

use store::{AllowanceGrant, AllowanceRequest};

use super::ChannelRateLimiter;
use super::local_allowance::{JOINT_SLACK, LocalAllowance, SLACK};

/// The shortest time between two requests to the shared allowances, in microseconds.
const REFILL_INTERVAL: i64 = 40_000;

impl ChannelRateLimiter {
    /// Returns the requests to the shared allowances after a round; empty when it is not time.
    pub(crate) fn refill_requests(&mut self) -> Vec<AllowanceRequest> {
        if self.waiting == 0 || (self.channel_allowance.is_none() && self.starved.is_empty()) {
            return Vec::new();
        }
        if self.now < self.requested_at + REFILL_INTERVAL {
            self.next_wake = self.next_wake.min(self.requested_at + REFILL_INTERVAL);
            return Vec::new();
        }
        // Allowances that will soon be short are included, so that all are requested together.
        let mut requests = self.collect_requests(SLACK);
        if !requests.is_empty() {
            requests = self.collect_requests(JOINT_SLACK);
            self.requested_at = self.now;
        }
        requests
    }

    /// Returns a request for each allowance that lasts for less than `slack` microseconds.
    fn collect_requests(&mut self, slack: i64) -> Vec<AllowanceRequest> {
        let mut requests = Vec::new();
        if let Some(allowance) = &mut self.channel_allowance {
            requests.extend(allowance.request("", self.waiting, self.now, slack, &self.day));
        }
        for index in &self.starved {
            let Some(limiter) = self.limiters.get_mut(*index as usize) else { continue };
            let demand = limiter.demand(self.round);
            if let Some(allowance) = &mut limiter.allowance {
                requests.extend(allowance.request(&limiter.name, demand, self.now, slack, &self.day));
            }
        }
        requests
    }

    /// Takes in the grants of the shared allowances.
    pub(crate) fn apply_grants(&mut self, grants: &[AllowanceGrant]) {
        for grant in grants {
            if grant.receiver.is_empty() {
                self.channel_allowance.iter_mut().for_each(|allowance| allowance.add_grant(grant, self.now));
                continue;
            }
            let is_granted = |index: &&u32| {
                self.limiters.get(**index as usize).is_some_and(|limiter| *limiter.name == *grant.receiver)
            };
            let index = self.starved.iter().find(is_granted).copied();
            let limiter = index.and_then(|index| self.limiters.get_mut(index as usize));
            if let Some(allowance) = limiter.and_then(|limiter| limiter.allowance.as_mut()) {
                allowance.add_grant(grant, self.now);
            }
        }
        self.next_wake = self.now;
    }

    /// Takes the unused grants of daily caps, to give them back: their number by receiver (empty
    /// for the channel), and the number of the day.
    pub(crate) fn take_unused(&mut self) -> (BTreeMap<String, u32>, i64) {
        let take = |allowance: Option<&mut LocalAllowance>| allowance.map_or(0, LocalAllowance::take_unused);
        let of_channel = take(self.channel_allowance.as_mut());
        let limiters = self.limiters.iter_mut();
        let of_receivers =
            limiters.map(|limiter| (limiter.name.to_string(), take(limiter.allowance.as_mut())));
        let unused = of_receivers.chain([(String::new(), of_channel)]).filter(|(_, count)| *count > 0);
        (unused.collect(), self.day.number)
    }
}
