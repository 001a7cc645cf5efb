//! The check of DMARC (RFC 7489): the policy of the sender's domain, and the alignment of its
//! signature. The record is found by walking up the DNS tree, as in the successor of that RFC.

use smtp::sign::tags::Tags;

use super::{Dns, DnsError, Finding};

/// The maximum number of names that are queried.
const MAX_NAMES: usize = 8;

/// The DMARC records of one name on the way up the DNS tree.
struct TreeStep {
    domain: String,
    records: Vec<String>,
}

/// Checks the policy of the domain `from`, and that a signature by the domain `signed` is aligned
/// with it.
pub(super) async fn examine(dns: &Dns, from: &str, signed: Option<&str>) -> Vec<Finding> {
    let path = match walk(dns, from).await {
        Ok(path) => path,
        Err(error) => return vec![Finding::unanswered("dmarc", &error)],
    };
    let mut findings = vec![check_policy(from, &path)];
    if let Some(signed) = signed {
        findings.push(match walk(dns, signed).await {
            Ok(other) => check_alignment(from, signed, &path, &organizational_domain(signed, &other)),
            Err(error) => Finding::unanswered("alignment", &error),
        });
    }
    findings
}

/// Returns the records of a name and of its parents, the name itself first.
async fn walk(dns: &Dns, domain: &str) -> Result<Vec<TreeStep>, DnsError> {
    let labels: Vec<_> = domain.split('.').collect();
    // A long name is queried itself, and then from its last seven labels up.
    let starts = (0..labels.len()).filter(|start| *start == 0 || labels.len() - start < MAX_NAMES);
    let mut path = Vec::new();
    for start in starts {
        let name = labels[start..].join(".");
        let texts = dns.txt(&format!("_dmarc.{name}")).await?;
        let records = texts.into_iter().filter(|text| Tags::read(text).starts_with("v", "DMARC1")).collect();
        path.push(TreeStep { domain: name, records });
    }
    Ok(path)
}

/// Returns the record of a name if it has exactly one: several count as none (RFC 7489 §6.6.3).
fn only_record(step: &TreeStep) -> Option<Tags<'_>> {
    match step.records.as_slice() {
        [text] => Some(Tags::read(text)),
        _ => None,
    }
}

/// Returns the organizational domain of `domain`, whose sub-domains have one owner: the highest one
/// with a record, below the public suffix of a registry (`psd=y`).
fn organizational_domain(domain: &str, path: &[TreeStep]) -> String {
    let mut found = domain.to_owned();
    for (at, step) in path.iter().enumerate() {
        let Some(tags) = only_record(step) else { continue };
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

fn check_policy(from: &str, path: &[TreeStep]) -> Finding {
    let fix = format!("Publish _dmarc.{from} TXT \"v=DMARC1; p=none; rua=mailto:dmarc@{from}\".");
    if let Some(step) = path.iter().find(|step| step.records.len() > 1) {
        let found =
            format!("_dmarc.{} has {} records, so receivers use none", step.domain, step.records.len());
        return Finding::fail_outside("dmarc", found, "Keep one of them.");
    }
    let nearest = path.iter().find_map(|step| only_record(step).map(|tags| (step, tags)));
    let Some((step, tags)) = nearest else {
        return Finding::fail_outside(
            "dmarc",
            format!("{from} has no DMARC record, and no parent domain has one"),
            fix,
        );
    };
    let text = step.records.first().map(String::as_str).unwrap_or_default();
    let shown: String = text.chars().take(200).collect();
    let known = |policy: &str| matches!(policy, "none" | "quarantine" | "reject");
    match tags.get("p").map(str::to_ascii_lowercase) {
        Some(policy) if known(&policy) => Finding::pass("dmarc", format!("_dmarc.{}: {shown}", step.domain)),
        _ => {
            let found = format!("_dmarc.{} has no policy: {shown}", step.domain);
            Finding::fail_outside(
                "dmarc",
                found,
                "Write `p=none`, `p=quarantine` or `p=reject` after `v=DMARC1;`.",
            )
        }
    }
}

/// Checks that a signature by `signed` counts for e-mail from `from` (RFC 7489 §3.1.1).
fn check_alignment(from: &str, signed: &str, path: &[TreeStep], signed_organization: &str) -> Finding {
    let strict = path.iter().find_map(only_record).and_then(|tags| tags.get("adkim")) == Some("s");
    let found = format!("messages from {from} are signed by {signed}");
    let is_aligned = from == signed || !strict && organizational_domain(from, path) == signed_organization;
    if is_aligned {
        return Finding::pass("alignment", found);
    }
    let fix = format!("Leave `domain` out of [channels.NAME.dkim], so that {from} signs.");
    Finding::fail_here("alignment", format!("{found}, which DMARC does not count"), fix)
}
