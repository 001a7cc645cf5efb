//! Parsers of the values on the command line. Each error says in words what to write instead.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use schedule::duration::BadDuration;

/// A value on the command line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadArgument {
    /// A run number.
    #[error("{0} is no run number: run numbers are whole numbers such as 12; `chorus runs` lists them")]
    RunNumber(String),
    /// A number of rows.
    #[error("{0} is no number of rows: write a whole number from 1 to {MAX_ROWS}, such as 100")]
    Rows(String),
    /// A number of seconds.
    #[error("{0} is no number of seconds: write a whole number such as 60")]
    Seconds(String),
    /// A speed of the demo.
    #[error(
        "{0} is no speed: write the simulated seconds in a real one, a whole number from 1 to {MAX_SPEED}"
    )]
    Speed(String),
    /// A port.
    #[error("{0} is no port: write a whole number from 1 to 65535, such as 8080, or 0 for any free one")]
    Port(String),
    /// An address with a port, and how to write it.
    #[error("{0} is no address and port: write {1}")]
    Address(String, String),
    /// A time to wait, and what is wrong with it.
    #[error("{0} is no time to wait: {1}; write it like 90s, 10m or 1h")]
    Wait(String, BadDuration),
    /// The name of a step with its campaign.
    #[error("{0} is no step: write CAMPAIGN/STEP, such as spring/mail")]
    Step(String),
    /// An id that is given as the name of a file, and how to write it.
    #[error("{0} is no id: write {1}, the name of the file without its folder and without .toml")]
    FileName(String, String),
    /// A text that gives no column a name.
    #[error("{0} names no column; write it like \"Email Address=email\", or \"Note=\" to leave it out")]
    Mapping(String),
    /// An empty id.
    #[error("an id is missing: write the name of a file without .toml, such as spring-launch")]
    NoId,
}

/// Maximum number of rows of a list.
const MAX_ROWS: u32 = 1_000_000;
/// Maximum number of simulated seconds in a real one.
const MAX_SPEED: u32 = 86_400;

/// Parses the number of a run, from 1.
pub fn run_number(text: &str) -> Result<i64, BadArgument> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| BadArgument::RunNumber(text.to_owned()))
}

/// Parses the maximum number of rows of a list, from 1 to a million.
pub fn rows(text: &str) -> Result<u32, BadArgument> {
    let rows = text.parse().ok().filter(|rows| (1..=MAX_ROWS).contains(rows));
    rows.ok_or_else(|| BadArgument::Rows(text.to_owned()))
}

/// Parses a number of seconds.
pub fn seconds(text: &str) -> Result<u64, BadArgument> {
    text.parse().map_err(|_| BadArgument::Seconds(text.to_owned()))
}

/// Parses the number of simulated seconds in a real one, from 1 to a day.
pub fn speed(text: &str) -> Result<u32, BadArgument> {
    let speed = text.parse().ok().filter(|speed| (1..=MAX_SPEED).contains(speed));
    speed.ok_or_else(|| BadArgument::Speed(text.to_owned()))
}

/// Parses a port; 0 stands for any free one.
pub fn port(text: &str) -> Result<u16, BadArgument> {
    text.parse().map_err(|_| BadArgument::Port(text.to_owned()))
}

/// Parses the address and port of a listener: `127.0.0.1:8080` or `[::1]:8080`.
pub fn listen_address(text: &str) -> Result<SocketAddr, BadArgument> {
    address(text, Ipv6Addr::LOCALHOST, "127.0.0.1:8080, or [::1]:8080", 8080)
}

/// Parses the address and port of a DNS server: `9.9.9.9:53` or `[2620:fe::fe]:53`.
pub fn dns_server(text: &str) -> Result<SocketAddr, BadArgument> {
    address(text, Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe), "9.9.9.9:53, or [2620:fe::fe]:53", 53)
}

/// Parses an IP address with a port. `example` is a value for the error of a text without an
/// address, `port` the port for the error of one without a port.
fn address(text: &str, v6: Ipv6Addr, example: &str, port: u16) -> Result<SocketAddr, BadArgument> {
    let bad = |write: String| BadArgument::Address(text.to_owned(), write);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    Err(match (bare.parse::<IpAddr>(), text.rsplit_once(':')) {
        (Ok(ip), _) => bad(format!("its port, too: {}", SocketAddr::new(ip, port))),
        (_, None) if text.parse::<u16>().is_ok() => {
            bad(format!("the IP address, too: 127.0.0.1:{text}, or [{v6}]:{text}"))
        }
        (_, Some(("", digits))) if digits.parse::<u16>().is_ok() => {
            bad(format!("the IP address, too: 127.0.0.1:{digits}, or [{v6}]:{digits}"))
        }
        (_, Some(("localhost", digits))) if digits.parse::<u16>().is_ok() => {
            bad(format!("the IP address instead of the name: 127.0.0.1:{digits}"))
        }
        (_, Some((host, _))) if host.parse::<IpAddr>().is_ok() => {
            bad(format!("a port from 1 to 65535, such as {host}:{port}"))
        }
        _ => bad(format!("an IP address and a port, such as {example}")),
    })
}

/// Parses a time to wait, such as `90s`.
pub fn wait(text: &str) -> Result<Duration, BadArgument> {
    schedule::duration::parse(text).map_err(|error| BadArgument::Wait(text.to_owned(), error))
}

/// A step as `CAMPAIGN/STEP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepName {
    /// Id of the campaign.
    pub campaign: String,
    /// Id of the step.
    pub step: String,
}

impl FromStr for StepName {
    type Err = BadArgument;

    fn from_str(text: &str) -> Result<Self, BadArgument> {
        let parts = text
            .split_once('/')
            .filter(|(campaign, step)| !campaign.is_empty() && !step.is_empty() && !step.contains('/'));
        let (campaign, step) = parts.ok_or_else(|| BadArgument::Step(text.to_owned()))?;
        Ok(Self { campaign: campaign.to_owned(), step: step.to_owned() })
    }
}

/// Parses the id of a campaign or audience: any text but the path of its file.
pub fn id(text: &str) -> Result<String, BadArgument> {
    let name = text.rsplit('/').next().unwrap_or_default();
    match name.strip_suffix(".toml") {
        _ if text.is_empty() => Err(BadArgument::NoId),
        Some(stem) if !stem.is_empty() => Err(BadArgument::FileName(text.to_owned(), stem.to_owned())),
        _ => Ok(text.to_owned()),
    }
}

/// Parses `COLUMN=NAME`, split at the last `=`.
pub fn mapping(text: &str) -> Result<(String, String), BadArgument> {
    let parts = text.rsplit_once('=').filter(|(column, _)| !column.trim().is_empty());
    let parts = parts.map(|(column, name)| (column.to_owned(), name.trim().to_owned()));
    parts.ok_or_else(|| BadArgument::Mapping(text.to_owned()))
}
