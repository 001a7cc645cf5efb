//! An SMTP server that does as a test says: rejects, closes, keeps silent, lies; and writes down what it heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Where in a conversation the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Greeting,
    Hello,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Dot,
    Reset,
    Quit,
    Other,
}

/// What the server does there.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Says this, CR LF added.
    Say(String),
    /// Says this and closes.
    Last(String),
    /// Closes.
    Close,
    /// Says nothing, ever.
    Silence,
}

pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.to_owned())
}

/// What was heard on all connections, in order.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) connections: usize,
    /// Commands, with the number of their connection.
    pub(crate) commands: Vec<(usize, String)>,
    /// Messages as they came, dots doubled, and whether 250 was said to them.
    pub(crate) messages: Vec<(String, bool)>,
    /// Bytes of commands that came in clear.
    pub(crate) in_clear: String,
}

/// The server's manners: what to do at a place, given the connection and the messages so far on it.
pub(crate) type Manners = Arc<dyn Fn(At, usize, usize) -> Option<Act> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Mutex<Heard>>,
}

/// How the server is set up.
pub(crate) struct Setup {
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) implicit: bool,
    pub(crate) manners: Manners,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            extensions: vec!["SIZE 1000000", "8BITMIME"],
            tls: None,
            implicit: false,
            manners: Arc::new(|_, _, _| None),
        }
    }
}

impl Setup {
    pub(crate) fn manners(
        mut self,
        manners: impl Fn(At, usize, usize) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        self.manners = Arc::new(manners);
        self
    }

    pub(crate) fn offering(mut self, extension: &'static str) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(crate) fn pipelining(self, yes: bool) -> Self {
        if yes { self.offering("PIPELINING") } else { self }
    }

    pub(crate) async fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let (heard, setup) = (Arc::clone(&server.heard), Arc::new(self));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let number = {
                    let mut heard = heard.lock().unwrap();
                    heard.connections += 1;
                    heard.connections
                };
                let talk = Talk { number, setup: Arc::clone(&setup), heard: Arc::clone(&heard), messages: 0 };
                tokio::spawn(talk.run(stream));
            }
        });
        server
    }
}

impl Server {
    pub(crate) fn messages(&self) -> Vec<(String, bool)> {
        self.heard.lock().unwrap().messages.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.heard.lock().unwrap().connections
    }

    /// The first word of each command.
    pub(crate) fn verbs(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.commands.iter().map(|(_, command)| command.split(' ').next().unwrap().to_owned()).collect()
    }
}

struct Talk {
    number: usize,
    setup: Arc<Setup>,
    heard: Arc<Mutex<Heard>>,
    messages: usize,
}

impl Talk {
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

    /// Talks until somebody leaves, or until TLS begins.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut BufReader<S>,
        greet: bool,
        secret: bool,
    ) -> bool {
        if greet && !self.act(At::Greeting, "220 ready", stream).await {
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
                let mut heard = self.heard.lock().unwrap();
                heard.commands.push((self.number, command.clone()));
                if !secret {
                    heard.in_clear.push_str(&line);
                }
            }
            let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let hello = self.hello(secret);
            let (at, usual) = match verb.as_str() {
                "EHLO" => (At::Hello, hello.as_str()),
                "STARTTLS" => (At::StartTls, "220 go on"),
                "AUTH" => (At::Auth, "235 welcome"),
                "MAIL" => (At::Mail, "250 sender fine"),
                "RCPT" => (At::Rcpt, "250 recipient fine"),
                "DATA" => (At::Data, "354 go on"),
                "RSET" => (At::Reset, "250 forgotten"),
                "QUIT" => (At::Quit, "221 bye"),
                _ => (At::Other, "500 what"),
            };
            if !self.act(at, usual, stream).await || at == At::Quit {
                return false;
            }
            if at == At::StartTls {
                return true;
            }
            if at == At::Data && self.says(At::Data, "354").starts_with("354") && !self.message(stream).await
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
        let yes = self.says(At::Dot, "250").starts_with("250");
        self.heard.lock().unwrap().messages.push((message, yes));
        let goes_on = self.act(At::Dot, "250 kept", stream).await;
        self.messages += 1;
        goes_on
    }

    fn says(&self, at: At, usual: &str) -> String {
        match (self.setup.manners)(at, self.number, self.messages) {
            Some(Act::Say(text) | Act::Last(text)) => text,
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

    /// Whether the conversation goes on.
    async fn act<S: AsyncWrite + Unpin>(&self, at: At, usual: &str, stream: &mut S) -> bool {
        match (self.setup.manners)(at, self.number, self.messages).unwrap_or_else(|| say(usual)) {
            Act::Say(text) => {
                stream.write_all(format!("{text}\r\n").as_bytes()).await.is_ok()
                    && stream.flush().await.is_ok()
            }
            Act::Last(text) => {
                let _ = stream.write_all(format!("{text}\r\n").as_bytes()).await;
                let _ = stream.shutdown().await;
                false
            }
            Act::Close => false,
            Act::Silence => std::future::pending().await,
        }
    }
}
