//! The local allowance: the part of a shared allowance that was granted to this worker.

use campaign::{DailyLimit, Rate};
use store::{AllowanceGrant, AllowanceRequest, MachineTime};

use super::Day;

/// The time by which the next grant is requested before it is needed, in microseconds.
const REFILL_LEAD: i64 = 80_000;
/// The longest time from an empty grant to the next request, in microseconds.
const SHORT_GRANT_RETRY: i64 = 60_000_000;
/// The number of messages in a request where only a daily cap limits them.
const DAILY_CAP_BATCH: u32 = 500;

/// The allowance of one receiver, or of the channel as a whole.
#[derive(Debug, Clone)]
pub(super) struct LocalAllowance {
    rate: Option<Rate>,
    daily: DailyLimit,
    /// The number of messages that are granted and not spent.
    granted: u32,
    /// The time at which the next of them may go; with none left, the time of the next possible
    /// grant.
    next: MachineTime,
    /// The number of the day that `day_remaining` is about.
    day: i64,
    /// The rest of the day's cap beside what was granted, as of the last grant; `None` where it is
    /// unbounded or not known.
    day_remaining: Option<i64>,
    /// The time of the earliest next request.
    next_request: MachineTime,
}

impl LocalAllowance {
    /// Makes an empty allowance; `None` where neither a rate nor a cap bounds it.
    pub(super) fn new(rate: Option<Rate>, daily: &DailyLimit) -> Option<Self> {
        let bounded = rate.is_some() || !daily.is_unlimited();
        let daily = daily.clone();
        bounded.then_some(Self {
            rate,
            daily,
            granted: 0,
            next: MachineTime::EPOCH,
            day: i64::MIN,
            day_remaining: None,
            next_request: MachineTime::EPOCH,
        })
    }

    /// Returns the rate that bounds it, if any.
    pub(super) const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Begins a day where it is another one: messages granted for the day before do not count for
    /// it.
    pub(super) fn begin_day(&mut self, day: i64) {
        if day != self.day {
            (self.day, self.day_remaining, self.next_request) = (day, None, MachineTime::EPOCH);
            self.take_unused();
        }
    }

    /// Returns the rest of today's cap beside what was granted, where that is bounded and known.
    pub(super) const fn day_remaining(&self) -> Option<i64> {
        self.day_remaining
    }

    /// Returns true if today's cap is granted and spent.
    pub(super) fn is_spent(&self) -> bool {
        self.granted == 0 && self.day_remaining == Some(0)
    }

    /// Returns true if a message is granted and not spent.
    pub(super) const fn is_available(&self) -> bool {
        self.granted > 0
    }

    /// Returns the time at which the message behind `position` others may go; `None` while that is
    /// not known.
    pub(super) fn time_of(&self, position: u32) -> Option<MachineTime> {
        let known = self.granted > position || (self.rate.is_some() && self.next > MachineTime::EPOCH);
        let span = self.rate.map_or(0, |rate| rate.micros_for(i64::from(position)));
        known.then(|| self.next.saturating_add(span))
    }

    /// Spends one message, if one is granted and its time has come. Returns true if so.
    pub(super) fn spend(&mut self, now: MachineTime) -> bool {
        let goes = self.granted > 0 && self.next <= now;
        if goes {
            self.granted -= 1;
            self.next = self.next.saturating_add(self.spacing());
        }
        goes
    }

    /// Returns one message that was spent and not sent.
    pub(super) fn refund(&mut self) {
        self.granted = self.granted.saturating_add(1);
    }

    /// Makes a request for the shared allowance, when `demand` messages wait and the rest lasts for
    /// less than `slack` microseconds; `None` when nothing is to be requested.
    pub(super) fn request(
        &mut self,
        name: &str,
        demand: u32,
        now: MachineTime,
        slack: i64,
        day: &Day,
    ) -> Option<AllowanceRequest> {
        let lasts = self.rate.map_or(0, |rate| rate.micros_for(i64::from(self.granted)));
        let short =
            self.granted == 0 || (self.rate.is_some() && self.next.saturating_add(lasts) < now + slack);
        if demand <= self.granted || !short || now < self.next_request {
            return None;
        }
        let busy = match self.rate {
            _ if demand < 32 => 0,
            Some(rate) => u32::try_from(rate.count_within(200_000)).unwrap_or(u32::MAX),
            None => DAILY_CAP_BATCH,
        };
        let cap = self.daily.limit_on(day.date).map(|cap| i64::try_from(cap).unwrap_or(i64::MAX));
        let count = (demand - self.granted).max(busy);
        Some(AllowanceRequest { receiver: name.to_owned(), count, rate: self.rate, cap })
    }

    /// Takes in a grant of the shared allowance.
    pub(super) fn add_grant(&mut self, grant: &AllowanceGrant, now: MachineTime) {
        if self.granted == 0 {
            self.next = grant.from;
        }
        self.granted = self.granted.saturating_add(grant.count);
        self.day_remaining = grant.left;
        self.next_request = match (grant.count, grant.left) {
            (0, Some(0)) => now.saturating_add(SHORT_GRANT_RETRY),
            (0, _) => self.next.saturating_sub(REFILL_LEAD).min(now.saturating_add(SHORT_GRANT_RETRY)),
            _ => now,
        };
    }

    /// Takes the unspent messages, to give them back. Only a daily cap counts them; a rate alone
    /// does not.
    pub(super) fn take_unused(&mut self) -> u32 {
        if self.daily.is_unlimited() { 0 } else { std::mem::take(&mut self.granted) }
    }

    /// Moves the times back after the clock was set back by so many microseconds.
    pub(super) fn shift(&mut self, back: i64) {
        self.next = self.next.saturating_sub(back);
        self.next_request = self.next_request.saturating_sub(back);
    }

    /// Returns the time between two messages, in microseconds.
    pub(super) fn spacing(&self) -> i64 {
        self.rate.map_or(0, |rate| rate.micros_for(1))
    }

    /// Returns the cap of the day that is `days` after today, if it has one.
    pub(super) fn cap_on(&self, day: &Day, days: i64) -> Option<i64> {
        let date = day.date.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        self.daily.limit_on(date).map(|cap| i64::try_from(cap).unwrap_or(i64::MAX))
    }

    /// Returns the bound as a text: `gmail gets at most 20/s`.
    pub(super) fn reason(&self, name: &str, day: &Day) -> String {
        match (self.is_spent().then(|| self.daily.limit_on(day.date)).flatten(), self.rate) {
            (Some(cap), _) => format!("{name} has had its {cap} messages of today"),
            (None, Some(rate)) => format!("{name} gets at most {rate}"),
            (None, None) => format!("{name} gets so many a day"),
        }
    }
}

/// The time for which an allowance must last to need no request, in microseconds.
pub(super) const SLACK: i64 = REFILL_LEAD;
/// The same for an allowance that can be requested together with others.
pub(super) const JOINT_SLACK: i64 = 2 * REFILL_LEAD;
