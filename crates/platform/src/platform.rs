//! The server of all networks, as tests and the demo use it.

use std::fmt::Write as _;

use fake_server::{Clock, Fault, HttpServer, Kind, LoggedRequest, Received, StartError, account};

use crate::registry;

/// A server for all networks on one port of 127.0.0.1, until it is [finished](Platform::finish).
#[derive(Debug)]
pub struct Platform {
    server: HttpServer,
}

impl Platform {
    /// Listens on a free port of 127.0.0.1. `clock` returns the time in Unix milliseconds, by which
    /// signatures, tokens and rate limits are checked.
    ///
    /// # Errors
    /// No port is free to listen on.
    pub async fn start(clock: Clock) -> Result<Self, StartError> {
        Ok(Self { server: HttpServer::start(registry::network, clock).await? })
    }

    /// Returns the base of a network's URLs, in place of the vendor's origin:
    /// `http://127.0.0.1:PORT/NAME`.
    pub fn base_url(&self, kind: Kind) -> String {
        self.server.base_url(kind)
    }

    /// Returns the full URL to post to, for a network whose account is a URL.
    pub fn hook(&self, kind: Kind) -> Option<String> {
        let (_, path) = account(kind).url?.split_once("://")?.1.split_once('/')?;
        Some(format!("{}/{path}", self.base_url(kind)))
    }

    /// Returns the URL of the page that shows the posts.
    pub fn page(&self) -> String {
        self.server.page()
    }

    /// Returns the newest thousand posts that `kind` accepted, oldest first.
    pub fn received(&self, kind: Kind) -> Vec<Received> {
        self.server.state(kind).received.iter().cloned().collect()
    }

    /// Returns the number of all posts that `kind` has ever accepted.
    pub fn accepted(&self, kind: Kind) -> u64 {
        self.server.state(kind).accepted
    }

    /// Returns the newest thousand requests to `kind`, accepted or refused, oldest first.
    pub fn requests(&self, kind: Kind) -> Vec<LoggedRequest> {
        self.server.state(kind).requests.iter().cloned().collect()
    }

    /// Adds a fault for the next request that would make a post, after the faults already there.
    pub fn fault(&self, kind: Kind, fault: Fault) {
        self.server.state(kind).faults.push_back((None, fault));
    }

    /// Adds a fault for the next request whose path below the network's prefix contains `part`.
    pub fn fault_on(&self, kind: Kind, part: &str, fault: Fault) {
        self.server.state(kind).faults.push_back((Some(part.to_owned()), fault));
    }

    /// Returns the number of requests that wait because of [`Fault::Held`].
    pub fn held(&self) -> usize {
        self.server.held()
    }

    /// Lets the held requests continue.
    pub fn release(&self) {
        self.server.release();
    }

    /// Enables or disables the vendors' published rate limits, which are disabled at first.
    pub fn set_strict_rates(&self, strict: bool) {
        self.server.set_strict_rates(strict);
    }

    /// Adds a host that links may lead to on `kind`, if the network requires hosts to be registered
    /// (Weibo). 127.0.0.1, localhost and harbour.example with its subdomains are registered.
    pub fn add_safe_host(&self, kind: Kind, host: &str) {
        self.server.state(kind).safe_hosts.push(host.to_owned());
    }

    /// Returns a complete `[channels.NAME]` table for `chorus.toml`; its secrets are `${…}` of
    /// [variables](Self::variables).
    pub fn channel_toml(&self, kind: Kind, name: &str) -> String {
        let mut table =
            format!("[channels.{name}]\nkind = \"{kind}\"\nbase_url = \"{}\"\n", self.base_url(kind));
        for (key, value, secret) in account(kind).keys() {
            let value = if secret { format!("${{{}}}", variable(kind, key)) } else { value.to_owned() };
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{key} = \"{value}\"");
        }
        table
    }

    /// Returns the names and values of all environment variables in
    /// [`channel_toml`](Self::channel_toml).
    pub fn variables() -> Vec<(String, String)> {
        let of = |kind: Kind| {
            let secrets = account(kind).keys().into_iter().filter(|(.., secret)| *secret);
            secrets.map(move |(key, value, _)| (variable(kind, key), value.to_owned()))
        };
        Kind::all().flat_map(of).collect()
    }

    /// Stops listening and ends every open connection, hanging ones after a second.
    pub async fn finish(self) {
        self.server.finish().await;
    }
}

fn variable(kind: Kind, key: &str) -> String {
    format!("PLATFORM_{kind}_{key}").to_ascii_uppercase()
}
