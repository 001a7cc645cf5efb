//! What is tried on every server: a post arrives as it was meant, and arrives once, at whichever of its requests
//! Chorus is killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ::tests::{Gate, Guard, Hold, Sandbox, until};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Oracle, words};

/// How long a step may take, a server's own pace included.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything; what was shown, a line each.
pub(super) fn run(chorus: &Path, root: &Path, oracle: &dyn Oracle) -> Result<Vec<String>> {
    let gate = Gate::start(oracle.port())?;
    let stage = Stage::set(chorus, root, oracle, &gate)?;
    let mut shown = vec![stage.examined()?, stage.text()?, stage.picture()?];
    for request in oracle.requests() {
        for what in [Hold::Request, Hold::Answer] {
            let told =
                stage.killed(request, what).with_context(|| format!("killed at {request}, {what:?}"))?;
            shown.push(told);
        }
    }
    for what in oracle.doubts() {
        shown.push(stage.settled(*what).with_context(|| format!("{what:?} for an answer"))?);
    }
    shown.push(stage.barred()?);
    Ok(shown)
}

/// A workspace whose one channel leads through a gate to a real server.
struct Stage<'a> {
    sandbox: Sandbox,
    oracle: &'a dyn Oracle,
    gate: &'a Gate,
    /// Where its tracked links begin.
    links: String,
    picture: Vec<u8>,
}

impl<'a> Stage<'a> {
    fn set(chorus: &Path, root: &Path, oracle: &'a dyn Oracle, gate: &'a Gate) -> Result<Self> {
        let sandbox = Sandbox::empty(chorus)?;
        let configuration = words::configuration(sandbox.port, gate.port, &oracle.channel());
        sandbox.write("chorus.toml", &configuration)?;
        sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n")?;
        sandbox.write("campaigns/tide.toml", &words::campaign())?;
        sandbox.write("templates/note/post.md", words::TEMPLATE)?;
        let picture = fs::read(root.join("images/spring.png")).context("the picture of the campaign")?;
        fs::create_dir(sandbox.path().join("images"))?;
        fs::write(sandbox.path().join("images/spring.png"), &picture)?;
        sandbox.done(&["check"])?;
        let links = format!("http://127.0.0.1:{}/", sandbox.port);
        Ok(Self { sandbox, oracle, gate, links, picture })
    }

    /// A post without a picture.
    fn text(&self) -> Result<String> {
        let post = self.sent("text")?;
        self.oracle.check_text(&post, &self.links).with_context(|| format!("{post:#}"))?;
        Ok(format!("a text with two links arrived as {}", self.oracle.name(&post)?))
    }

    /// A post with one.
    fn picture(&self) -> Result<String> {
        let post = self.sent("picture")?;
        self.check_picture(&post)?;
        Ok(format!("a picture with its words arrived as {}", self.oracle.name(&post)?))
    }

    fn check_picture(&self, post: &Value) -> Result<()> {
        self.oracle.check_picture(post, &self.links, &self.picture).with_context(|| format!("{post:#}"))
    }

    /// The names of all that is there.
    fn names(&self) -> Result<BTreeSet<String>> {
        self.oracle.posts()?.iter().map(|post| self.oracle.name(post)).collect()
    }

    /// Sends a step by hand; the one post more that is there.
    fn sent(&self, step: &str) -> Result<Value> {
        let before = self.names()?;
        self.sandbox.done(&["send", "--yes", "tide", "--step", step])?;
        self.one_more(&before)
    }

    /// The one post that was not there `before`, if Chorus calls it by its name.
    fn one_more(&self, before: &BTreeSet<String>) -> Result<Value> {
        let mut posts = self.oracle.posts()?;
        ensure!(
            posts.len() == before.len() + 1,
            "{} posts, where {} and one should be",
            posts.len(),
            before.len()
        );
        posts.retain(|post| self.oracle.name(post).is_ok_and(|name| !before.contains(&name)));
        let post = posts.pop().context("those from before are not all there")?;
        let run = self.last_run()?;
        let name = self.oracle.name(&post)?;
        ensure!(run["posts"][0]["post_id"] == name.as_str(), "Chorus calls {name} otherwise: {run:#}");
        Ok(post)
    }

    /// The last run and what was posted in it.
    fn last_run(&self) -> Result<Value> {
        let runs = self.sandbox.json(&["runs", "list"])?;
        let ids = runs.as_array().into_iter().flatten().filter_map(|run| run["id"].as_i64());
        let last = ids.max().with_context(|| format!("no run: {runs}"))?;
        self.sandbox.json(&["runs", "show", &last.to_string()])
    }

    /// Lets `chorus serve` go on with the last run until it has ended well.
    fn finished(&self) -> Result<()> {
        let server = self.sandbox.serve()?;
        until("the run to end well", PATIENCE, || {
            let run = self.last_run()?;
            Ok((run["run"]["state"] == "finished").then_some(()))
        })
        .with_context(|| server.log())?;
        server.stop()
    }

    /// Kills Chorus while a request, or the answer to it, is under way, and lets another go on.
    fn killed(&self, request: &str, what: Hold) -> Result<String> {
        let before = self.names()?;
        self.gate.hold(request, what);
        let mut command = self.sandbox.command(&["send", "--yes", "tide", "--step", "picture"]);
        let mut chorus = Guard::spawn("chorus", command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        until("the request to be made", PATIENCE, || match chorus.ended()? {
            Some(status) => bail!("chorus ended: {status}"),
            None => Ok((self.gate.held() > 0).then_some(())),
        })?;
        chorus.crash()?;
        let there = self.oracle.posts()?.len() - before.len();
        self.gate.open();
        self.finished()?;
        self.check_picture(&self.one_more(&before)?)?;
        let moment = if what == Hold::Request { "before" } else { "after" };
        Ok(format!("killed {moment} {request}: {there} there then, 1 at the end"))
    }

    /// Something else comes where the answer to the post should be; a person is asked, and says: send it again.
    fn settled(&self, what: Hold) -> Result<String> {
        let before = self.names()?;
        let request = self.oracle.requests().last().context("no request publishes")?;
        self.gate.hold(request, what);
        let ran = self.sandbox.chorus(&["send", "--yes", "tide", "--step", "asked"])?;
        self.gate.open();
        let run = self.last_run()?;
        let held = run["uncertain"].as_array().map_or(0, Vec::len);
        ensure!(held == 1 && ran.code == Some(3), "nobody is asked: {:?} {run:#}", ran.code);
        let there = self.oracle.posts()?.len() - before.len();
        let id = run["run"]["id"].to_string();
        self.sandbox.done(&["runs", "settle", &id, "--send-again"])?;
        self.finished()?;
        self.check_picture(&self.one_more(&before)?)?;
        let moment = if what == Hold::Trouble { "502" } else { "cut" };
        Ok(format!("{moment} after {request}, sent again by hand: {there} there then, 1 at the end"))
    }

    /// What `chorus doctor` thinks of the channel's access.
    fn access(&self) -> Result<Value> {
        let ran = self.sandbox.chorus(&["doctor", "--format", "json"])?;
        let findings: Value = serde_json::from_str(&ran.out).with_context(|| ran.err.clone())?;
        let mut findings = findings["checks"].as_array().into_iter().flatten();
        let access = findings.find(|finding| finding["check"] == "access");
        Ok(access.with_context(|| format!("doctor says nothing of access: {}", ran.out))?.clone())
    }

    /// The doctor is let in, and posts nothing.
    fn examined(&self) -> Result<String> {
        let access = self.access()?;
        ensure!(access["verdict"] == "pass", "doctor is not let in: {access}");
        ensure!(self.oracle.posts()?.is_empty(), "doctor posts");
        Ok(format!("doctor: {}", access["found"].as_str().unwrap_or_default()))
    }

    /// With a wrong token nothing is posted, doctor says so, and the run waits for a right one.
    fn barred(&self) -> Result<String> {
        let before = self.names()?;
        self.sandbox.edit("chorus.toml", "token = \"", "token = \"x")?;
        let access = self.access()?;
        ensure!(access["verdict"] != "pass", "doctor is let in with a wrong token: {access}");
        let ran = self.sandbox.chorus(&["send", "--yes", "tide", "--step", "text"])?;
        let run = self.last_run()?;
        ensure!(ran.code == Some(3) && run["run"]["state"] == "paused", "{:?} {run:#}", ran.code);
        ensure!(self.names()? == before, "something was posted with a wrong token");
        let note = run["run"]["note"].as_str().unwrap_or_default();
        Ok(format!("with a wrong token: {note}"))
    }
}
