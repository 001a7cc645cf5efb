//! Findings about a `when` without a time or with a wrong one.

use crate::folder::{CAMPAIGN, Folder};

findings_snapshot!(every_kind_of_trigger_is_checked, |folder| folder.write(
    "campaigns/spring-renewal.toml",
    CAMPAIGN.split("[[steps]]").next().unwrap().to_owned()
        + r#"
[[steps]]
id       = "a"
channel  = "email"
template = "newsletter"
when     = { cron = "0 10 * * Tues day", timezone = "Asia/Shangai" }
[[steps]]
id       = "b"
channel  = "email"
template = "newsletter"
when     = { every = "tuesday 25:00", delay = "3d", if = "opened" }
[[steps]]
id       = "c"
channel  = "email"
template = "newsletter"
when     = { at = 2027-03-02 }
[[steps]]
id       = "d"
channel  = "email"
template = "newsletter"
when     = { at = 2027-03-02T10:00:00+08:00, timezone = "contact" }
[[steps]]
id       = "e"
channel  = "team"
template = "newsletter"
when     = { at = 2027-03-02T10:00:00, timezone = "contact" }
[[steps]]
id       = "f"
channel  = "team"
template = "newsletter"
when     = { after = "a", delay = "3 fortnights", if = "opened", unless = "clicked" }
[[steps]]
id       = "g"
channel  = "email"
template = "newsletter"
when     = { after = "e", delay = "1d" }
[[steps]]
id       = "h"
channel  = "email"
template = "newsletter"
when     = { after = "i", delay = "1d" }
[[steps]]
id       = "j"
channel  = "email"
template = "newsletter"
when     = { every = "2 weeks tuesday 10:00" }
[[steps]]
id       = "k"
channel  = "email"
template = "newsletter"
when     = { dates = [2027-03-02T10:00:00, 2027-03-02, 2027-03-02T10:00:00, "soon", 7] }
[[steps]]
id       = "l"
channel  = "email"
template = "newsletter"
when     = { dates = [] }
[[steps]]
id       = "m"
channel  = "email"
template = "newsletter"
when     = { dates = [2027-03-02T10:00:00+08:00], timezone = "contact" }
[[steps]]
id       = "a"
channel  = "email"
template = "newsletter"
when     = { timezone = "brand", catch_up = "sometimes", overlap = true }
"#
));

findings_snapshot!(counting_weeks_needs_a_start, |folder| folder
    .edit("campaigns/spring-renewal.toml", "starts    = 2027-03-01\n", "")
    .edit("campaigns/spring-renewal.toml", "cron = \"0 10 * * TUE\"", "every = \"2 weeks tuesday 10:00\""));
