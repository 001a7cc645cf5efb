//! What `check` says of a step before anything runs.

use crate::house::{FOOTER, House};

#[test]
fn every_mail_says_where_it_is_from_and_how_to_leave() {
    let house = House::new();
    house.file("templates/letter/email.html", "<p>{{brand.address}}</p>");
    assert_eq!(house.bad("mail"), ["unsubscribe-missing"]);
    house.file("templates/letter/email.html", "<a href=\"{{links.unsubscribe}}\">x</a>");
    assert_eq!(house.bad("mail"), ["address-missing"]);
    house.file("templates/letter/email.html", format!("{{{{#if contact.first_name}}}}{FOOTER}{{{{/if}}}}"));
    assert_eq!(house.bad("mail"), ["address-missing", "unsubscribe-missing"], "not for everybody");
    house.file("templates/letter/email.html", format!("<div style=\"display:none\">{FOOTER}</div>"));
    assert_eq!(house.bad("mail"), ["address-missing", "unsubscribe-missing"], "nobody sees it");
    house.file("templates/letter/email.html", FOOTER).file("templates/letter/email.txt", "Hello");
    let findings = house.compile("mail").unwrap_err();
    assert!(findings.iter().all(|finding| finding.file.ends_with("email.txt") && finding.help.is_some()));
    assert_eq!(findings.len(), 2);
    house.file("templates/letter/email.txt", "{{brand.address}} {{links.unsubscribe}}");
    house.good("mail");
}

#[test]
fn subjects_pictures_and_links_are_looked_at() {
    let house = House::new();
    house.campaign(
        "subject = 'Hello {{default contact.first_name \"you\"}}'",
        "subject = '{{contact.first_name}}'",
    );
    assert_eq!(house.bad("mail"), ["subject-missing"]);
    let house = House::html("<img src=\"https://a.example/x.png\">");
    assert_eq!(house.bad("mail"), ["image-alt-missing"]);
    let house = House::html("<img src=\"images/none.png\" alt=\"\">");
    assert_eq!(house.bad("mail"), ["image-file"]);
    let house = House::html("<a href=\"www.harbour.example\">x</a>");
    let findings = house.compile("mail").unwrap_err();
    assert_eq!(findings[0].code, "bad-link");
    assert!(findings[0].span.is_some(), "{findings:?}");
    let house = House::html("{{message.body}}");
    house.campaign("see [the shop](https://harbour.example/shop)", "[x](javascript:alert(1))");
    assert_eq!(house.bad("mail"), ["bad-link"]);
}

#[test]
fn long_mail_is_told() {
    let house = House::html(&"<p>word</p>".repeat(10_000));
    let (_, findings) = house.compile("mail").unwrap();
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["email-long"]);
}

#[test]
fn bad_mjml_is_located() {
    let house = House::new();
    house.remove("templates/letter/email.html");
    let text = "<mjml><mj-body><mj-section>\n<mj-colum>x</mj-colum></mj-section></mj-body></mjml>";
    house.file("templates/letter/email.mjml", text);
    let findings = house.compile("mail").unwrap_err();
    assert_eq!(findings[0].code, "mjml", "{findings:?}");
    assert!(text[findings[0].span.clone().unwrap()].contains("mj-colum"), "{findings:?}");
    house.file("templates/letter/email.mjml", "<mjml><mj-body><mj-section></mjml>");
    assert_eq!(house.bad("mail"), ["mjml"]);
}

#[test]
fn a_misspelt_attribute_is_told() {
    let house = House::html("{{contact.frist_name}}{{contact.city}}");
    let (_, findings) = house.compile("mail").unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `contact.first_name`?"));
}

#[test]
fn findings_in_a_message_point_into_the_campaign() {
    let house = House::new();
    house.campaign("Half price", "{{upper (lower contact.x)}} {{uper brand.name}}");
    let findings = house.compile("mail").unwrap_err();
    assert_eq!(findings[0].file.to_str(), Some("campaigns/spring.toml"));
    assert!(findings[0].span.is_some(), "{findings:?}");
}

#[test]
fn all_findings_come_at_once() {
    let house = House::html("{{facts.a}} {{facts.b}} {{uper brand.name}} {{{contact.x}}}");
    assert_eq!(house.bad("mail").len(), 4);
}

/// Campaigns that are right, campaigns that are wrong in many ways, and a template file that cannot be parsed and
/// that many share: all at once, by several threads, have the findings that each has alone.
#[test]
fn all_campaigns_at_once_have_the_findings_of_each_alone() {
    let house = House::new();
    let good = std::fs::read_to_string(house.load().root.join("campaigns/spring.toml")).unwrap();
    house
        .file("templates/broken/email.html", "{{#if contact.first_name}}")
        .file("templates/broken/post.md", "{{x}}");
    for number in 0..60 {
        let text = match number % 4 {
            0 => good.clone(),
            1 => good.replace("template = \"letter\"", "template = \"broken\""),
            2 => good.replacen("subject", "preheader = \"{{contact.frist_name}}\"\nsubject", 1),
            _ => good.replacen("Half price", "Half {{facts.nothing}} price {{contact.points}}", 1),
        };
        house.file(&format!("campaigns/c{number:02}.toml"), text);
    }
    let workspace = house.load();
    let all = channel::survey_all(&workspace, None);
    let codes: std::collections::BTreeSet<_> =
        all.iter().flat_map(|surveyed| &surveyed.findings).map(|found| found.code).collect();
    assert!(codes.contains("template-syntax") && codes.len() > 2, "{codes:?}");
    let alone: Vec<_> = workspace
        .campaigns
        .values()
        .map(|campaign| (&campaign.id, channel::survey(&workspace, campaign, None).findings))
        .collect();
    let all: Vec<_> = all.into_iter().map(|surveyed| (surveyed.campaign, surveyed.findings)).collect();
    assert_eq!(all, alone);
    let kept = channel::survey_all(&workspace, Some("c00"));
    let kept = kept.iter().filter(|surveyed| !surveyed.compiled.is_empty());
    assert_eq!(kept.map(|surveyed| surveyed.campaign.as_str()).collect::<Vec<_>>(), ["c00"]);
}
