//! Matrix's home server Synapse, which knows no other.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::tests::{Guard, Hold, Http, bound, free_port};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::words::{ACTION, ALT, HEADLINE, LABEL, PRICE};
use super::{Oracle, good, pds, text};
use crate::servers::Fetcher;

/// What it is called.
pub(super) const NAME: &str = "Matrix's Synapse (1.163.2)";

const SERVER: &str = "oracle.test";
const SECRET: &str = "registration";
const CLIENT: &str = "/_matrix/client/v3";

/// Where it is installed.
#[derive(Debug)]
pub(super) struct Programs {
    python3: PathBuf,
    packages: PathBuf,
}

/// A running server with a user, who is in a room.
#[derive(Debug)]
pub(super) struct Synapse {
    port: u16,
    http: Http,
    token: String,
    room: String,
    // In the order in which they end.
    _guard: Guard,
    _folder: TempDir,
}

impl Programs {
    pub(super) fn fetch(fetcher: &Fetcher, python3: PathBuf) -> Result<Self> {
        let packages: Vec<&str> = include_str!("synapse.txt").lines().collect();
        Ok(Self { python3, packages: fetcher.python(&packages)? })
    }

    fn module(&self, folder: &Path, module: &str) -> Command {
        let mut command = bound(&self.python3);
        command.env("PYTHONPATH", &self.packages).args(["-m", module]);
        command.current_dir(folder).stdin(Stdio::null());
        command
    }
}

impl Synapse {
    /// Starts it, registers a user and makes a room.
    pub(super) fn start(programs: &Programs) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chorus-synapse-").tempdir()?;
        let (at, port) = (folder.path(), free_port()?);
        // YAML takes JSON.
        fs::write(at.join("synapse.yaml"), settings(at, port).to_string())?;
        let program = || programs.module(at, "synapse.app.homeserver");
        done(program().args(["-c", "synapse.yaml", "--generate-keys"]))?;
        let log = File::create(at.join("log"))?;
        let mut command = program();
        command.args(["-c", "synapse.yaml"]).stdout(log.try_clone()?).stderr(log);
        let mut guard = Guard::spawn("Synapse", &mut command)?;
        pds::ready("Synapse", &mut guard, port, "/_matrix/client/versions", &at.join("log"))?;
        let mut register = programs.module(at, "synapse._scripts.register_new_matrix_user");
        register.args(["--user", "harbour", "--password", "a long password", "--no-admin"]);
        register.args(["--shared-secret", SECRET]).arg(format!("http://127.0.0.1:{port}"));
        done(&mut register)?;
        let http = Http::local(port);
        let (token, room) = enter(http)?;
        Ok(Self { port, http, token, room, _guard: guard, _folder: folder })
    }

    fn get(&self, path: &str) -> Result<::tests::Answer> {
        self.http.call("GET", path, &[("Authorization", &format!("Bearer {}", self.token))], b"")
    }
}

/// A server that speaks to nobody else.
fn settings(folder: &Path, port: u16) -> Value {
    let resources = json!([{ "names": ["client", "media"], "compress": false }]);
    json!({
        "server_name": SERVER,
        "listeners": [{
            "port": port, "type": "http", "tls": false, "bind_addresses": ["127.0.0.1"], "resources": resources,
        }],
        "database": { "name": "sqlite3", "args": { "database": folder.join("synapse.db") } },
        "media_store_path": folder.join("media"),
        "signing_key_path": folder.join("signing.key"),
        "pid_file": folder.join("pid"),
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "report_stats": false,
        // Nobody else can reach it, and it is gone in a minute.
        "registration_shared_secret": SECRET,
        "macaroon_secret_key": "macaroon",
        "form_secret": "form",
    })
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A token of the user and the id of his room, which is called `#news`.
fn enter(http: Http) -> Result<(String, String)> {
    let who = json!({ "type": "m.id.user", "user": "harbour" });
    let who = json!({ "type": "m.login.password", "identifier": who, "password": "a long password" });
    let answer = http.post(&format!("{CLIENT}/login"), "application/json", who.to_string().as_bytes())?;
    let token = text(&good(&answer, "the login")?, "/access_token")?.to_owned();
    let room = json!({ "room_alias_name": "news", "name": "News", "preset": "public_chat" });
    let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
    let answer = http.call("POST", &format!("{CLIENT}/createRoom"), &headers, room.to_string().as_bytes())?;
    let room = text(&good(&answer, "the room")?, "/room_id")?.to_owned();
    Ok((token, room))
}

impl Oracle for Synapse {
    fn port(&self) -> u16 {
        self.port
    }

    fn channel(&self) -> String {
        format!("kind = \"matrix\"\nroom = \"#news:{SERVER}\"\ntoken = \"{}\"\n", self.token)
    }

    fn requests(&self) -> &'static [&'static str] {
        &["/directory/room/", "/media/v3/upload", "/send/m.room.message/"]
    }

    /// After a 502 the post is made again without a question: the server knows it by its transaction.
    fn doubts(&self) -> &'static [Hold] {
        &[Hold::Cut]
    }

    fn posts(&self) -> Result<Vec<Value>> {
        let room = self.room.replace('!', "%21").replace(':', "%3A");
        let answer = self.get(&format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=100"))?;
        let events = good(&answer, "the messages")?["chunk"].as_array().cloned().context("no messages")?;
        Ok(events.into_iter().filter(|event| event["type"] == "m.room.message").collect())
    }

    fn name(&self, post: &Value) -> Result<String> {
        Ok(text(post, "/event_id")?.to_owned())
    }

    fn check_text(&self, post: &Value, shop: &str) -> Result<()> {
        let content = &post["content"];
        ensure!(content["msgtype"] == "m.text", "it is no text: {content}");
        check_words(content, shop)
    }

    fn check_picture(&self, post: &Value, shop: &str, bytes: &[u8]) -> Result<()> {
        let content = &post["content"];
        ensure!(content["msgtype"] == "m.image", "it is no picture: {content}");
        check_words(content, shop)?;
        ensure!(text(content, "/body")?.ends_with(ALT), "the picture has other words: {content}");
        ensure!(text(content, "/filename")? == "spring.png", "it is called otherwise: {content}");
        ensure!(content["info"]["size"] == bytes.len(), "it has another size: {content}");
        let media = text(content, "/url")?.strip_prefix("mxc://").context("its address is no mxc:")?;
        let picture = self.get(&format!("/_matrix/client/v1/media/download/{media}"))?;
        ensure!(
            picture.status == 200 && picture.body == bytes,
            "another picture arrived: {}",
            picture.status
        );
        Ok(())
    }
}

/// The text, plain and as HTML.
fn check_words(content: &Value, shop: &str) -> Result<()> {
    let body = text(content, "/body")?;
    let start = format!("{HEADLINE}\n\n买一包 {PRICE}，来 {LABEL}");
    ensure!(body.starts_with(&start), "it says {body:?}, and should begin {start:?}");
    ensure!(body.contains(shop) && body.contains(ACTION), "it leads nowhere: {body:?}");
    ensure!(content["format"] == "org.matrix.custom.html", "it is no HTML: {content}");
    let html = text(content, "/formatted_body")?;
    ensure!(html.contains("坐坐 &lt;&amp;&gt; 😀。"), "its text is not written as HTML: {html:?}");
    for label in [LABEL, ACTION] {
        let link = html.split_once(&format!("\">{label}</a>")).map(|(before, _)| before);
        let target = link.and_then(|before| before.rsplit_once("<a href=\"")).map(|(_, target)| target);
        ensure!(target.is_some_and(|to| to.starts_with(shop)), "{label} is no link of ours: {html:?}");
    }
    Ok(())
}
