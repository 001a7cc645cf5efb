//! Matrix's home server Synapse, without federation.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::tests::{Guard, HttpClient, ProxyFault, child_command, free_port};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::sample_campaign::{ACTION, ALT, HEADLINE, LABEL, PRICE};
use super::{Oracle, json_text, ok_json, pds};
use crate::servers::Fetcher;

/// The name of the server in messages.
pub(super) const NAME: &str = "Matrix's Synapse (1.163.2)";

const SERVER: &str = "oracle.test";
const SECRET: &str = "registration";
const CLIENT: &str = "/_matrix/client/v3";

/// The Python interpreter, and the folder of the packages.
#[derive(Debug)]
pub(super) struct Programs {
    python3: PathBuf,
    packages: PathBuf,
}

/// A running server with a user who is in a room.
#[derive(Debug)]
pub(super) struct Synapse {
    port: u16,
    http: HttpClient,
    token: String,
    room: String,
    // The fields are dropped, and the process stopped, in this order.
    _guard: Guard,
    _folder: TempDir,
}

impl Programs {
    pub(super) fn fetch(fetcher: &Fetcher, python3: PathBuf) -> Result<Self> {
        let packages: Vec<&str> = include_str!("synapse.txt").lines().collect();
        Ok(Self { python3, packages: fetcher.python(&packages)? })
    }

    fn module(&self, folder: &Path, module: &str) -> Command {
        let mut command = child_command(&self.python3);
        command.env("PYTHONPATH", &self.packages).args(["-m", module]);
        command.current_dir(folder).stdin(Stdio::null());
        command
    }
}

impl Synapse {
    /// Starts the server, registers a user and creates a room.
    pub(super) fn start(programs: &Programs) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chorus-synapse-").tempdir()?;
        let (at, port) = (folder.path(), free_port()?);
        // JSON is valid YAML.
        fs::write(at.join("synapse.yaml"), settings(at, port).to_string())?;
        let program = || programs.module(at, "synapse.app.homeserver");
        run_ok(program().args(["-c", "synapse.yaml", "--generate-keys"]))?;
        let log = File::create(at.join("log"))?;
        let mut command = program();
        command.args(["-c", "synapse.yaml"]).stdout(log.try_clone()?).stderr(log);
        let mut guard = Guard::spawn("Synapse", &mut command)?;
        pds::wait_until_ready("Synapse", &mut guard, port, "/_matrix/client/versions", &at.join("log"))?;
        let mut register = programs.module(at, "synapse._scripts.register_new_matrix_user");
        register.args(["--user", "harbour", "--password", "a long password", "--no-admin"]);
        register.args(["--shared-secret", SECRET]).arg(format!("http://127.0.0.1:{port}"));
        run_ok(&mut register)?;
        let http = HttpClient::local(port);
        let (token, room) = create_room(http)?;
        Ok(Self { port, http, token, room, _guard: guard, _folder: folder })
    }

    fn get(&self, path: &str) -> Result<::tests::HttpResponse> {
        self.http.call("GET", path, &[("Authorization", &format!("Bearer {}", self.token))], b"")
    }
}

/// Returns the settings of a server without federation.
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
        // No other machine can reach it, and it is stopped after the trial.
        "registration_shared_secret": SECRET,
        "macaroon_secret_key": "macaroon",
        "form_secret": "form",
    })
}

fn run_ok(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Logs the user in and creates the room `#news`; returns the access token and the room's id.
fn create_room(http: HttpClient) -> Result<(String, String)> {
    let user = json!({ "type": "m.id.user", "user": "harbour" });
    let login = json!({ "type": "m.login.password", "identifier": user, "password": "a long password" });
    let answer = http.post(&format!("{CLIENT}/login"), "application/json", login.to_string().as_bytes())?;
    let token = json_text(&ok_json(&answer, "the login")?, "/access_token")?.to_owned();
    let room = json!({ "room_alias_name": "news", "name": "News", "preset": "public_chat" });
    let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
    let answer = http.call("POST", &format!("{CLIENT}/createRoom"), &headers, room.to_string().as_bytes())?;
    let room = json_text(&ok_json(&answer, "the room")?, "/room_id")?.to_owned();
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

    /// After a 502 the post is repeated without asking a person: the server recognizes it by its
    /// transaction id.
    fn uncertain_faults(&self) -> &'static [ProxyFault] {
        &[ProxyFault::CloseConnection]
    }

    fn posts(&self) -> Result<Vec<Value>> {
        let room = self.room.replace('!', "%21").replace(':', "%3A");
        let answer = self.get(&format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=100"))?;
        let events = ok_json(&answer, "the messages")?["chunk"].as_array().cloned().context("no messages")?;
        Ok(events.into_iter().filter(|event| event["type"] == "m.room.message").collect())
    }

    fn post_id(&self, post: &Value) -> Result<String> {
        Ok(json_text(post, "/event_id")?.to_owned())
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
        ensure!(json_text(content, "/body")?.ends_with(ALT), "the picture has other words: {content}");
        ensure!(json_text(content, "/filename")? == "spring.png", "the file has another name: {content}");
        ensure!(content["info"]["size"] == bytes.len(), "it has another size: {content}");
        let media = json_text(content, "/url")?.strip_prefix("mxc://").context("its address is no mxc:")?;
        let picture = self.get(&format!("/_matrix/client/v1/media/download/{media}"))?;
        ensure!(
            picture.status == 200 && picture.body == bytes,
            "another picture arrived: {}",
            picture.status
        );
        Ok(())
    }
}

/// Checks the text, plain and as HTML.
fn check_words(content: &Value, shop: &str) -> Result<()> {
    let body = json_text(content, "/body")?;
    let start = format!("{HEADLINE}\n\n买一包 {PRICE}，来 {LABEL}");
    ensure!(body.starts_with(&start), "it says {body:?}, and should begin {start:?}");
    ensure!(body.contains(shop) && body.contains(ACTION), "it leads nowhere: {body:?}");
    ensure!(content["format"] == "org.matrix.custom.html", "it is no HTML: {content}");
    let html = json_text(content, "/formatted_body")?;
    ensure!(html.contains("坐坐 &lt;&amp;&gt; 😀。"), "its text is not written as HTML: {html:?}");
    for label in [LABEL, ACTION] {
        let link = html.split_once(&format!("\">{label}</a>")).map(|(before, _)| before);
        let target = link.and_then(|before| before.rsplit_once("<a href=\"")).map(|(_, target)| target);
        ensure!(target.is_some_and(|to| to.starts_with(shop)), "{label} is no link of ours: {html:?}");
    }
    Ok(())
}
