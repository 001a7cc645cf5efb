//! Tests of descriptions in English and Chinese.

use super::*;

fn chinese(schedule: &Schedule) -> String {
    schedule.describe_in("zh-CN")
}

#[test]
fn crons_in_english_and_chinese() {
    let crons = [
        "* * * * *",
        "*/15 * * * *",
        "*/15 9-17 * * MON-FRI",
        "*/5 9 * * *",
        "*/5 9,12,15 * * *",
        "0 * * * *",
        "15 * * * *",
        "5,20,35 * * * *",
        "0 */2 * * *",
        "30 9-17 * * *",
        "0 9,13,17 * * *",
        "0 1,2,3,5,8,13,21 * * *",
        "7,23 6-12 * * *",
        "0 10 * * TUE",
        "0 10 * * TUE,THU",
        "0 10 * * TUE-SAT",
        "0 10 * * 0-7",
        "0 10 * * SAT,SUN",
        "0 10 * 3 TUE",
        "0 9 1 * *",
        "0 9 1-7,15,22,31 * *",
        "0 9 11,12,13,21,22,23 * *",
        "0 9 1 1,4,7,10 *",
        "0 9 * 6-8 *",
        "30 4 1,15 * 5",
        "30 4 1,15 3 5",
        "*/10 * 1 * *",
        "*/10 * 1 * FRI",
        "0 9 31 * *",
    ];
    let described = |describe: fn(&Schedule) -> String| -> String {
        crons.iter().map(|cron| format!("{cron:28} {}\n", describe(&fixed(cron, "UTC")))).collect()
    };
    insta::assert_snapshot!("crons_in_english", described(Schedule::describe));
    insta::assert_snapshot!("crons_in_chinese", described(chinese));
}

#[test]
fn zones_and_other_triggers() {
    assert_eq!(contact("0 10 * * TUE").describe(), "every Tuesday at 10:00, each contact's time");
    assert_eq!(
        fixed("0 10 * * TUE", "Asia/Shanghai").describe(),
        "every Tuesday at 10:00, Asia/Shanghai time"
    );
    let offset = ScheduleZone::Fixed(TimeZone::fixed(jiff::tz::offset(5)));
    let cron = Trigger::Cron(every("month last 09:00").unwrap());
    assert_eq!(schedule(cron, offset).describe(), "on the last day of every month at 09:00, UTC+05");
    let at = Trigger::At("2027-03-02T10:05:00".parse().unwrap());
    let brand = ScheduleZone::Fixed(zone("Asia/Shanghai"));
    assert_eq!(schedule(at, brand).describe(), "once, on Tuesday 2 March 2027 at 10:05, Asia/Shanghai time");
    assert_eq!(chinese(&contact("0 10 * * TUE")), "每周二 10:00，按每位联系人的当地时间");
    let at = schedule(
        Trigger::At("2027-03-02T10:05:07".parse().unwrap()),
        ScheduleZone::Fixed(zone("Asia/Shanghai")),
    );
    assert_eq!(chinese(&at), "一次，2027 年 3 月 2 日（周二）10:05:07，Asia/Shanghai 时间");
    let by_hand = schedule(Trigger::ByHand, ScheduleZone::Fixed(TimeZone::UTC));
    assert_eq!(by_hand.describe(), "by hand, with `chorus send`");
    assert_eq!(chinese(&by_hand), "手动，用 `chorus send` 发送");
}

#[test]
fn after_another_step() {
    let described = |delay, condition| {
        let trigger = Trigger::After {
            step: StepId::parse("mail").unwrap(),
            delay: Duration::from_secs(delay),
            condition,
        };
        let schedule = schedule(trigger, ScheduleZone::Fixed(TimeZone::UTC));
        [schedule.describe(), chinese(&schedule)]
    };
    assert_eq!(described(0, None), ["right after `mail`", "紧接 `mail` 之后"]);
    assert_eq!(
        described(3 * 86400, Some(Condition::Unless(Reaction::Clicked))),
        ["3 days after `mail`, only for those who did not click it", "`mail` 之后 3 天，仅发给未点击的人"]
    );
    assert_eq!(
        described(90061, Some(Condition::If(Reaction::Opened))),
        [
            "1 day, 1 hour, 1 minute and 1 second after `mail`, only for those who did open it",
            "`mail` 之后 1 天 1 小时 1 分钟 1 秒，仅发给已打开的人",
        ]
    );
    assert_eq!(
        described(5400, Some(Condition::Unless(Reaction::Converted))),
        [
            "1 hour and 30 minutes after `mail`, only for those who did not do what the campaign is for",
            "`mail` 之后 1 小时 30 分钟，仅发给未完成活动目标的人",
        ]
    );
}
