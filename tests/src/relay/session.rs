//! One SMTP session of a relay: reads commands and messages, answers as the script says, and
//! records each step.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::parse::{Command, end_of_message, message_id};
use super::record::{ConnectionRecord, MessageRecord};
use super::script::{Phase, Recipient, RelayAction};
use super::shared::{PortState, Shared, lock};
use crate::rng::Rng;

/// The largest input in bytes that a session buffers; it ends a session that sends more.
const MAX_BUFFERED_BYTES: usize = 64 * 1024 * 1024;
/// The longest time that a delayed session takes to notice that its port closes.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The message size that EHLO announces by default, in bytes.
const DEFAULT_SIZE_LIMIT: usize = 50 * 1024 * 1024;

/// The end of a session, expected or not.
pub(super) struct SessionEnd;

impl From<std::io::Error> for SessionEnd {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// A session with one client.
pub(super) struct Session {
    stream: TcpStream,
    shared: Arc<Shared>,
    port_state: Arc<PortState>,
    record: Arc<Mutex<ConnectionRecord>>,
    rng: Rng,
    input: Vec<u8>,
    /// The number of input bytes that have been processed.
    consumed: usize,
    output: Vec<u8>,
    drips: bool,
    state: State,
    recipient: Recipient,
    /// The index of the message whose final answer is not written yet.
    answering: Option<usize>,
}

/// The next input that a session expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next message: MAIL.
    Idle,
    /// RCPT; no recipient has been accepted yet.
    Mail,
    /// DATA; a recipient has been accepted.
    Rcpt,
    /// Message content; this many bytes of it have been searched for the end.
    Data(usize),
}

impl Session {
    pub(super) fn new(stream: TcpStream, shared: Arc<Shared>, port_state: Arc<PortState>, rng: Rng) -> Self {
        let record = Arc::new(Mutex::new(ConnectionRecord::opened(port_state.port, Instant::now())));
        lock(&shared.connections).push(Arc::clone(&record));
        Self {
            stream,
            shared,
            port_state,
            record,
            rng,
            input: Vec::new(),
            consumed: 0,
            output: Vec::new(),
            drips: false,
            state: State::Idle,
            recipient: Recipient::default(),
            answering: None,
        }
    }

    /// Runs the session until one side ends it.
    pub(super) fn run(mut self) {
        let _end = self.serve();
        lock(&self.record).closed = Some(Instant::now());
    }

    fn serve(&mut self) -> Result<(), SessionEnd> {
        self.answer(Phase::Connect, "220 relay.example ESMTP")?;
        loop {
            match self.state {
                State::Data(searched) => self.message(searched)?,
                _ => self.command()?,
            }
        }
    }

    fn command(&mut self) -> Result<(), SessionEnd> {
        let Some(length) = self.input[self.consumed..].iter().position(|byte| *byte == b'\n') else {
            return self.read_more();
        };
        let line = self.input[self.consumed..=self.consumed + length].to_vec();
        self.consumed += length + 1;
        match Command::parse(&line) {
            Command::Hello => {
                let size = self.shared.script().size.unwrap_or(DEFAULT_SIZE_LIMIT);
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
                self.reply("250 2.0.0 Ok")
            }
            Command::Noop => self.reply("250 2.0.0 Ok"),
            Command::Quit => {
                lock(&self.record).client_quit();
                self.reply("221 2.0.0 Bye")?;
                self.flush()?;
                Err(SessionEnd)
            }
            Command::Unknown => self.reply("500 5.5.2 What?"),
        }
    }

    fn mail(&mut self) -> Result<(), SessionEnd> {
        if self.state != State::Idle {
            return self.reply("503 5.5.1 Nested MAIL");
        }
        self.recipient = Recipient::default();
        lock(&self.record).messages.push(MessageRecord::begun(Instant::now()));
        if self.answer(Phase::Mail, "250 2.1.0 Ok")? {
            self.state = State::Mail;
        }
        Ok(())
    }

    fn rcpt(&mut self, address: &str) -> Result<(), SessionEnd> {
        if self.state != State::Mail {
            return self.reply("503 5.5.1 One recipient, after MAIL");
        }
        let is_new = lock(&self.shared.known_recipients).insert(address.to_owned());
        self.recipient = Recipient { address: address.to_owned(), is_new };
        self.update_message(|message| {
            address.clone_into(&mut message.recipient);
            message.phase = Phase::Rcpt;
        });
        if self.answer(Phase::Rcpt, "250 2.1.5 Ok")? {
            self.state = State::Rcpt;
        }
        Ok(())
    }

    fn data(&mut self) -> Result<(), SessionEnd> {
        if self.state != State::Rcpt {
            return self.reply("554 5.5.1 No valid recipients");
        }
        self.update_message(|message| message.phase = Phase::Data);
        if self.answer(Phase::Data, "354 End with a dot")? {
            self.state = State::Data(0);
        }
        Ok(())
    }

    /// Continues a message, of which `searched` bytes contain no end.
    fn message(&mut self, searched: usize) -> Result<(), SessionEnd> {
        let length = self.input.len() - self.consumed;
        if searched == length {
            return self.read_more();
        }
        if searched == 0 {
            lock(&self.record).body_begins();
            self.update_message(|message| message.phase = Phase::Body);
            self.apply_rules(Phase::Body)?;
        }
        match end_of_message(&self.input[self.consumed..], searched) {
            Some(size) => self.dot(size),
            None => {
                self.state = State::Data(length);
                self.read_more()
            }
        }
    }

    fn dot(&mut self, size: usize) -> Result<(), SessionEnd> {
        let raw = &self.input[self.consumed..self.consumed + size];
        let id = message_id(raw);
        let raw = if self.shared.script().keep_content { raw.to_vec() } else { Vec::new() };
        self.consumed += size;
        self.state = State::Idle;
        let now = Instant::now();
        self.update_message(|message| {
            message.message_id = id;
            message.size = size;
            message.raw = raw;
            message.dot = Some(now);
            message.phase = Phase::Dot;
        });
        let accepted = self.answer(Phase::Dot, "250 2.0.0 Ok")?;
        self.update_message(|message| message.accepted = accepted);
        self.shared.count(accepted);
        self.answering = lock(&self.record).messages.len().checked_sub(1);
        Ok(())
    }

    /// Answers a phase as the rules say, or with `fallback`. Returns true if the answer is
    /// positive.
    fn answer(&mut self, at: Phase, fallback: &str) -> Result<bool, SessionEnd> {
        let answer = self.apply_rules(at)?;
        let answer = answer.as_deref().unwrap_or(fallback);
        self.reply(answer)?;
        if answer.starts_with("421") {
            self.flush()?;
            return Err(SessionEnd);
        }
        Ok(answer.starts_with(['2', '3']))
    }

    fn reply(&mut self, line: &str) -> Result<(), SessionEnd> {
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

    /// Runs the callback of a phase and applies its rules. Returns the answer, if a rule has one.
    fn apply_rules(&mut self, phase: Phase) -> Result<Option<String>, SessionEnd> {
        self.shared.run_hook(self.port_state.port, phase);
        let script = self.shared.script();
        for action in script.actions(phase, &self.recipient) {
            match action {
                RelayAction::Delay(least, most) => {
                    // The answers to earlier commands are not delayed.
                    self.flush()?;
                    let delay = self.rng.duration_between(*least, *most);
                    self.wait(delay)?;
                }
                RelayAction::Answer(line) => return Ok(Some(line.clone())),
                RelayAction::Close => return Err(SessionEnd),
                RelayAction::Silence => {
                    self.flush()?;
                    return Err(self.ignore_input());
                }
                RelayAction::Drip => {
                    self.flush()?;
                    self.drips = true;
                }
            }
        }
        Ok(None)
    }

    /// Reads and ignores input until the client closes the connection.
    fn ignore_input(&mut self) -> SessionEnd {
        let mut ignored = [0; 4096];
        while matches!(self.stream.read(&mut ignored), Ok(count) if count > 0) {}
        SessionEnd
    }

    fn wait(&self, duration: Duration) -> Result<(), SessionEnd> {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if self.port_state.is_shut() {
                return Err(SessionEnd);
            }
            sleep(left.min(POLL_INTERVAL));
        }
    }

    /// Writes the pending answers and reads more input. Answers to pipelined commands leave in one
    /// write (RFC 2920 §3.2).
    fn read_more(&mut self) -> Result<(), SessionEnd> {
        self.flush()?;
        self.input.drain(..self.consumed);
        self.consumed = 0;
        let length = self.input.len();
        if length > MAX_BUFFERED_BYTES {
            return Err(SessionEnd);
        }
        self.input.resize(length + 32 * 1024, 0);
        let count = self.stream.read(&mut self.input[length..])?;
        self.input.truncate(length + count);
        if count == 0 { Err(SessionEnd) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SessionEnd> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output)?;
            self.output.clear();
        }
        if let Some(message) = self.answering.take() {
            if let Some(message) = lock(&self.record).messages.get_mut(message) {
                message.answered = Some(Instant::now());
                message.phase = Phase::Answered;
            }
            self.shared.run_hook(self.port_state.port, Phase::Answered);
        }
        Ok(())
    }

    /// Updates the record of the message under way.
    fn update_message(&self, change: impl FnOnce(&mut MessageRecord)) {
        if let Some(message) = lock(&self.record).messages.last_mut() {
            change(message);
        }
    }
}
