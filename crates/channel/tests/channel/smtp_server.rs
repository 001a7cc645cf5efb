//! A scripted SMTP server: rejects, closes, stays silent or sends wrong replies, and records what
//! it receives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A stage of the SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Hello,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    EndOfData,
    Reset,
    Quit,
    Other,
}

/// The server's reaction at a stage.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    /// Sends this reply; CR LF is added.
    Reply(String),
    /// Sends this reply, then closes the connection.
    ReplyAndClose(String),
    /// Closes the connection without a reply.
    Close,
    /// Sends nothing and keeps the connection open.
    Silence,
}

pub(crate) fn reply(text: &str) -> Reaction {
    Reaction::Reply(text.to_owned())
}

/// A record of everything received on all connections, in order.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) connections: usize,
    /// The commands, each with the number of its connection.
    pub(crate) commands: Vec<(usize, String)>,
    /// The messages as received, dot-stuffed, and true if the reply was 250.
    pub(crate) messages: Vec<(String, bool)>,
    /// The commands that were received without TLS.
    pub(crate) plaintext: String,
}

/// The server's script: the reaction at a stage, given the number of the connection and the number
/// of messages received on it so far. `None` means the usual reply.
pub(crate) type Script = Arc<dyn Fn(Stage, usize, usize) -> Option<Reaction> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) recording: Arc<Mutex<Recording>>,
}

/// The configuration of the server.
pub(crate) struct Setup {
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) implicit: bool,
    pub(crate) script: Script,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            extensions: vec!["SIZE 1000000", "8BITMIME"],
            tls: None,
            implicit: false,
            script: Arc::new(|_, _, _| None),
        }
    }
}

impl Setup {
    pub(crate) fn script(
        mut self,
        script: impl Fn(Stage, usize, usize) -> Option<Reaction> + Send + Sync + 'static,
    ) -> Self {
        self.script = Arc::new(script);
        self
    }

    pub(crate) fn with_extension(mut self, extension: &'static str) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(crate) fn with_pipelining(self, yes: bool) -> Self {
        if yes { self.with_extension("PIPELINING") } else { self }
    }

    pub(crate) async fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server { address: listener.local_addr().unwrap(), recording: Arc::default() };
        let (recording, setup) = (Arc::clone(&server.recording), Arc::new(self));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let number = {
                    let mut recording = recording.lock().unwrap();
                    recording.connections += 1;
                    recording.connections
                };
                let connection = Connection {
                    number,
                    setup: Arc::clone(&setup),
                    recording: Arc::clone(&recording),
                    messages: 0,
                };
                tokio::spawn(connection.run(stream));
            }
        });
        server
    }
}

impl Server {
    pub(crate) fn messages(&self) -> Vec<(String, bool)> {
        self.recording.lock().unwrap().messages.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.recording.lock().unwrap().connections
    }

    /// Returns the first word of each command.
    pub(crate) fn verbs(&self) -> Vec<String> {
        let recording = self.recording.lock().unwrap();
        recording.commands.iter().map(|(_, command)| command.split(' ').next().unwrap().to_owned()).collect()
    }
}

struct Connection {
    number: usize,
    setup: Arc<Setup>,
    recording: Arc<Mutex<Recording>>,
    messages: usize,
}

impl Connection {
    async fn run(mut self, stream: TcpStream) {
        match (self.setup.implicit, self.setup.tls.clone()) {
            (true, Some(tls)) => {
                if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                    self.talk(&mut BufReader::new(stream), true, true).await;
                }
            }
            (_, tls) => {
                let mut stream = BufReader::new(stream);
                let upgrade = self.talk(&mut stream, true, false).await;
                if let (true, Some(tls)) = (upgrade, tls)
                    && let Ok(stream) = TlsAcceptor::from(tls).accept(stream.into_inner()).await
                {
                    self.talk(&mut BufReader::new(stream), false, true).await;
                }
            }
        }
    }

    /// Runs the session until one side closes it or TLS starts. Returns true in the latter case.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut BufReader<S>,
        greet: bool,
        secret: bool,
    ) -> bool {
        if greet && !self.act(Stage::Greeting, "220 ready", stream).await {
            return false;
        }
        let mut line = String::new();
        loop {
            line.clear();
            if !matches!(stream.read_line(&mut line).await, Ok(n) if n > 0) {
                return false;
            }
            let command = line.trim_end().to_owned();
            {
                let mut recording = self.recording.lock().unwrap();
                recording.commands.push((self.number, command.clone()));
                if !secret {
                    recording.plaintext.push_str(&line);
                }
            }
            let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let hello = self.hello(secret);
            let (at, usual) = match verb.as_str() {
                "EHLO" => (Stage::Hello, hello.as_str()),
                "STARTTLS" => (Stage::StartTls, "220 go on"),
                "AUTH" => (Stage::Auth, "235 welcome"),
                "MAIL" => (Stage::Mail, "250 sender fine"),
                "RCPT" => (Stage::Rcpt, "250 recipient fine"),
                "DATA" => (Stage::Data, "354 go on"),
                "RSET" => (Stage::Reset, "250 forgotten"),
                "QUIT" => (Stage::Quit, "221 bye"),
                _ => (Stage::Other, "500 what"),
            };
            if !self.act(at, usual, stream).await || at == Stage::Quit {
                return false;
            }
            if at == Stage::StartTls {
                return true;
            }
            if at == Stage::Data
                && self.says(Stage::Data, "354").starts_with("354")
                && !self.message(stream).await
            {
                return false;
            }
        }
    }

    async fn message<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut BufReader<S>) -> bool {
        let mut message = String::new();
        let mut line = String::new();
        while line != ".\r\n" {
            message.push_str(&line);
            line.clear();
            if !matches!(stream.read_line(&mut line).await, Ok(n) if n > 0) {
                return false;
            }
        }
        let yes = self.says(Stage::EndOfData, "250").starts_with("250");
        self.recording.lock().unwrap().messages.push((message, yes));
        let goes_on = self.act(Stage::EndOfData, "250 kept", stream).await;
        self.messages += 1;
        goes_on
    }

    fn says(&self, at: Stage, usual: &str) -> String {
        match (self.setup.script)(at, self.number, self.messages) {
            Some(Reaction::Reply(text) | Reaction::ReplyAndClose(text)) => text,
            Some(_) => String::new(),
            None => usual.to_owned(),
        }
    }

    fn hello(&self, secret: bool) -> String {
        let mut lines = vec!["mail.example greets you"];
        lines.extend(self.setup.extensions.iter().filter(|line| !(secret && **line == "STARTTLS")));
        let last = lines.len() - 1;
        let lines: Vec<_> = lines
            .iter()
            .enumerate()
            .map(|(i, line)| format!("250{}{line}", if i == last { ' ' } else { '-' }))
            .collect();
        lines.join("\r\n")
    }

    /// Reacts at a stage. Returns true if the session goes on.
    async fn act<S: AsyncWrite + Unpin>(&self, at: Stage, usual: &str, stream: &mut S) -> bool {
        match (self.setup.script)(at, self.number, self.messages).unwrap_or_else(|| reply(usual)) {
            Reaction::Reply(text) => {
                stream.write_all(format!("{text}\r\n").as_bytes()).await.is_ok()
                    && stream.flush().await.is_ok()
            }
            Reaction::ReplyAndClose(text) => {
                let _ = stream.write_all(format!("{text}\r\n").as_bytes()).await;
                let _ = stream.shutdown().await;
                false
            }
            Reaction::Close => false,
            Reaction::Silence => std::future::pending().await,
        }
    }
}
