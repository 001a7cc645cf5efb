//! What a domain asks of those who get mail in its name: DMARC (RFC 7489), found by walking up the tree as its
//! successor does.

use smtp::sign::tags::Tags;

use super::{Dns, DnsError, Finding};

/// How many names are asked at most.
const MOST: usize = 8;

/// What was found at a name on the way up.
struct Step {
    domain: String,
    records: Vec<String>,
}

/// Looks for the policy of the sender's domain, and whether a signature by `signed` counts for it.
pub(super) async fn examine(dns: &Dns, from: &str, signed: Option<&str>) -> Vec<Finding> {
    let path = match walk(dns, from).await {
        Ok(path) => path,
        Err(error) => return vec![Finding::unanswered("dmarc", &error)],
    };
    let mut findings = vec![policy(from, &path)];
    if let Some(signed) = signed {
        findings.push(match walk(dns, signed).await {
            Ok(other) => aligned(from, signed, &path, &organisation(signed, &other)),
            Err(error) => Finding::unanswered("alignment", &error),
        });
    }
    findings
}

/// The records at a name and above it, the nearest first.
async fn walk(dns: &Dns, domain: &str) -> Result<Vec<Step>, DnsError> {
    let labels: Vec<_> = domain.split('.').collect();
    // A long name is asked itself, and then from its last seven labels up.
    let starts = (0..labels.len()).filter(|start| *start == 0 || labels.len() - start < MOST);
    let mut path = Vec::new();
    for start in starts {
        let name = labels[start..].join(".");
        let texts = dns.txt(&format!("_dmarc.{name}")).await?;
        let records = texts.into_iter().filter(|text| Tags::read(text).starts_with("v", "DMARC1")).collect();
        path.push(Step { domain: name, records });
    }
    Ok(path)
}

/// The only record of a step: several count as none (RFC 7489 §6.6.3).
fn record(step: &Step) -> Option<Tags<'_>> {
    match step.records.as_slice() {
        [text] => Some(Tags::read(text)),
        _ => None,
    }
}

/// The domain whose parts belong to one owner: the highest one with a record, below a registry's.
fn organisation(domain: &str, path: &[Step]) -> String {
    let mut found = domain.to_owned();
    for (at, step) in path.iter().enumerate() {
        let Some(tags) = record(step) else { continue };
        match tags.get("psd") {
            Some("n") => return step.domain.clone(),
            Some("y") => {
                let below = at.checked_sub(1).and_then(|below| path.get(below));
                return below.map_or_else(|| found.clone(), |below| below.domain.clone());
            }
            _ => found.clone_from(&step.domain),
        }
    }
    found
}

fn policy(from: &str, path: &[Step]) -> Finding {
    let fix = format!("Publish _dmarc.{from} TXT \"v=DMARC1; p=none; rua=mailto:dmarc@{from}\".");
    if let Some(step) = path.iter().find(|step| step.records.len() > 1) {
        let found =
            format!("_dmarc.{} has {} records, so receivers take none", step.domain, step.records.len());
        return Finding::fail_outside("dmarc", found, "Keep one of them.");
    }
    let nearest = path.iter().find_map(|step| record(step).map(|tags| (step, tags)));
    let Some((step, tags)) = nearest else {
        return Finding::fail_outside(
            "dmarc",
            format!("{from} has no DMARC record, nor a domain above"),
            fix,
        );
    };
    let text = step.records.first().map(String::as_str).unwrap_or_default();
    let shown: String = text.chars().take(200).collect();
    let known = |policy: &str| matches!(policy, "none" | "quarantine" | "reject");
    match tags.get("p").map(str::to_ascii_lowercase) {
        Some(policy) if known(&policy) => Finding::pass("dmarc", format!("_dmarc.{}: {shown}", step.domain)),
        _ => {
            let found = format!("_dmarc.{} says no policy: {shown}", step.domain);
            Finding::fail_outside(
                "dmarc",
                found,
                "Write `p=none`, `p=quarantine` or `p=reject` after `v=DMARC1;`.",
            )
        }
    }
}

/// Whether a signature by `signed` counts for mail from `from` (RFC 7489 §3.1.1).
fn aligned(from: &str, signed: &str, path: &[Step], organisation_of_signed: &str) -> Finding {
    let strict = path.iter().find_map(record).and_then(|tags| tags.get("adkim")) == Some("s");
    let found = format!("messages from {from} are signed by {signed}");
    let same = from == signed || !strict && organisation(from, path) == organisation_of_signed;
    if same {
        return Finding::pass("alignment", found);
    }
    let fix = format!("Leave `domain` out of [channels.NAME.dkim], so that {from} signs.");
    Finding::fail_here("alignment", format!("{found}, which DMARC does not count"), fix)
}
