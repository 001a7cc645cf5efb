//! Bluesky's Personal Data Server (@atproto/pds), with the directory of identities that it needs
//! (@did-plc/server, which keeps its data in memory).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ::tests::{Guard, HttpClient, ProxyFault, child_command, free_port, until};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::sample_campaign::{ACTION, ALT, HEADLINE, LABEL, PRICE};
use super::{Oracle, json_text, ok_json};
use crate::servers::Fetcher;

/// The name of the server in messages.
pub(super) const NAME: &str = "Bluesky's PDS (@atproto/pds 0.5.35)";

const PDS: &str = "@atproto/pds@0.5.35";
const PLC: &str = "@did-plc/server@0.0.1";
/// The date as of which their dependencies are resolved.
const DEPENDENCY_DATE: &str = "2026-11-20";
const HANDLE: &str = "harbour.test";
const COLLECTION: &str = "app.bsky.feed.post";

/// The folders in which the servers and Node.js are installed.
#[derive(Debug)]
pub(super) struct Programs {
    node: PathBuf,
    pds: PathBuf,
    plc: PathBuf,
}

/// A running server with an account.
#[derive(Debug)]
pub(super) struct Pds {
    port: u16,
    http: HttpClient,
    did: String,
    /// The app password with which Chorus logs in, not the password of the account.
    password: String,
    // The fields are dropped, and the processes stopped, in this order.
    _pds: Guard,
    _plc: Guard,
    _folder: TempDir,
}

impl Programs {
    pub(super) fn fetch(fetcher: &Fetcher, node: PathBuf) -> Result<Self> {
        let pds = fetcher.node(PDS, DEPENDENCY_DATE, &["better-sqlite3"])?;
        Ok(Self { node, pds, plc: fetcher.node(PLC, DEPENDENCY_DATE, &[])? })
    }

    /// Returns a command for a script that can import the packages installed in `folder`.
    fn script(&self, folder: &Path, script: &str, log: &Path) -> Result<Command> {
        let mut command = child_command(&self.node);
        command.args(["--input-type=module", "--eval", script]).current_dir(folder);
        let log = File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}

impl Pds {
    /// Starts both servers and creates an account.
    pub(super) fn start(programs: &Programs) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chorus-pds-").tempdir()?;
        let (plc_port, port) = (free_port()?, free_port()?);
        let log = folder.path().join("plc.log");
        let mut command = programs.script(&programs.plc, include_str!("plc.mjs"), &log)?;
        let mut plc = Guard::spawn("the directory", command.env("PORT", plc_port.to_string()))?;
        wait_until_ready("the directory", &mut plc, plc_port, "/_health", &log)?;
        let log = folder.path().join("pds.log");
        let mut command = programs.script(&programs.pds, include_str!("pds.mjs"), &log)?;
        configure(&mut command, folder.path(), port, plc_port)?;
        let mut pds = Guard::spawn("the PDS", &mut command)?;
        wait_until_ready("the PDS", &mut pds, port, "/xrpc/_health", &log)?;
        let http = HttpClient::local(port);
        let (did, password) = create_account(http)?;
        Ok(Self { port, http, did, password, _pds: pds, _plc: plc, _folder: folder })
    }

    fn get(&self, method: &str) -> Result<Value> {
        ok_json(&self.http.get(&format!("/xrpc/{method}"))?, method)
    }
}

/// Sets the environment for a server with open registration and without federation.
fn configure(command: &mut Command, folder: &Path, port: u16, plc: u16) -> Result<()> {
    let blobs = folder.join("blobs");
    fs::create_dir_all(&blobs)?;
    command
        .env("PDS_PORT", port.to_string())
        .env("PDS_HOSTNAME", "localhost")
        .env("PDS_DEV_MODE", "true")
        .env("PDS_INVITE_REQUIRED", "false")
        // No other machine can reach it, and it is stopped after the trial.
        .env("PDS_JWT_SECRET", "jwt")
        .env("PDS_ADMIN_PASSWORD", "admin")
        .env("PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", format!("{:064}", 7))
        .env("PDS_DATA_DIRECTORY", folder)
        .env("PDS_BLOBSTORE_DISK_LOCATION", blobs)
        .env("PDS_DID_PLC_URL", format!("http://127.0.0.1:{plc}"))
        .env("LOG_ENABLED", "true");
    Ok(())
}

/// Waits until a server answers with status 200; fails with its log if it does not.
pub(super) fn wait_until_ready(
    name: &str,
    guard: &mut Guard,
    port: u16,
    path: &str,
    log: &Path,
) -> Result<()> {
    let http = HttpClient::local(port);
    until(&format!("{name} to answer"), Duration::from_secs(90), || {
        if let Some(status) = guard.exit_status()? {
            bail!("{name} ended: {status}");
        }
        Ok(http.get(path).ok().filter(|answer| answer.status == 200).map(|_| ()))
    })
    .with_context(|| fs::read_to_string(log).unwrap_or_default())
}

/// Creates an account and returns its DID and an app password.
fn create_account(http: HttpClient) -> Result<(String, String)> {
    let call = |method: &str, body: &Value, token: &str| {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(Some(("Authorization", bearer.as_str())).filter(|_| !token.is_empty()));
        let path = format!("/xrpc/com.atproto.server.{method}");
        ok_json(&http.call("POST", &path, &headers, body.to_string().as_bytes())?, method)
    };
    let user = json!({ "handle": HANDLE, "email": "news@harbour.test", "password": "a long password" });
    let made = call("createAccount", &user, "")?;
    let app = call("createAppPassword", &json!({ "name": "chorus" }), json_text(&made, "/accessJwt")?)?;
    Ok((json_text(&made, "/did")?.to_owned(), json_text(&app, "/password")?.to_owned()))
}

impl Oracle for Pds {
    fn port(&self) -> u16 {
        self.port
    }

    fn channel(&self) -> String {
        format!("kind = \"bluesky\"\naccount = \"{HANDLE}\"\ntoken = \"{}\"\n", self.password)
    }

    fn requests(&self) -> &'static [&'static str] {
        &["com.atproto.server.createSession", "com.atproto.repo.uploadBlob", "com.atproto.repo.createRecord"]
    }

    fn uncertain_faults(&self) -> &'static [ProxyFault] {
        &[ProxyFault::CloseConnection, ProxyFault::BadGateway]
    }

    fn posts(&self) -> Result<Vec<Value>> {
        let list =
            format!("com.atproto.repo.listRecords?repo={}&collection={COLLECTION}&limit=100", self.did);
        let records = self.get(&list)?["records"].as_array().cloned();
        records.context("the PDS lists no records")
    }

    fn post_id(&self, post: &Value) -> Result<String> {
        Ok(json_text(post, "/uri")?.to_owned())
    }

    fn check_text(&self, post: &Value, shop: &str) -> Result<()> {
        let record = &post["value"];
        check_words(record, shop)?;
        let external = &record["embed"]["external"];
        ensure!(record["embed"]["$type"] == "app.bsky.embed.external", "no card: {record}");
        ensure!(json_text(external, "/title")? == HEADLINE, "the card has another title: {external}");
        ensure!(json_text(external, "/uri")?.starts_with(shop), "the card leads elsewhere: {external}");
        Ok(())
    }

    fn check_picture(&self, post: &Value, shop: &str, bytes: &[u8]) -> Result<()> {
        let record = &post["value"];
        check_words(record, shop)?;
        ensure!(record["embed"]["$type"] == "app.bsky.embed.images", "no picture: {record}");
        let image = &record["embed"]["images"][0];
        ensure!(json_text(image, "/alt")? == ALT, "the picture has other words: {image}");
        let cid = json_text(image, "/image/ref/$link")?;
        let path = format!("/xrpc/com.atproto.sync.getBlob?did={}&cid={cid}", self.did);
        let blob = self.http.get(&path)?;
        ensure!(
            blob.status == 200 && blob.body == bytes,
            "another picture arrived, or none: {}",
            blob.status
        );
        Ok(())
    }
}

/// Checks the text, and that its facets cover exactly the words that are links.
fn check_words(record: &Value, shop: &str) -> Result<()> {
    let actual = json_text(record, "/text")?;
    let expected = format!("{HEADLINE}\n\n买一包 {PRICE}，来 {LABEL} 坐坐 <&> 😀。\n\n{ACTION}");
    ensure!(actual == expected, "it says {actual:?}, and should say {expected:?}");
    let facets = record["facets"].as_array().context("no facets")?;
    let mut linked = Vec::new();
    for facet in facets {
        let byte = |name: &str| facet["index"][name].as_u64().and_then(|at| usize::try_from(at).ok());
        let (start, end) = byte("byteStart").zip(byte("byteEnd")).context("a facet lies nowhere")?;
        linked.push(actual.get(start..end).with_context(|| format!("a facet cuts a letter: {facet}"))?);
        let uri = json_text(facet, "/features/0/uri")?;
        ensure!(uri.starts_with(shop), "a link leads elsewhere: {uri}");
    }
    ensure!(linked == [LABEL, ACTION], "its links are {linked:?}");
    Ok(())
}
