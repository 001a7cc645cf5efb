//! The description of a schedule in Chinese.

use std::time::Duration;

use jiff::civil::DateTime;

use super::parts::{TimeOfDay, clock, first_dates, is_consecutive, name_at, name_spans};
use crate::cron::{Cron, Days};
use crate::field::CronField;
use crate::values::Values;
use crate::{Condition, Reaction, Schedule, ScheduleZone, Trigger};

const WEEKDAYS: [&str; 7] = ["周日", "周一", "周二", "周三", "周四", "周五", "周六"];

pub(super) fn describe(schedule: &Schedule) -> String {
    match &schedule.trigger {
        Trigger::Cron(cron) => format!("{}，{}", recurrence(cron), zone_text(&schedule.zone)),
        Trigger::At(wall) => format!("一次，{}，{}", moment(*wall), zone_text(&schedule.zone)),
        Trigger::Dates(walls) => format!("{}，{}", on_dates(walls), zone_text(&schedule.zone)),
        Trigger::ByHand => "手动，用 `chorus send` 发送".to_owned(),
        Trigger::After { step, delay, condition } => {
            let only =
                condition.map(|condition| format!("，{}", condition_text(condition))).unwrap_or_default();
            match delay.as_secs() {
                0 => format!("紧接 `{step}` 之后{only}"),
                _ => format!("`{step}` 之后 {}{only}", delay_text(*delay)),
            }
        }
    }
}

fn zone_text(zone: &ScheduleZone) -> String {
    match zone {
        ScheduleZone::Contact { .. } => "按每位联系人的当地时间".to_owned(),
        ScheduleZone::Fixed(zone) => match (zone.iana_name(), zone.to_fixed_offset()) {
            (Some("UTC"), _) => "UTC 时间".to_owned(),
            (Some(name), _) => format!("{name} 时间"),
            (None, Ok(offset)) => format!("UTC{offset} 时间"),
            (None, Err(_)) => "本地时间".to_owned(),
        },
    }
}

fn moment(wall: DateTime) -> String {
    let weekday = name_at(&WEEKDAYS, wall.weekday().to_sunday_zero_offset());
    let (year, month, day) = (wall.year(), wall.month(), wall.day());
    let seconds = if wall.second() == 0 { String::new() } else { format!(":{:02}", wall.second()) };
    format!("{year} 年 {month} 月 {day} 日（{weekday}）{}{seconds}", clock(wall.hour(), wall.minute()))
}

fn on_dates(walls: &[DateTime]) -> String {
    let (dates, more) = first_dates(walls);
    let dates: Vec<_> = dates.iter().map(|wall| moment(*wall)).collect();
    match more {
        0 => listed(&dates),
        more => format!("{}，以及另外 {more} 个日期", dates.join("、")),
    }
}

fn condition_text(condition: Condition) -> String {
    let (verb, reaction) = match condition {
        Condition::If(reaction) => ("已", reaction),
        Condition::Unless(reaction) => ("未", reaction),
    };
    let what = match reaction {
        Reaction::Opened => "打开",
        Reaction::Clicked => "点击",
        Reaction::Converted => "完成活动目标",
    };
    format!("仅发给{verb}{what}的人")
}

fn delay_text(delay: Duration) -> String {
    const UNITS: [&str; 4] = ["天", "小时", "分钟", "秒"];
    let parts = super::parts::delay_parts(delay)
        .map(|(count, unit)| format!("{count} {}", UNITS.get(unit).copied().unwrap_or_default()));
    parts.collect::<Vec<_>>().join(" ")
}

fn recurrence(cron: &Cron) -> String {
    let kind = TimeOfDay::of(cron.hours, cron.minutes);
    let two_kinds_of_days = matches!(cron.days, Days::Either(..));
    let days = days(cron);
    let time = time_of_day(&kind, cron.hours, cron.minutes);
    match (days.as_str(), two_kinds_of_days || kind.repeats()) {
        ("每天", true) => time,
        (_, true) => format!("{days}，{time}"),
        (_, false) if days.ends_with('）') => format!("{days}{time}"),
        (_, false) => format!("{days} {time}"),
    }
}

fn days(cron: &Cron) -> String {
    let months = (cron.months.len() < 12).then(|| name_list(cron.months, |month| format!("{month} 月")));
    // `3 月的` precedes days of the month, `3 月` days of the week; `每月` is for all months.
    let of_months = months.as_ref().map_or_else(|| "每月".to_owned(), |months| format!("{months}的"));
    let in_months = months.clone().unwrap_or_default();
    let unless_missing =
        |rare: bool| if rare && months.is_none() { "（没有这一天的月份除外）" } else { "" };
    if let Some(weeks) = cron.weeks {
        let from = weeks
            .from
            .map(|from| format!("（从 {} 年 {} 月 {} 日起算）", from.year(), from.month(), from.day()));
        let days = match cron.days {
            Days::OfWeek(days) => weekdays(days),
            _ => "每天".to_owned(),
        };
        return format!("{in_months}每 {} 周的{days}{}", weeks.every, from.unwrap_or_default());
    }
    match cron.days {
        Days::Nth { nth, last, weekdays, together } => {
            let of = match together {
                true if weekdays == Values::span((1, 5)) => "周一至周五中的".to_owned(),
                true => "周六和周日中的".to_owned(),
                false => String::new(),
            };
            let which = match together {
                true => listed(&ordinal_names(nth, last, "天")),
                false => format!("{}{}", listed(&ordinal_names(nth, last, "个")), name_each(weekdays)),
            };
            format!("{of_months}{of}{which}{}", unless_missing(nth.has(5) && !last))
        }
        Days::Every => format!("{in_months}每天"),
        Days::OfWeek(days) => format!("{in_months}{}", every(days)),
        Days::OfMonth(days) => {
            let rare = days.at_or_after(0) > Some(28);
            format!("{of_months} {}{}", dates(days), unless_missing(rare))
        }
        Days::Either(days, of_week) => {
            joined(&format!("{of_months} {}", dates(days)), "以及", &format!("{in_months}{}", every(of_week)))
        }
        Days::Last => format!("{of_months}最后一天"),
    }
}

/// Returns the names of ordinals: `第一个`, `第三个`, `最后一个` with the unit `个`.
fn ordinal_names(nth: Values, last: bool, unit: &str) -> Vec<String> {
    const DIGITS: [&str; 5] = ["一", "二", "三", "四", "五"];
    let nth = nth.iter().map(|at| format!("第{}{unit}", name_at(&DIGITS, at - 1)));
    nth.chain(last.then(|| format!("最后一{unit}"))).collect()
}

/// Returns the days with Sunday as 7, because Chinese weeks end on Sunday.
fn from_monday(days: Values) -> Values {
    let days = days.iter().map(|day| Values::one(if day == 0 { 7 } else { day }));
    days.reduce(Values::union).unwrap_or_else(|| Values::one(7))
}

fn weekday(at: i8) -> String {
    name_at(&WEEKDAYS, at % 7)
}

fn weekdays(days: Values) -> String {
    name_list(from_monday(days), weekday)
}

fn name_each(days: Values) -> String {
    listed(&from_monday(days).iter().map(weekday).collect::<Vec<_>>())
}

fn every(days: Values) -> String {
    if days == Values::span(CronField::DayOfWeek.bounds()) {
        "每天".to_owned()
    } else {
        format!("每{}", weekdays(days))
    }
}

fn dates(days: Values) -> String {
    name_list(days, |day| format!("{day} 日"))
}

fn time_of_day(time: &TimeOfDay, hours: Values, minutes: Values) -> String {
    match time {
        TimeOfDay::EveryMinute => format!("{}每分钟一次", during(hours)),
        TimeOfDay::EveryMinutes(step) => format!("{}每 {step} 分钟一次", during(hours)),
        TimeOfDay::OnTheHour => "每小时整点".to_owned(),
        TimeOfDay::Hourly => format!("每小时的{}", at_minutes(minutes)),
        TimeOfDay::At(times) => listed(times),
        TimeOfDay::EveryHours(step, from) => format!("从 {from} 起每 {step} 小时一次"),
        TimeOfDay::HourlyBetween(from, to) => format!("从 {from} 到 {to} 每小时一次"),
        TimeOfDay::Minutes => format!("{}每小时的{}", during(hours), at_minutes(minutes)),
    }
}

/// Returns `09:00 至 17:59 之间`, `9 点、12 点和 15 点的一小时内`, or an empty text for all hours.
fn during(hours: Values) -> String {
    match (hours.iter().next(), hours.iter().last()) {
        _ if hours.len() == 24 => String::new(),
        (Some(first), Some(last)) if is_consecutive(hours) => {
            format!("{} 至 {} 之间", clock(first, 0), clock(last, 59))
        }
        _ => format!("{}的一小时内", name_list(hours, |hour| format!("{hour} 点"))),
    }
}

fn at_minutes(minutes: Values) -> String {
    format!("第 {} 分钟", name_list(minutes, |minute| minute.to_string()))
}

fn name_list(values: Values, name: impl Fn(i8) -> String) -> String {
    listed(&name_spans(values, name, |first, last| joined(&first, "至", &last)))
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => joined(&init.join("、"), "和", last),
    }
}

/// Joins two texts by a word, with a space between the word and a digit or Latin letter.
fn joined(left: &str, word: &str, right: &str) -> String {
    let before = if left.ends_with(|c: char| c.is_ascii()) { " " } else { "" };
    let after = if right.starts_with(|c: char| c.is_ascii()) { " " } else { "" };
    format!("{left}{before}{word}{after}{right}")
}
