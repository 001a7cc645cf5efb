//! The part of a shared allowance that was granted to this worker and is not spent yet.

use campaign::{Daily, Rate};
use store::{Grant, MachineTime, Want};

use super::Day;

/// The time by which the next grant is asked for before it is needed.
const REFILL_LEAD: i64 = 80_000;
/// The time after a grant that fell short until the next request.
const SHORT_GRANT_RETRY: i64 = 60_000_000;
/// The number of messages in a request where only a daily cap limits them.
const DAILY_CAP_BATCH: u32 = 500;

/// The allowance of one receiver, or of the channel as a whole.
#[derive(Debug, Clone)]
pub(super) struct LocalAllowance {
    rate: Option<Rate>,
    daily: Daily,
    /// Granted and not spent.
    left: u32,
    /// When the first of them may go; with none left, when one could be granted.
    next: MachineTime,
    /// The day that the rest is of.
    day: i64,
    /// What is left of the day beside what was granted, as it was last told.
    rest: Option<i64>,
    /// Not asked for anything before.
    ask_at: MachineTime,
}

impl LocalAllowance {
    /// `None` where nothing is bounded.
    pub(super) fn new(rate: Option<Rate>, daily: &Daily) -> Option<Self> {
        let bounded = rate.is_some() || !daily.is_open();
        let daily = daily.clone();
        bounded.then_some(Self {
            rate,
            daily,
            left: 0,
            next: MachineTime::EPOCH,
            day: i64::MIN,
            rest: None,
            ask_at: MachineTime::EPOCH,
        })
    }

    /// How fast it may be spent, if bounded.
    pub(super) const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// A new day begins: what was granted for another does not count for this one.
    pub(super) fn turn_to(&mut self, day: i64) {
        if day != self.day {
            (self.day, self.rest, self.ask_at) = (day, None, MachineTime::EPOCH);
            self.empty();
        }
    }

    /// What is left of today beside what was granted, where that is bounded and known.
    pub(super) const fn rest(&self) -> Option<i64> {
        self.rest
    }

    /// Whether today's is used up, granted and spent.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0 && self.rest == Some(0)
    }

    /// Whether anything is granted and not spent.
    pub(super) const fn has_some(&self) -> bool {
        self.left > 0
    }

    /// When the message behind so many others may go, as far as is known; `None` while nothing is.
    pub(super) fn turn(&self, position: u32) -> Option<MachineTime> {
        let known = self.left > position || (self.rate.is_some() && self.next > MachineTime::EPOCH);
        let span = self.rate.map_or(0, |rate| rate.span(i64::from(position)));
        known.then(|| self.next.saturating_add(span))
    }

    /// Spends one, if there is one whose time has come.
    pub(super) fn spend(&mut self, now: MachineTime) -> bool {
        let goes = self.left > 0 && self.next <= now;
        if goes {
            self.left -= 1;
            self.next = self.next.saturating_add(self.spacing());
        }
        goes
    }

    /// Puts one back that did not go.
    pub(super) fn refund(&mut self) {
        self.left = self.left.saturating_add(1);
    }

    /// What to ask for, when so many wait and what is left lasts for less than `slack`.
    pub(super) fn want(
        &mut self,
        name: &str,
        demand: u32,
        now: MachineTime,
        slack: i64,
        day: &Day,
    ) -> Option<Want> {
        let lasts = self.rate.map_or(0, |rate| rate.span(i64::from(self.left)));
        let short = self.left == 0 || (self.rate.is_some() && self.next.saturating_add(lasts) < now + slack);
        if demand <= self.left || !short || now < self.ask_at {
            return None;
        }
        let busy = match self.rate {
            _ if demand < 32 => 0,
            Some(rate) => u32::try_from(rate.within(200_000)).unwrap_or(u32::MAX),
            None => DAILY_CAP_BATCH,
        };
        let cap = self.daily.on(day.date).map(|cap| i64::try_from(cap).unwrap_or(i64::MAX));
        let count = (demand - self.left).max(busy);
        Some(Want { receiver: name.to_owned(), count, rate: self.rate, cap })
    }

    /// Takes in what was granted.
    pub(super) fn fill(&mut self, grant: &Grant, now: MachineTime) {
        if self.left == 0 {
            self.next = grant.from;
        }
        self.left = self.left.saturating_add(grant.count);
        self.rest = grant.left;
        self.ask_at = match (grant.count, grant.left) {
            (0, Some(0)) => now.saturating_add(SHORT_GRANT_RETRY),
            (0, _) => self.next.saturating_sub(REFILL_LEAD).min(now.saturating_add(SHORT_GRANT_RETRY)),
            _ => now,
        };
    }

    /// What was not spent, to be given back: a day's cap counts it, a rate alone does not.
    pub(super) fn empty(&mut self) -> u32 {
        if self.daily.is_open() { 0 } else { std::mem::take(&mut self.left) }
    }

    /// The clock went back.
    pub(super) fn shift(&mut self, back: i64) {
        self.next = self.next.saturating_sub(back);
        self.ask_at = self.ask_at.saturating_sub(back);
    }

    /// How far apart two messages are.
    pub(super) fn spacing(&self) -> i64 {
        self.rate.map_or(0, |rate| rate.span(1))
    }

    /// How many may go on a day that is so many days from today.
    pub(super) fn on(&self, day: &Day, days: i64) -> Option<i64> {
        let date = day.date.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        self.daily.on(date).map(|cap| i64::try_from(cap).unwrap_or(i64::MAX))
    }

    /// What bounds it, in words.
    pub(super) fn why(&self, name: &str, day: &Day) -> String {
        match (self.is_spent().then(|| self.daily.on(day.date)).flatten(), self.rate) {
            (Some(cap), _) => format!("{name} has had its {cap} messages of today"),
            (None, Some(rate)) => format!("{name} gets at most {rate}"),
            (None, None) => format!("{name} gets so many a day"),
        }
    }
}

/// What is asked for ahead of need, and with others that are asked for anyway.
pub(super) const SLACK: (i64, i64) = (REFILL_LEAD, 2 * REFILL_LEAD);
