//! Tests of the findings of `chorus check` about steps.

use crate::sample_workspace::{FOOTER, SampleWorkspace};

#[test]
fn every_email_needs_a_postal_address_and_an_unsubscribe_link() {
    let sample = SampleWorkspace::new();
    sample.file("templates/letter/email.html", "<p>{{brand.address}}</p>");
    assert_eq!(sample.error_codes("mail"), ["unsubscribe-missing"]);
    sample.file("templates/letter/email.html", "<a href=\"{{links.unsubscribe}}\">x</a>");
    assert_eq!(sample.error_codes("mail"), ["address-missing"]);
    sample.file("templates/letter/email.html", format!("{{{{#if contact.first_name}}}}{FOOTER}{{{{/if}}}}"));
    assert_eq!(
        sample.error_codes("mail"),
        ["address-missing", "unsubscribe-missing"],
        "not for every contact"
    );
    sample.file("templates/letter/email.html", format!("<div style=\"display:none\">{FOOTER}</div>"));
    assert_eq!(sample.error_codes("mail"), ["address-missing", "unsubscribe-missing"], "it is not displayed");
    sample.file("templates/letter/email.html", FOOTER).file("templates/letter/email.txt", "Hello");
    let findings = sample.compile("mail").unwrap_err();
    assert!(findings.iter().all(|finding| finding.file.ends_with("email.txt") && finding.help.is_some()));
    assert_eq!(findings.len(), 2);
    sample.file("templates/letter/email.txt", "{{brand.address}} {{links.unsubscribe}}");
    sample.compile_clean("mail");
}

#[test]
fn subjects_pictures_and_links_are_checked() {
    let sample = SampleWorkspace::new();
    sample.edit_campaign(
        "subject = 'Hello {{default contact.first_name \"you\"}}'",
        "subject = '{{contact.first_name}}'",
    );
    assert_eq!(sample.error_codes("mail"), ["subject-missing"]);
    let sample = SampleWorkspace::with_html("<img src=\"https://a.example/x.png\">");
    assert_eq!(sample.error_codes("mail"), ["image-alt-missing"]);
    let sample = SampleWorkspace::with_html("<img src=\"images/none.png\" alt=\"\">");
    assert_eq!(sample.error_codes("mail"), ["image-file"]);
    let sample = SampleWorkspace::with_html("<a href=\"www.harbour.example\">x</a>");
    let findings = sample.compile("mail").unwrap_err();
    assert_eq!(findings[0].code, "bad-link");
    assert!(findings[0].span.is_some(), "{findings:?}");
    let sample = SampleWorkspace::with_html("{{message.body}}");
    sample.edit_campaign("see [the shop](https://harbour.example/shop)", "[x](javascript:alert(1))");
    assert_eq!(sample.error_codes("mail"), ["bad-link"]);
}

#[test]
fn a_long_email_is_reported() {
    let sample = SampleWorkspace::with_html(&"<p>word</p>".repeat(10_000));
    let (_, findings) = sample.compile("mail").unwrap();
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["email-long"]);
}

#[test]
fn bad_mjml_is_located() {
    let sample = SampleWorkspace::new();
    sample.remove("templates/letter/email.html");
    let text = "<mjml><mj-body><mj-section>\n<mj-colum>x</mj-colum></mj-section></mj-body></mjml>";
    sample.file("templates/letter/email.mjml", text);
    let findings = sample.compile("mail").unwrap_err();
    assert_eq!(findings[0].code, "mjml", "{findings:?}");
    assert!(text[findings[0].span.clone().unwrap()].contains("mj-colum"), "{findings:?}");
    sample.file("templates/letter/email.mjml", "<mjml><mj-body><mj-section></mjml>");
    assert_eq!(sample.error_codes("mail"), ["mjml"]);
}

#[test]
fn a_misspelt_attribute_is_reported() {
    let sample = SampleWorkspace::with_html("{{contact.frist_name}}{{contact.city}}");
    let (_, findings) = sample.compile("mail").unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `contact.first_name`?"));
}

#[test]
fn findings_in_a_message_point_into_the_campaign() {
    let sample = SampleWorkspace::new();
    sample.edit_campaign("Half price", "{{upper (lower contact.x)}} {{uper brand.name}}");
    let findings = sample.compile("mail").unwrap_err();
    assert_eq!(findings[0].file.to_str(), Some("campaigns/spring.toml"));
    assert!(findings[0].span.is_some(), "{findings:?}");
}

#[test]
fn all_findings_are_reported_at_once() {
    let sample = SampleWorkspace::with_html("{{facts.a}} {{facts.b}} {{uper brand.name}} {{{contact.x}}}");
    assert_eq!(sample.error_codes("mail").len(), 4);
}

/// Valid campaigns, campaigns with many mistakes, and an unparsable template that many share:
/// surveyed by several threads at once, each has the same findings as alone.
#[test]
fn all_campaigns_at_once_have_the_findings_of_each_alone() {
    let sample = SampleWorkspace::new();
    let good = std::fs::read_to_string(sample.load().root.join("campaigns/spring.toml")).unwrap();
    sample
        .file("templates/broken/email.html", "{{#if contact.first_name}}")
        .file("templates/broken/post.md", "{{x}}");
    for number in 0..60 {
        let text = match number % 4 {
            0 => good.clone(),
            1 => good.replace("template = \"letter\"", "template = \"broken\""),
            2 => good.replacen("subject", "preheader = \"{{contact.frist_name}}\"\nsubject", 1),
            _ => good.replacen("Half price", "Half {{facts.nothing}} price {{contact.points}}", 1),
        };
        sample.file(&format!("campaigns/c{number:02}.toml"), text);
    }
    let workspace = sample.load();
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
