//! Forecast of the time at which a backlog is sent, from all limits that apply.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::DailyLimit;
use crate::workspace::Channel;

/// The forecast for the messages that a channel still has to send.
#[derive(Debug, Clone)]
pub struct SendForecast<'a> {
    /// The channel that sends them.
    pub channel: &'a Channel,
    /// Number of messages for each domain (lower case); all under one key where no receiver is
    /// limited.
    pub domains: &'a [(String, u64)],
    /// Number of messages already sent today by receiver; the channel as a whole stands under the
    /// empty name.
    pub used: &'a BTreeMap<String, u64>,
    /// Recently measured speed in messages per second, where known.
    pub speed: Option<f64>,
}

/// Maximum number of days that a forecast covers, about ten years.
const MAX_FORECAST_DAYS: u32 = 3_660;

impl SendForecast<'_> {
    /// Returns the time at which the last message is sent if the first goes at `from`, with days in
    /// `zone`. `None` if no limit is known, or if it would take more than ten years.
    #[must_use]
    pub fn finish_time(&self, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let total = self.domains.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let rate = self.channel.rate.map(super::Rate::per_second);
        let speed = self.speed.filter(|speed| *speed > 0.0);
        let rate = match (rate, speed) {
            (Some(rate), Some(speed)) => Some(rate.min(speed)),
            (one, other) => one.or(other),
        };
        let whole = SendingLimits { rate, daily: &self.channel.daily, used: self.used_by("") };
        let mut latest = None;
        for (limits, count) in self.receivers().into_iter().chain([(whole, total)]) {
            if limits.rate.is_some() || !limits.daily.is_unlimited() {
                latest = latest.max(Some(limits.finish_time(count, from, zone)?));
            }
        }
        latest
    }

    /// Returns the limits of each limited receiver, with the number of messages for it.
    fn receivers(&self) -> Vec<(SendingLimits<'_>, u64)> {
        let receivers = &self.channel.receivers;
        if receivers.is_empty() {
            return Vec::new();
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (domain, count) in self.domains {
            let sum = counts.entry(receivers.name_of(domain, None)).or_default();
            *sum = sum.saturating_add(*count);
        }
        let limits_of = |(name, count): (&str, u64)| {
            let limits = receivers.limits(name)?;
            let rate = limits.rate.map(super::Rate::per_second);
            Some((SendingLimits { rate, daily: &limits.daily, used: self.used_by(name) }, count))
        };
        counts.into_iter().filter_map(limits_of).collect()
    }

    fn used_by(&self, receiver: &str) -> u64 {
        self.used.get(receiver).copied().unwrap_or(0)
    }
}

/// The limits of a channel or receiver: messages per second and per day. `used` is the number sent
/// today.
struct SendingLimits<'a> {
    rate: Option<f64>,
    daily: &'a DailyLimit,
    used: u64,
}

impl SendingLimits<'_> {
    fn finish_time(&self, count: u64, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.daily.is_unlimited() {
            return self.after(from, count);
        }
        let (mut at, mut left, mut used) = (from, count, self.used);
        for _ in 0..MAX_FORECAST_DAYS {
            let day = at.to_zoned(zone.clone()).date();
            let next = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
            let allowed = self.daily.limit_on(day).map_or(u64::MAX, |cap| cap.saturating_sub(used));
            let allowed = allowed.min(self.within(next.duration_since(at)));
            if left <= allowed {
                return self.after(at, left);
            }
            left = left.saturating_sub(allowed);
            (at, used) = (next, 0);
        }
        None
    }

    /// Returns the number of messages that the rate allows in `span`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    fn within(&self, span: SignedDuration) -> u64 {
        self.rate.map_or(u64::MAX, |rate| (rate * span.as_secs_f64()) as u64)
    }

    /// Returns the time at which `count` messages are sent, starting at `at`.
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
    use crate::receiver::{DEFAULT_GROUP, ReceiverLimits, Receivers};
    use crate::text::Mailbox;
    use crate::workspace::ChannelKind;

    fn channel(rate: Option<&str>, daily: DailyLimit, receivers: Receivers) -> Channel {
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

    /// Forecasts the messages for each domain, starting at 10:00 in Shanghai.
    fn finish(channel: &Channel, domains: &[(&str, u64)], used: u64, speed: Option<f64>) -> Option<String> {
        let domains: Vec<_> = domains.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let used = BTreeMap::from([(String::new(), used)]);
        let forecast = SendForecast { channel, domains: &domains, used: &used, speed };
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let from = "2027-03-01T10:00:00+08:00".parse().unwrap();
        let finish = forecast.finish_time(from, &zone)?;
        Some(finish.to_zoned(zone).strftime("%-d %H:%M:%S").to_string())
    }

    #[test]
    fn the_lower_of_rate_and_speed_applies() {
        let free = channel(None, DailyLimit::default(), Receivers::default());
        assert_eq!(finish(&free, &[("a.example", 1_000_000)], 0, None), None);
        assert_eq!(finish(&free, &[("", 36_000)], 0, Some(10.0)).as_deref(), Some("1 11:00:00"));
        let slow = channel(Some("100/s"), DailyLimit::default(), Receivers::default());
        assert_eq!(finish(&slow, &[("", 360_000)], 0, None).as_deref(), Some("1 11:00:00"));
        assert_eq!(finish(&slow, &[("", 360_000)], 0, Some(50.0)).as_deref(), Some("1 12:00:00"));
        assert_eq!(finish(&slow, &[("", u64::MAX)], 0, None), None);
    }

    #[test]
    fn messages_beyond_a_daily_cap_are_sent_on_the_next_day() {
        let capped = channel(Some("1/s"), DailyLimit { cap: Some(100), warm_up: None }, Receivers::default());
        assert_eq!(finish(&capped, &[("", 60)], 0, None).as_deref(), Some("1 10:01:00"));
        assert_eq!(finish(&capped, &[("", 60)], 90, None).as_deref(), Some("2 00:00:50"));
        assert_eq!(finish(&capped, &[("", 260)], 90, None).as_deref(), Some("4 00:00:50"));
        let warm_up = WarmUp { start: 50, growth: 2.0, from: jiff::civil::date(2027, 3, 1) };
        let young = channel(None, DailyLimit { cap: None, warm_up: Some(warm_up) }, Receivers::default());
        assert_eq!(finish(&young, &[("", 351)], 0, None).as_deref(), Some("4 00:00:00"));
    }

    #[test]
    fn the_slowest_receiver_decides() {
        let limits =
            |rate| ReceiverLimits { rate: Some(Rate::parse(rate).unwrap()), ..ReceiverLimits::default() };
        let mut receivers = Receivers::default();
        receivers.add("gmail", [], limits("20/s"));
        receivers.add(DEFAULT_GROUP, [], limits("10/s"));
        let channel = channel(Some("1000/s"), DailyLimit::default(), receivers);
        let domains =
            [("gmail.com", 36_000), ("googlemail.com", 36_000), ("a.example", 600), ("b.example", 600)];
        assert_eq!(finish(&channel, &domains, 0, None).as_deref(), Some("1 11:00:00"));
        assert_eq!(finish(&channel, &domains[2..], 0, None).as_deref(), Some("1 10:01:00"));
    }
}
