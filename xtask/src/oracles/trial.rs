//! The trial that runs on every server: a post arrives unchanged, and exactly once, whichever of
//! its requests Chorus is killed at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ::tests::{FaultProxy, Guard, ProxyFault, Sandbox, until};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Oracle, sample_campaign};

/// The longest time that a step may take, including delays of the server.
const STEP_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs all steps and returns a line with the result of each.
pub(super) fn run(chorus: &Path, root: &Path, oracle: &dyn Oracle) -> Result<Vec<String>> {
    let proxy = FaultProxy::start(oracle.port())?;
    let setup = TrialSetup::prepare(chorus, root, oracle, &proxy)?;
    let mut results = vec![setup.check_doctor()?, setup.post_text()?, setup.post_picture()?];
    for request in oracle.requests() {
        for fault in [ProxyFault::HoldRequest, ProxyFault::HoldResponse] {
            let result =
                setup.kill_at(request, fault).with_context(|| format!("killed at {request}, {fault:?}"))?;
            results.push(result);
        }
    }
    for fault in oracle.uncertain_faults() {
        results.push(setup.settle(*fault).with_context(|| format!("{fault:?} for an answer"))?);
    }
    results.push(setup.reject_token()?);
    Ok(results)
}

/// A workspace whose only channel leads through a fault-injecting proxy to a real server.
struct TrialSetup<'a> {
    sandbox: Sandbox,
    oracle: &'a dyn Oracle,
    proxy: &'a FaultProxy,
    /// The common start of its tracked links.
    links: String,
    picture: Vec<u8>,
}

impl<'a> TrialSetup<'a> {
    fn prepare(chorus: &Path, root: &Path, oracle: &'a dyn Oracle, proxy: &'a FaultProxy) -> Result<Self> {
        let sandbox = Sandbox::empty(chorus)?;
        let configuration = sample_campaign::configuration(sandbox.port, proxy.port, &oracle.channel());
        sandbox.write("chorus.toml", &configuration)?;
        sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n")?;
        sandbox.write("campaigns/tide.toml", &sample_campaign::campaign())?;
        sandbox.write("templates/note/post.md", sample_campaign::TEMPLATE)?;
        let picture = fs::read(root.join("images/spring.png")).context("the picture of the campaign")?;
        fs::create_dir(sandbox.path().join("images"))?;
        fs::write(sandbox.path().join("images/spring.png"), &picture)?;
        sandbox.chorus_ok(&["check"])?;
        let links = format!("http://127.0.0.1:{}/", sandbox.port);
        Ok(Self { sandbox, oracle, proxy, links, picture })
    }

    /// Sends a post without a picture and checks it.
    fn post_text(&self) -> Result<String> {
        let post = self.send_step("text")?;
        self.oracle.check_text(&post, &self.links).with_context(|| format!("{post:#}"))?;
        Ok(format!("a text with two links arrived as {}", self.oracle.post_id(&post)?))
    }

    /// Sends a post with a picture and checks it.
    fn post_picture(&self) -> Result<String> {
        let post = self.send_step("picture")?;
        self.check_picture(&post)?;
        Ok(format!("a picture with its words arrived as {}", self.oracle.post_id(&post)?))
    }

    fn check_picture(&self, post: &Value) -> Result<()> {
        self.oracle.check_picture(post, &self.links, &self.picture).with_context(|| format!("{post:#}"))
    }

    /// Returns the ids of all posts on the server.
    fn post_ids(&self) -> Result<BTreeSet<String>> {
        self.oracle.posts()?.iter().map(|post| self.oracle.post_id(post)).collect()
    }

    /// Sends a step by command and returns the new post.
    fn send_step(&self, step: &str) -> Result<Value> {
        let before = self.post_ids()?;
        self.sandbox.chorus_ok(&["send", "--yes", "tide", "--step", step])?;
        self.new_post(&before)
    }

    /// Returns the only post that was not there `before`; fails unless Chorus reports its id.
    fn new_post(&self, before: &BTreeSet<String>) -> Result<Value> {
        let mut posts = self.oracle.posts()?;
        ensure!(
            posts.len() == before.len() + 1,
            "{} posts, where {} and one should be",
            posts.len(),
            before.len()
        );
        posts.retain(|post| self.oracle.post_id(post).is_ok_and(|id| !before.contains(&id)));
        let post = posts.pop().context("an earlier post is missing")?;
        let run = self.last_run()?;
        let id = self.oracle.post_id(&post)?;
        ensure!(run["posts"][0]["post_id"] == id.as_str(), "Chorus reports another id than {id}: {run:#}");
        Ok(post)
    }

    /// Returns the last run with its posts.
    fn last_run(&self) -> Result<Value> {
        let runs = self.sandbox.json(&["runs", "list"])?;
        let ids = runs.as_array().into_iter().flatten().filter_map(|run| run["id"].as_i64());
        let last = ids.max().with_context(|| format!("no run: {runs}"))?;
        self.sandbox.json(&["runs", "show", &last.to_string()])
    }

    /// Lets `chorus serve` continue the last run until it has finished.
    fn finish_run(&self) -> Result<()> {
        let server = self.sandbox.serve()?;
        until("the run to end well", STEP_TIMEOUT, || {
            let run = self.last_run()?;
            Ok((run["run"]["state"] == "finished").then_some(()))
        })
        .with_context(|| server.log())?;
        server.stop()
    }

    /// Kills Chorus while a request or its response is suppressed, and lets another process
    /// continue.
    fn kill_at(&self, request: &str, fault: ProxyFault) -> Result<String> {
        let before = self.post_ids()?;
        self.proxy.inject(request, fault);
        let mut command = self.sandbox.command(&["send", "--yes", "tide", "--step", "picture"]);
        let mut chorus = Guard::spawn("chorus", command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        until("the request to be made", STEP_TIMEOUT, || match chorus.exit_status()? {
            Some(status) => bail!("chorus ended: {status}"),
            None => Ok((self.proxy.triggered() > 0).then_some(())),
        })?;
        chorus.crash()?;
        let there = self.oracle.posts()?.len() - before.len();
        self.proxy.clear();
        self.finish_run()?;
        self.check_picture(&self.new_post(&before)?)?;
        let moment = if fault == ProxyFault::HoldRequest { "before" } else { "after" };
        Ok(format!("killed {moment} {request}: {there} there then, 1 at the end"))
    }

    /// Replaces the response to a post by a fault, after which the post is uncertain; a person
    /// decides to send it again.
    fn settle(&self, fault: ProxyFault) -> Result<String> {
        let before = self.post_ids()?;
        let request = self.oracle.requests().last().context("no request publishes")?;
        self.proxy.inject(request, fault);
        let ran = self.sandbox.chorus(&["send", "--yes", "tide", "--step", "asked"])?;
        self.proxy.clear();
        let run = self.last_run()?;
        let held = run["uncertain"].as_array().map_or(0, Vec::len);
        ensure!(held == 1 && ran.code == Some(3), "no delivery is uncertain: {:?} {run:#}", ran.code);
        let there = self.oracle.posts()?.len() - before.len();
        let id = run["run"]["id"].to_string();
        self.sandbox.chorus_ok(&["runs", "settle", &id, "--send-again"])?;
        self.finish_run()?;
        self.check_picture(&self.new_post(&before)?)?;
        let moment = if fault == ProxyFault::BadGateway { "502" } else { "cut" };
        Ok(format!("{moment} after {request}, sent again by hand: {there} there then, 1 at the end"))
    }

    /// Returns the finding of `chorus doctor` about the channel's access.
    fn access(&self) -> Result<Value> {
        let ran = self.sandbox.chorus(&["doctor", "--format", "json"])?;
        let findings: Value = serde_json::from_str(&ran.out).with_context(|| ran.err.clone())?;
        let mut findings = findings["checks"].as_array().into_iter().flatten();
        let access = findings.find(|finding| finding["check"] == "access");
        Ok(access.with_context(|| format!("doctor has no finding about access: {}", ran.out))?.clone())
    }

    /// Checks that doctor has access and posts nothing.
    fn check_doctor(&self) -> Result<String> {
        let access = self.access()?;
        ensure!(access["verdict"] == "pass", "doctor has no access: {access}");
        ensure!(self.oracle.posts()?.is_empty(), "doctor posts");
        Ok(format!("doctor: {}", access["found"].as_str().unwrap_or_default()))
    }

    /// Checks that with a wrong token nothing is posted, doctor reports it, and the run is paused.
    fn reject_token(&self) -> Result<String> {
        let before = self.post_ids()?;
        self.sandbox.edit("chorus.toml", "token = \"", "token = \"x")?;
        let access = self.access()?;
        ensure!(access["verdict"] != "pass", "doctor has access with a wrong token: {access}");
        let ran = self.sandbox.chorus(&["send", "--yes", "tide", "--step", "text"])?;
        let run = self.last_run()?;
        ensure!(ran.code == Some(3) && run["run"]["state"] == "paused", "{:?} {run:#}", ran.code);
        ensure!(self.post_ids()? == before, "something was posted with a wrong token");
        let note = run["run"]["note"].as_str().unwrap_or_default();
        Ok(format!("with a wrong token: {note}"))
    }
}
