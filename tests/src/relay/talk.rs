//! One connection to a relay: reads commands and messages, answers as the script says, and writes down each step.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::record::{Line, Received};
use super::script::{Act, Phase, Recipient};
use super::shared::{Gate, Shared, held};
use super::wire::{Command, end_of_message, message_id};
use crate::chance::Chance;

/// A message longer than this is nonsense.
const LONGEST: usize = 64 * 1024 * 1024;
/// How long a waiting connection takes to notice that the relay ends.
const NAP: Duration = Duration::from_millis(20);

/// The largest message it says it takes, if the script does not say.
const SIZE: usize = 50 * 1024 * 1024;

/// The connection ends here.
pub(super) struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// A connection.
pub(super) struct Talk {
    stream: TcpStream,
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    line: Arc<Mutex<Line>>,
    chance: Chance,
    input: Vec<u8>,
    /// Up to where the input is done with.
    done: usize,
    output: Vec<u8>,
    drips: bool,
    state: State,
    recipient: Recipient,
    /// The message whose last answer is not written yet.
    answering: Option<usize>,
}

/// What a connection expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// MAIL.
    Idle,
    /// A recipient, none being taken yet.
    Mail,
    /// DATA.
    Rcpt,
    /// A message, so much of whose beginning holds no end.
    Data(usize),
}

impl Talk {
    pub(super) fn new(stream: TcpStream, shared: Arc<Shared>, gate: Arc<Gate>, chance: Chance) -> Self {
        let line = Arc::new(Mutex::new(Line::opened(gate.port, Instant::now())));
        held(&shared.lines).push(Arc::clone(&line));
        Self {
            stream,
            shared,
            gate,
            line,
            chance,
            input: Vec::new(),
            done: 0,
            output: Vec::new(),
            drips: false,
            state: State::Idle,
            recipient: Recipient::default(),
            answering: None,
        }
    }

    /// Talks until one side has enough.
    pub(super) fn run(mut self) {
        let _over = self.converse();
        held(&self.line).closed = Some(Instant::now());
    }

    fn converse(&mut self) -> Result<(), Over> {
        self.answer(Phase::Connect, "220 relay.example ESMTP")?;
        loop {
            match self.state {
                State::Data(looked) => self.message(looked)?,
                _ => self.command()?,
            }
        }
    }

    fn command(&mut self) -> Result<(), Over> {
        let Some(length) = self.input[self.done..].iter().position(|byte| *byte == b'\n') else {
            return self.more();
        };
        let line = self.input[self.done..=self.done + length].to_vec();
        self.done += length + 1;
        match Command::parse(&line) {
            Command::Hello => {
                let size = self.shared.script().size.unwrap_or(SIZE);
                let hello = format!(
                    "250-relay.example\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME"
                );
                self.answer(Phase::Hello, &hello).map(|_| ())
            }
            Command::Mail => self.mail(),
            Command::Rcpt(address) => self.rcpt(address),
            Command::Data => self.data(),
            Command::Reset => {
                self.state = State::Idle;
                self.say("250 2.0.0 Ok")
            }
            Command::Noop => self.say("250 2.0.0 Ok"),
            Command::Quit => {
                held(&self.line).goodbye();
                self.say("221 2.0.0 Bye")?;
                self.flush()?;
                Err(Over)
            }
            Command::Unknown => self.say("500 5.5.2 What?"),
        }
    }

    fn mail(&mut self) -> Result<(), Over> {
        if self.state != State::Idle {
            return self.say("503 5.5.1 Nested MAIL");
        }
        self.recipient = Recipient::default();
        held(&self.line).messages.push(Received::begun(Instant::now()));
        if self.answer(Phase::Mail, "250 2.1.0 Ok")? {
            self.state = State::Mail;
        }
        Ok(())
    }

    fn rcpt(&mut self, address: &str) -> Result<(), Over> {
        if self.state != State::Mail {
            return self.say("503 5.5.1 One recipient, after MAIL");
        }
        let is_new = held(&self.shared.heard).insert(address.to_owned());
        self.recipient = Recipient { address: address.to_owned(), is_new };
        self.note(|message| {
            address.clone_into(&mut message.recipient);
            message.phase = Phase::Rcpt;
        });
        if self.answer(Phase::Rcpt, "250 2.1.5 Ok")? {
            self.state = State::Rcpt;
        }
        Ok(())
    }

    fn data(&mut self) -> Result<(), Over> {
        if self.state != State::Rcpt {
            return self.say("554 5.5.1 No valid recipients");
        }
        self.note(|message| message.phase = Phase::Data);
        if self.answer(Phase::Data, "354 End with a dot")? {
            self.state = State::Data(0);
        }
        Ok(())
    }

    /// Reads on in a message, so much of whose beginning was looked at in vain.
    fn message(&mut self, looked: usize) -> Result<(), Over> {
        let length = self.input.len() - self.done;
        if looked == length {
            return self.more();
        }
        if looked == 0 {
            held(&self.line).body_begins();
            self.note(|message| message.phase = Phase::Body);
            self.at(Phase::Body)?;
        }
        match end_of_message(&self.input[self.done..], looked) {
            Some(size) => self.dot(size),
            None => {
                self.state = State::Data(length);
                self.more()
            }
        }
    }

    fn dot(&mut self, size: usize) -> Result<(), Over> {
        let raw = &self.input[self.done..self.done + size];
        let id = message_id(raw);
        let raw = if self.shared.script().keeps { raw.to_vec() } else { Vec::new() };
        self.done += size;
        self.state = State::Idle;
        let now = Instant::now();
        self.note(|message| {
            message.message_id = id;
            message.size = size;
            message.raw = raw;
            message.dot = Some(now);
            message.phase = Phase::Dot;
        });
        let accepted = self.answer(Phase::Dot, "250 2.0.0 Ok")?;
        self.note(|message| message.accepted = accepted);
        self.shared.count(accepted);
        self.answering = held(&self.line).messages.len().checked_sub(1);
        Ok(())
    }

    /// Answers a phase, with what the rules or else this says. Whether that was a yes.
    fn answer(&mut self, at: Phase, otherwise: &str) -> Result<bool, Over> {
        let said = self.at(at)?;
        let said = said.as_deref().unwrap_or(otherwise);
        self.say(said)?;
        if said.starts_with("421") {
            self.flush()?;
            return Err(Over);
        }
        Ok(said.starts_with(['2', '3']))
    }

    fn say(&mut self, line: &str) -> Result<(), Over> {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        if std::mem::take(&mut self.drips) {
            for byte in std::mem::take(&mut self.output) {
                self.wait(Duration::from_secs(1))?;
                self.stream.write_all(&[byte])?;
            }
        }
        Ok(())
    }

    /// Springs the trap of a phase and follows its rules. Gives the answer, when a rule has one.
    fn at(&mut self, phase: Phase) -> Result<Option<String>, Over> {
        self.shared.spring(self.gate.port, phase);
        let script = self.shared.script();
        for act in script.acts(phase, &self.recipient) {
            match act {
                Act::Delay(least, most) => {
                    // What is owed for earlier commands does not wait for this one.
                    self.flush()?;
                    let delay = self.chance.between(*least, *most);
                    self.wait(delay)?;
                }
                Act::Answer(line) => return Ok(Some(line.clone())),
                Act::Close => return Err(Over),
                Act::Silence => {
                    self.flush()?;
                    return Err(self.listen());
                }
                Act::Drip => {
                    self.flush()?;
                    self.drips = true;
                }
            }
        }
        Ok(None)
    }

    /// Reads until the client gives up.
    fn listen(&mut self) -> Over {
        let mut ignored = [0; 4096];
        while matches!(self.stream.read(&mut ignored), Ok(count) if count > 0) {}
        Over
    }

    fn wait(&self, whole: Duration) -> Result<(), Over> {
        let end = Instant::now() + whole;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if self.gate.is_shut() {
                return Err(Over);
            }
            sleep(left.min(NAP));
        }
    }

    /// Writes the answers and reads what comes next. Answers to one flight go out in one (RFC 2920 §3.2).
    fn more(&mut self) -> Result<(), Over> {
        self.flush()?;
        self.input.drain(..self.done);
        self.done = 0;
        let length = self.input.len();
        if length > LONGEST {
            return Err(Over);
        }
        self.input.resize(length + 32 * 1024, 0);
        let count = self.stream.read(&mut self.input[length..])?;
        self.input.truncate(length + count);
        if count == 0 { Err(Over) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Over> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output)?;
            self.output.clear();
        }
        if let Some(message) = self.answering.take() {
            if let Some(message) = held(&self.line).messages.get_mut(message) {
                message.answered = Some(Instant::now());
                message.phase = Phase::Answered;
            }
            self.shared.spring(self.gate.port, Phase::Answered);
        }
        Ok(())
    }

    /// Writes something down about the message that is under way.
    fn note(&self, change: impl FnOnce(&mut Received)) {
        if let Some(message) = held(&self.line).messages.last_mut() {
            change(message);
        }
    }
}
