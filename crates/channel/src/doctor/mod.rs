//! Looks at everything between a channel and its readers before anybody is written to: the server, the DNS, the
//! signature. Sends nothing.

mod dkim;
mod dmarc;
mod dns;
mod finding;
mod mail;
mod network;
mod relay;
mod spf;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use campaign::{Channel, ChannelKind, Mailbox, Secret};
use egress::{Proxy, Settings};
use jiff::Timestamp;
use message::{Email, Limits, SenderError};
use rustls::pki_types::CertificateDer;
use smtp::{Relay, Signer};
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use dns::{Dns, DnsError, Zone};
pub use finding::{Finding, Verdict};

/// Examines channels, all within the time that is left. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Doctor {
    dns: Arc<Dns>,
    now: Timestamp,
    until: Instant,
    roots: Vec<CertificateDer<'static>>,
    proxy: Option<Proxy>,
}

impl Doctor {
    /// One who asks `dns`, dates certificates by `now`, and has `patience`.
    #[must_use]
    pub fn new(dns: Dns, now: Timestamp, patience: Duration) -> Self {
        Self { dns: Arc::new(dns), now, until: Instant::now() + patience, roots: Vec::new(), proxy: None }
    }

    /// The same, who trusts these authorities (DER) besides the machine's own.
    #[must_use]
    pub fn trusting(self, roots: Vec<CertificateDer<'static>>) -> Self {
        Self { roots, ..self }
    }

    /// The same, who makes HTTP requests through a proxy if there is one.
    #[must_use]
    pub fn behind(self, proxy: Option<Proxy>) -> Self {
        Self { proxy, ..self }
    }

    /// Everything about a channel. `sample` is a message of its own, to be signed.
    pub async fn channel(&self, channel: &Channel, sample: Option<Email>) -> Vec<Finding> {
        let findings = match &channel.kind {
            ChannelKind::Outbox { .. } => {
                vec![Finding::pass("outbox", "keeps messages; nothing leaves this machine")]
            }
            ChannelKind::Smtp { url, from, .. } => Box::pin(self.mail(channel, url, from, sample)).await,
            ChannelKind::Network(account) => {
                let examined = network::examine(&self.dns, account, self.now, self.settings());
                self.several("address", examined).await
            }
        };
        let about = format!("channel {}", channel.id);
        let table = format!("[channels.{}.", channel.id);
        let own = |finding: Finding| {
            let fix = finding.fix.as_ref().map(|fix| fix.replace("[channels.NAME.", &table));
            Finding { fix, ..finding.about(about.as_str()) }
        };
        findings.into_iter().map(own).collect()
    }

    /// Whether readers find the host of tracked links.
    pub async fn public_url(&self, url: &Url) -> Finding {
        let Some(host) = url.domain() else { return Finding::pass("host", "links name an address") };
        let addresses = async {
            match self.dns.addresses(host).await {
                Ok(found) if found.is_empty() => Finding::fail_outside(
                    "host",
                    format!("{host} has no address, so links lead nowhere"),
                    format!("Publish {host} A <the address of this server>."),
                ),
                Ok(_) => Finding::pass("host", format!("{host} has an address")),
                Err(error) => Finding::unanswered("host", &error),
            }
        };
        self.within("host", addresses).await
    }

    async fn mail(
        &self,
        channel: &Channel,
        url: &Secret,
        from: &Mailbox,
        sample: Option<Email>,
    ) -> Vec<Finding> {
        let (dns, domain) = (&*self.dns, from.address.domain());
        let signer = Signer::of(channel);
        let signed = signer.as_ref().ok().and_then(Option::as_ref).map(Signer::domain);
        let (relay, dkim, dmarc, spf, sender, bounces) = tokio::join!(
            self.relay(url),
            self.signature(&signer, sample),
            self.several("dmarc", dmarc::examine(dns, domain, signed)),
            self.within("spf", spf::examine(dns, domain)),
            self.within("sender", mail::sender(dns, domain)),
            self.within("bounces", mail::bounces(dns, domain)),
        );
        [relay, vec![spf], dkim, dmarc, vec![sender, bounces]].concat()
    }

    async fn relay(&self, url: &Secret) -> Vec<Finding> {
        match url.expose() {
            Ok(url) => {
                let relay = Relay::new(url, self.roots.clone(), quick());
                self.several("relay", relay::examine(&self.dns, relay, self.now)).await
            }
            Err(missing) => vec![unset("relay", &missing)],
        }
    }

    async fn signature(
        &self,
        signer: &Result<Option<Signer>, SenderError>,
        sample: Option<Email>,
    ) -> Vec<Finding> {
        match signer {
            Ok(Some(signer)) => {
                let sample = sample.unwrap_or_else(|| plain_sample(signer.domain()));
                self.several("dkim", dkim::examine(&self.dns, signer, sample)).await
            }
            Ok(None) => vec![dkim::unsigned()],
            Err(error) => {
                let fix = "Set or mend `key` in [channels.NAME.dkim].";
                vec![Finding::fail_here("dkim", format!("cannot {error}"), fix)]
            }
        }
    }

    fn settings(&self) -> Settings {
        Settings { roots: self.roots.clone(), timeout: quick().request, proxy: self.proxy.clone() }
    }

    async fn within(&self, check: &'static str, work: impl Future<Output = Finding>) -> Finding {
        timeout_at(self.until, work).await.unwrap_or_else(|_| late(check))
    }

    async fn several(&self, check: &'static str, work: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
        timeout_at(self.until, work).await.unwrap_or_else(|_| vec![late(check)])
    }
}

fn late(check: &'static str) -> Finding {
    Finding::fail_outside(check, "no answer in time", "Try again; if it stays, ask who runs the other side.")
}

fn unset(check: &'static str, missing: &dyn std::fmt::Display) -> Finding {
    Finding::fail_here(check, missing.to_string(), "Set it where Chorus runs.")
}

/// Nobody waits for minutes here.
fn quick() -> Limits {
    let seconds = Duration::from_secs;
    Limits { connect: seconds(3), greeting: seconds(8), command: seconds(8), ..Limits::default() }
}

/// A message for a channel that no campaign uses yet.
fn plain_sample(domain: &str) -> Email {
    let raw = format!(
        "From: news@{domain}\r\nTo: reader@{domain}\r\nSubject: A sample\r\nMessage-ID: <sample@{domain}>\r\n\
         Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nA sample\r\n"
    );
    Email {
        envelope_from: format!("news@{domain}"),
        envelope_to: format!("reader@{domain}"),
        subject: "A sample".to_owned(),
        html: String::new(),
        text: "A sample".to_owned(),
        raw: raw.into_bytes(),
    }
}
