//! Tests of the checks with fixed DNS records, right ones and wrong ones.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Dkim, DkimKey};

use super::*;

const FROM: &str = "harbour.example";
const SPF: &str = "v=spf1 include:relay.example ip4:192.0.2.0/24 -all";
const DMARC: &str = "v=DMARC1; p=none; rua=mailto:dmarc@harbour.example";

/// Returns records with which every check passes.
fn zone() -> Zone {
    let mut zone = Zone::default();
    txt(&mut zone, FROM, &["google-site-verification=1", SPF]);
    txt(&mut zone, "relay.example", &["v=spf1 ip4:198.51.100.1 ip6:2001:db8::/32 ~all"]);
    txt(&mut zone, "_dmarc.harbour.example", &[DMARC]);
    zone.mx.insert(FROM.into(), vec![(20, "two.harbour.example".into()), (10, "mx.harbour.example".into())]);
    let address: std::net::IpAddr = "93.184.216.34".parse().unwrap();
    zone.addresses.insert("mx.harbour.example".into(), vec![address]);
    zone.addresses.insert("mail.harbour.example".into(), vec![address]);
    zone.names.insert(address, vec!["Mail.harbour.example".into()]);
    zone
}

fn txt(zone: &mut Zone, name: &str, texts: &[&str]) {
    zone.txt.insert(name.into(), texts.iter().map(|text| (*text).to_owned()).collect());
}

/// Returns [`zone`] with these TXT records at a name instead of its own.
fn with(name: &str, texts: &[&str]) -> Dns {
    let mut zone = zone();
    txt(&mut zone, name, texts);
    Dns::Fixed(zone)
}

#[track_caller]
fn is(finding: &Finding, verdict: CheckVerdict, found: &str) {
    assert_eq!(finding.verdict, verdict, "{finding:?}");
    assert!(finding.found.contains(found), "{found:?} is not in {finding:?}");
    assert_eq!(finding.fix.is_some(), verdict != CheckVerdict::Pass, "{finding:?}");
}

#[tokio::test]
async fn correct_records_pass() {
    let dns = Dns::Fixed(zone());
    is(&spf::examine(&dns, FROM).await, CheckVerdict::Pass, "1 of 10 lookups");
    is(&mail::examine_sender(&dns, FROM).await, CheckVerdict::Pass, "mx.harbour.example");
    is(&mail::examine_bounces(&dns, FROM).await, CheckVerdict::Pass, "mx.harbour.example");
    is(&mail::examine_reverse_dns(&dns, "mail.harbour.example").await, CheckVerdict::Pass, "93.184.216.34");
    for finding in dmarc::examine(&dns, FROM, Some(FROM)).await {
        is(&finding, CheckVerdict::Pass, FROM);
    }
}

#[tokio::test]
async fn spf_needs_one_record_with_an_end_and_ten_lookups_at_most() {
    use CheckVerdict::{FailOutside, Pass, Warn};
    let many = format!("v=spf1{} -all", " a:x.example".repeat(11));
    let ten = format!("v=spf1{} -all", " mx".repeat(10));
    for (record, verdict, found) in [
        ("V=SPF1 mx a ~all", Pass, "2 of 10"),
        (ten.as_str(), Pass, "10 of 10"),
        (many.as_str(), FailOutside, "more than 10"),
        ("v=spf1 include:harbour.example -all", FailOutside, "more than 10"),
        ("v=spf1 redirect=relay.example", Pass, "1 of 10"),
        ("v=spf1 -all redirect=nowhere.example", Pass, "0 of 10"),
        ("v=spf1 exists:%{i}.x.example x-new=1 -all", Pass, "1 of 10"),
        ("v=spf1 include:%{d}.x.example -all", Pass, "1 of 10"),
        ("v=spf1 include:nowhere.example -all", FailOutside, "nowhere.example has no SPF"),
        ("v=spf1 ip4:300.1.1.1 -all", FailOutside, "ip4:300.1.1.1"),
        ("v=spf1 ipv4:192.0.2.1 -all", FailOutside, "ipv4:192.0.2.1"),
        ("v=spf1 mx ?all", Warn, "does not say"),
        ("v=spf1 mx", Warn, "does not say"),
        ("v=spf1 +all", FailOutside, "anyone"),
        ("v=spf1 all", FailOutside, "anyone"),
    ] {
        is(&spf::examine(&with(FROM, &[record]), FROM).await, verdict, found);
    }
    is(&spf::examine(&with(FROM, &["v=spf10 -all"]), FROM).await, FailOutside, "no SPF record");
    is(&spf::examine(&with(FROM, &[SPF, SPF]), FROM).await, FailOutside, "2 SPF records");
    let twice = with("relay.example", &[SPF, SPF]);
    is(&spf::examine(&twice, FROM).await, FailOutside, "relay.example has several");
}

#[tokio::test]
async fn dmarc_is_found_at_the_domain_or_a_parent_and_needs_a_policy() {
    use CheckVerdict::{FailHere, FailOutside, Pass};
    let of = |dns: Dns, from: &'static str, signed: Option<&'static str>| async move {
        dmarc::examine(&dns, from, signed).await
    };
    let name = "_dmarc.harbour.example";
    for (texts, verdict, found) in [
        (vec!["v=DMARC1; p=REJECT"], Pass, "REJECT"),
        (vec!["v=spf1"], FailOutside, "no DMARC record"),
        (vec![DMARC, DMARC], FailOutside, "2 records"),
        (vec!["v=DMARC1; rua=mailto:a@b.example"], FailOutside, "no policy"),
        (vec!["p=none; v=DMARC1"], FailOutside, "no DMARC record"),
    ] {
        is(&of(with(name, &texts), FROM, None).await[0], verdict, found);
    }
    let below = of(Dns::Fixed(zone()), "a.b.c.d.e.f.g.h.news.harbour.example", None).await;
    is(&below[0], Pass, "_dmarc.harbour.example");

    // Alignment: the same organizational domain, or the same domain if the record says `adkim=s`.
    let pair = |adkim: &'static str, signed| of(with(name, &[adkim]), "news.harbour.example", Some(signed));
    is(&pair(DMARC, "mail.harbour.example").await[1], Pass, "mail.harbour.example");
    is(&pair("v=DMARC1; p=none; adkim=s", "harbour.example").await[1], FailHere, "does not count");
    is(&pair("v=DMARC1; p=none; adkim=s", "news.harbour.example").await[1], Pass, "");
    is(&pair(DMARC, "other.example").await[1], FailHere, "other.example");
    let registry = with("_dmarc.example", &["v=DMARC1; p=reject; psd=y"]);
    is(&of(registry, FROM, Some("other.example")).await[1], FailHere, "other.example");
}

/// Returns the settings of a new RSA key.
fn key() -> Dkim {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = STANDARD.encode(pair.as_der().unwrap().as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    let rsa = DkimKey { selector: "s1".into(), key: Secret::new(pem) };
    Dkim { domain: FROM.into(), rsa, ed25519: None }
}

#[tokio::test]
async fn the_published_key_must_match_the_signing_key() {
    use CheckVerdict::{FailOutside, Pass, Warn};
    let signer = DkimSigner::new(&key()).unwrap();
    let [(name, record)] = signer.records().try_into().unwrap();
    assert_eq!(name, "s1._domainkey.harbour.example");
    let other = DkimSigner::new(&key()).unwrap().records().remove(0).1;
    let bare = record.replace("v=DKIM1; k=rsa; ", "");
    for (texts, verdict, found, holds) in [
        (vec![record.as_str()], Pass, "public half", Pass),
        (vec![bare.as_str()], Pass, "public half", Pass),
        (vec![&format!("{record}; t=y")], Warn, "t=y", Pass),
        (vec![], FailOutside, "has no key", Pass),
        (vec![&record, &record], FailOutside, "2 records", Pass),
        (vec![&other], FailOutside, "not the public half", FailOutside),
        (vec!["v=DKIM1; p="], FailOutside, "revoked", FailOutside),
        (vec!["hello"], FailOutside, "no record of a key", FailOutside),
        (vec![&record.replace("k=rsa", "k=ed25519")], FailOutside, "another kind", Pass),
        (vec![&format!("{record}; h=sha1")], FailOutside, "SHA-256", Pass),
        (vec![&format!("{record}; s=tlsrpt")], FailOutside, "not for e-mail", Pass),
    ] {
        let findings = dkim::examine(&with(&name, &texts), &signer, sample_email(FROM)).await;
        is(&findings[0], verdict, found);
        is(&findings[1], holds, "");
        if verdict == FailOutside {
            assert!(findings[0].fix.as_ref().unwrap().contains(&record), "{findings:?}");
        }
    }
}

#[tokio::test]
async fn dns_records_cannot_control_the_terminal() {
    let record = format!("v=spf1 -all \u{1b}[2J\r\n\u{9b}{}", "x".repeat(5_000));
    let finding = spf::examine(&with(FROM, &[&record]), FROM).await;
    assert!(!finding.found.chars().any(char::is_control), "{finding:?}");
    let name = format!("\u{1b}]0;{}", "y".repeat(5_000));
    let mut zone = zone();
    zone.mx.insert(FROM.into(), vec![(1, name)]);
    let finding = mail::examine_sender(&Dns::Fixed(zone), FROM).await;
    assert!(!finding.found.chars().any(char::is_control) && finding.found.len() < 1_100, "{finding:?}");
}

#[tokio::test]
async fn the_sender_s_domain_must_accept_mail() {
    use CheckVerdict::{FailOutside, Pass, Warn};
    let mx = |servers: &[&str]| {
        let mut zone = zone();
        zone.mx.insert(FROM.into(), servers.iter().map(|server| (10, (*server).to_owned())).collect());
        zone
    };
    is(&mail::examine_sender(&Dns::Fixed(mx(&["."])), FROM).await, FailOutside, "takes no mail");
    is(&mail::examine_sender(&Dns::Fixed(mx(&["gone.example"])), FROM).await, FailOutside, "no address");
    is(&mail::examine_sender(&Dns::Fixed(mx(&[])), FROM).await, FailOutside, "neither");
    let mut bare = mx(&[]);
    bare.addresses.insert(FROM.into(), vec!["93.184.216.34".parse().unwrap()]);
    is(&mail::examine_sender(&Dns::Fixed(bare.clone()), FROM).await, Pass, "its own address");
    is(&mail::examine_bounces(&Dns::Fixed(bare), FROM).await, Warn, "no MX");
}

#[tokio::test]
async fn forward_and_reverse_dns_must_match() {
    use CheckVerdict::{FailOutside, Warn};
    let dns = Dns::Fixed(zone());
    for name in ["localhost", "[127.0.0.1]", "192.0.2.1", ""] {
        is(&mail::examine_reverse_dns(&dns, name).await, Warn, "no fully qualified name");
    }
    is(&mail::examine_reverse_dns(&dns, "gone.example").await, FailOutside, "no public address");
    is(
        &mail::examine_reverse_dns(&dns, "mx.harbour.example").await,
        FailOutside,
        "called Mail.harbour.example",
    );
    let mut internal = zone();
    internal.addresses.insert("mail.harbour.example".into(), vec!["10.0.0.1".parse().unwrap()]);
    is(
        &mail::examine_reverse_dns(&Dns::Fixed(internal), "mail.harbour.example").await,
        FailOutside,
        "no public address",
    );
}

#[tokio::test]
async fn a_dns_timeout_is_reported_as_such() {
    let mut zone = zone();
    zone.unresponsive = vec![FROM.into(), "_dmarc.harbour.example".into(), "mail.harbour.example".into()];
    let dns = Dns::Fixed(zone);
    let findings = [
        spf::examine(&dns, FROM).await,
        mail::examine_sender(&dns, FROM).await,
        mail::examine_reverse_dns(&dns, "mail.harbour.example").await,
        dmarc::examine(&dns, FROM, None).await.remove(0),
    ];
    for finding in findings {
        is(&finding, CheckVerdict::FailOutside, "no answer within 3 s");
    }
}

#[tokio::test]
async fn the_host_of_a_network_is_resolved_and_checked() {
    use CheckVerdict::{FailHere, FailOutside, Pass, Warn};
    let mut zone = zone();
    zone.addresses.insert("inside.example".into(), vec!["10.0.0.1".parse().unwrap()]);
    let dns = Dns::Fixed(zone);
    let settings = Settings { roots: Vec::new(), timeout: short_timeouts().request, proxy: None };
    for (url, verdict, found) in [
        ("https://mail.harbour.example/hook/secret", Pass, "may be reached"),
        ("http://mail.harbour.example/hook", Warn, "unencrypted"),
        ("https://inside.example/", FailOutside, "private"),
        ("https://gone.example/", FailOutside, "no address"),
        ("http://127.0.0.1:8080/", Pass, "chorus.toml names it"),
        ("http://localhost:8080/", Pass, "this machine"),
        ("http://169.254.169.254/", FailHere, "never be reached"),
        ("ftp://mail.harbour.example/", FailHere, "http://"),
        ("not one", FailHere, "its url is not"),
    ] {
        let account = campaign::Account::webhook(campaign::Secret::new(url), None, campaign::Per::Feed);
        let now = Timestamp::UNIX_EPOCH;
        let finding = network::examine(&dns, &account, now, settings.clone()).await.remove(0);
        is(&finding, verdict, found);
        assert!(!finding.found.contains("secret"), "{finding:?}");
    }
}
