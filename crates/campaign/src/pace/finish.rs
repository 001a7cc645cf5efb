//! When so many messages would be out, by everything that bounds them.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Daily;
use crate::workspace::Channel;

/// What is still to be sent by a channel.
#[derive(Debug, Clone)]
pub struct Load<'a> {
    /// The channel.
    pub channel: &'a Channel,
    /// How many messages go to each domain (lower case); all under one key where no receiver is limited.
    pub domains: &'a [(String, u64)],
    /// How many each receiver got today already; the channel as a whole stands under the empty name.
    pub used: &'a BTreeMap<String, u64>,
    /// How many messages a second went out lately, where that is known.
    pub speed: Option<f64>,
}

/// Nobody waits longer than that for a campaign.
const LONGEST_DAYS: u32 = 3_660;

impl Load<'_> {
    /// When the last message would be out if the first goes at `from`, days being those of `zone`. `None` when
    /// nothing is known that bounds it, or when it would take ten years.
    #[must_use]
    pub fn finish(&self, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let total = self.domains.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let rate = self.channel.rate.map(super::Rate::per_second);
        let speed = self.speed.filter(|speed| *speed > 0.0);
        let rate = match (rate, speed) {
            (Some(rate), Some(speed)) => Some(rate.min(speed)),
            (one, other) => one.or(other),
        };
        let whole = Bound { rate, daily: &self.channel.daily, used: self.used_by("") };
        let mut latest = None;
        for (bound, count) in self.receivers().into_iter().chain([(whole, total)]) {
            if bound.rate.is_some() || !bound.daily.is_open() {
                latest = latest.max(Some(bound.finish(count, from, zone)?));
            }
        }
        latest
    }

    /// The limited receivers with what goes to them.
    fn receivers(&self) -> Vec<(Bound<'_>, u64)> {
        let receivers = &self.channel.receivers;
        if receivers.is_empty() {
            return Vec::new();
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (domain, count) in self.domains {
            let sum = counts.entry(receivers.name_of(domain, None)).or_default();
            *sum = sum.saturating_add(*count);
        }
        let bound = |(name, count): (&str, u64)| {
            let limits = receivers.limits(name)?;
            let rate = limits.rate.map(super::Rate::per_second);
            Some((Bound { rate, daily: &limits.daily, used: self.used_by(name) }, count))
        };
        counts.into_iter().filter_map(bound).collect()
    }

    fn used_by(&self, receiver: &str) -> u64 {
        self.used.get(receiver).copied().unwrap_or(0)
    }
}

/// How fast in a second and how much in a day; `used` is what went out today.
struct Bound<'a> {
    rate: Option<f64>,
    daily: &'a Daily,
    used: u64,
}

impl Bound<'_> {
    fn finish(&self, count: u64, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.daily.is_open() {
            return self.after(from, count);
        }
        let (mut at, mut left, mut used) = (from, count, self.used);
        for _ in 0..LONGEST_DAYS {
            let day = at.to_zoned(zone.clone()).date();
            let next = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
            let room = self.daily.on(day).map_or(u64::MAX, |cap| cap.saturating_sub(used));
            let room = room.min(self.within(next.duration_since(at)));
            if left <= room {
                return self.after(at, left);
            }
            left = left.saturating_sub(room);
            (at, used) = (next, 0);
        }
        None
    }

    /// How many go out in `span`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    fn within(&self, span: SignedDuration) -> u64 {
        self.rate.map_or(u64::MAX, |rate| (rate * span.as_secs_f64()) as u64)
    }

    /// When `count` messages from `at` on are out.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn after(&self, at: Timestamp, count: u64) -> Option<Timestamp> {
        let seconds = self.rate.map_or(0.0, |rate| count as f64 / rate);
        at.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChannelId;
    use crate::pace::{Rate, WarmUp};
    use crate::receiver::{DEFAULT, Limits, Receivers};
    use crate::text::Mailbox;
    use crate::workspace::ChannelKind;

    fn channel(rate: Option<&str>, daily: Daily, receivers: Receivers) -> Channel {
        let from = Mailbox::parse("news@harbour.example").unwrap();
        Channel {
            language: None,
            id: ChannelId::parse("email").unwrap(),
            kind: ChannelKind::Outbox { from, reply_to: None },
            rate: rate.map(|rate| Rate::parse(rate).unwrap()),
            connections: 8,
            daily,
            receivers,
            cost: None,
        }
    }

    /// From 10:00 in Shanghai: when so many to each domain are out.
    fn finish(channel: &Channel, domains: &[(&str, u64)], used: u64, speed: Option<f64>) -> Option<String> {
        let domains: Vec<_> = domains.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let used = BTreeMap::from([(String::new(), used)]);
        let load = Load { channel, domains: &domains, used: &used, speed };
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let from = "2027-03-01T10:00:00+08:00".parse().unwrap();
        let finish = load.finish(from, &zone)?;
        Some(finish.to_zoned(zone).strftime("%-d %H:%M:%S").to_string())
    }

    #[test]
    fn a_rate_and_a_speed_bound_it() {
        let free = channel(None, Daily::default(), Receivers::default());
        assert_eq!(finish(&free, &[("a.example", 1_000_000)], 0, None), None);
        assert_eq!(finish(&free, &[("", 36_000)], 0, Some(10.0)).as_deref(), Some("1 11:00:00"));
        let slow = channel(Some("100/s"), Daily::default(), Receivers::default());
        assert_eq!(finish(&slow, &[("", 360_000)], 0, None).as_deref(), Some("1 11:00:00"));
        assert_eq!(finish(&slow, &[("", 360_000)], 0, Some(50.0)).as_deref(), Some("1 12:00:00"));
        assert_eq!(finish(&slow, &[("", u64::MAX)], 0, None), None);
    }

    #[test]
    fn what_is_beyond_a_days_cap_goes_out_on_the_next() {
        let capped = channel(Some("1/s"), Daily { cap: Some(100), warm_up: None }, Receivers::default());
        assert_eq!(finish(&capped, &[("", 60)], 0, None).as_deref(), Some("1 10:01:00"));
        assert_eq!(finish(&capped, &[("", 60)], 90, None).as_deref(), Some("2 00:00:50"));
        assert_eq!(finish(&capped, &[("", 260)], 90, None).as_deref(), Some("4 00:00:50"));
        let warm_up = WarmUp { start: 50, growth: 2.0, from: jiff::civil::date(2027, 3, 1) };
        let young = channel(None, Daily { cap: None, warm_up: Some(warm_up) }, Receivers::default());
        assert_eq!(finish(&young, &[("", 351)], 0, None).as_deref(), Some("4 00:00:00"));
    }

    #[test]
    fn the_slowest_receiver_finishes_last() {
        let limits = |rate| Limits { rate: Some(Rate::parse(rate).unwrap()), ..Limits::default() };
        let mut receivers = Receivers::default();
        receivers.add("gmail", [], limits("20/s"));
        receivers.add(DEFAULT, [], limits("10/s"));
        let channel = channel(Some("1000/s"), Daily::default(), receivers);
        let domains =
            [("gmail.com", 36_000), ("googlemail.com", 36_000), ("a.example", 600), ("b.example", 600)];
        assert_eq!(finish(&channel, &domains, 0, None).as_deref(), Some("1 11:00:00"));
        assert_eq!(finish(&channel, &domains[2..], 0, None).as_deref(), Some("1 10:01:00"));
    }
}
