//! One run of a trial: workers are started, struck and started again until everybody has a letter.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::judge::Evidence;
use super::kill::{KillSequence, PlannedKill};
use super::life::{End, Life};
use super::stage::{Run, Stage};
use super::{Kill, Moment, Progress, Trial, Verdict, When};
use crate::relay::Place;

/// Makes a run and waits for it.
const SEND: &[&str] = &["send", "--yes", "letter", "--format", "json"];
/// Goes on with every run.
pub(super) const SERVE: &[&str] = &["serve", "--role", "worker"];

/// How often a run is looked at while messages are out.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked at once everybody should have one.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// A run with which nothing happens for so long is stuck.
const STUCK: Duration = Duration::from_secs(120);
/// The longest pause of one of several workers between a kill and its next start.
const PAUSE: Duration = Duration::from_secs(1);

/// A run under way.
struct Round<'a, 'b> {
    trial: &'a Trial<'a>,
    stage: &'a Stage,
    sequence: &'a mut KillSequence,
    verdict: &'a mut Verdict,
    tell: &'b mut dyn FnMut(Progress),
    slots: Vec<Slot>,
    awaiting: BTreeMap<Place, usize>,
    /// The latest run before this.
    before: i64,
    run: Option<Run>,
    /// When something was last seen to happen, and how many messages there were then.
    moved: (Instant, usize),
    looked: Instant,
}

/// A worker, dead or alive.
enum Slot {
    Alive(Life),
    /// Until then.
    Dead(Instant),
}

/// Makes a run, strikes until the trial has its kills, waits for its end, and judges.
pub(super) fn run(
    trial: &Trial<'_>,
    stage: &Stage,
    sequence: &mut KillSequence,
    verdict: &mut Verdict,
    tell: &mut dyn FnMut(Progress),
) -> Result<()> {
    // Short letters first, then long ones, and so on.
    stage.write_letter(verdict.runs % 2 == 1)?;
    verdict.runs += 1;
    let before = stage.latest_run()?.map_or(0, |run| run.id);
    let now = Instant::now();
    let slots = (0..trial.workers).map(|_| Slot::Dead(now)).collect();
    let awaiting = BTreeMap::new();
    let (run, moved) = (None, (now, 0));
    let round =
        Round { trial, stage, sequence, verdict, tell, slots, awaiting, before, run, moved, looked: now };
    round.run_to_end()
}

impl Round<'_, '_> {
    fn run_to_end(mut self) -> Result<()> {
        while !self.run.as_ref().is_some_and(|run| run.has_ended) {
            for slot in 0..self.slots.len() {
                self.tend(slot)?;
            }
            self.look()?;
            sleep(Duration::from_millis(2));
        }
        let run = self.run.take().context("the run has ended")?;
        for slot in std::mem::take(&mut self.slots) {
            if let Slot::Alive(life) = slot {
                let took = life.stop(self.stage)?;
                self.stopped(took);
            }
        }
        let (lines, shown) = (self.stage.relay.lines(), self.stage.show(run.id)?);
        let recipients = self.trial.recipients;
        let evidence = Evidence { lines: &lines, awaiting: &self.awaiting, shown: &shown, recipients };
        evidence.judge(self.verdict)?;
        self.stage.relay.forget();
        Ok(())
    }

    fn tend(&mut self, slot: usize) -> Result<()> {
        match &mut self.slots[slot] {
            Slot::Dead(until) if *until > Instant::now() => {}
            Slot::Dead(_) => {
                let (args, planned) = self.next(slot);
                self.slots[slot] = Slot::Alive(Life::start(self.stage, args, planned)?);
            }
            Slot::Alive(life) => match life.tend(self.stage)? {
                End::NotYet => {}
                end => self.ended(slot, end)?,
            },
        }
        Ok(())
    }

    /// The arguments and the planned kill of the next worker. The first makes the run, if there is none yet.
    fn next(&mut self, slot: usize) -> (&'static [&'static str], PlannedKill) {
        let makes = slot == 0 && self.run.is_none();
        let is_planning = makes || self.run.as_ref().is_some_and(|run| run.is_planned);
        let planned = match (self.verdict.kills.len() < self.trial.kills, self.trial.when) {
            (true, When::Planning) if is_planning => self.sequence.while_planning(),
            (false, _) | (_, When::Planning) => PlannedKill::Never,
            (true, When::Sending) if makes => self.sequence.while_planning(),
            (true, When::Sending) => self.sequence.draw(),
        };
        (if makes { SEND } else { SERVE }, planned)
    }

    fn ended(&mut self, slot: usize, end: End) -> Result<()> {
        let pause = if self.trial.workers > 1 { PAUSE } else { Duration::ZERO };
        let until = Instant::now() + self.sequence.chance.between(Duration::ZERO, pause);
        let made = self.run.is_none() && slot == 0;
        if let Slot::Alive(life) = std::mem::replace(&mut self.slots[slot], Slot::Dead(until)) {
            self.learn(&life, made);
        }
        self.find()?;
        match end {
            End::NotYet => {}
            End::Itself(took) => self.stopped(took),
            End::Killed { moment, struck, awaiting } => {
                let moment = match &self.run {
                    None => Moment::Starting,
                    Some(run) if run.is_planned => Moment::Planning,
                    Some(_) => moment,
                };
                self.awaiting.extend(awaiting.iter().map(|place| (*place, self.verdict.kills.len())));
                let awaiting = awaiting.len();
                self.verdict.kills.push(Kill { moment, struck, awaiting, repeats: 0 });
            }
        }
        Ok(())
    }

    fn stopped(&mut self, took: Duration) {
        let (count, longest) = self.verdict.stops;
        self.verdict.stops = (count + 1, longest.max(took));
    }

    /// Learns how long it took a process to send something.
    fn learn(&mut self, life: &Life, made: bool) {
        let lines = self.stage.relay.lines();
        let own = lines.iter().filter(|line| line.port == life.door.port);
        let first = own.filter_map(|line| line.messages.first()).map(|message| message.begun).min();
        match first.map(|first| first.saturating_duration_since(life.started)) {
            Some(took) if made => self.sequence.learn(took),
            Some(took) => self.verdict.start = self.verdict.start.max(Some(took)),
            None => {}
        }
    }

    /// Looks whether the run has ended, and whether anything happens.
    fn look(&mut self) -> Result<()> {
        let accepted = self.stage.relay.accepted();
        let pause = if accepted >= self.trial.recipients { LAST_LOOK } else { LOOK };
        if self.looked.elapsed() < pause {
            return Ok(());
        }
        (self.tell)(Progress { kills: self.verdict.kills.len(), runs: self.verdict.runs, accepted });
        if accepted > self.moved.1 {
            self.moved = (Instant::now(), accepted);
        } else if self.moved.0.elapsed() > STUCK {
            bail!("nothing moves: {accepted} messages for {} people", self.trial.recipients);
        }
        self.find()?;
        self.looked = Instant::now();
        Ok(())
    }

    fn find(&mut self) -> Result<()> {
        self.run = self.stage.latest_run()?.filter(|run| run.id > self.before);
        Ok(())
    }
}
