//! Reads `[server]` of `chorus.toml`: the addresses to listen at, the public address and the proxy.

use std::net::SocketAddr;

use source::{Field, Located, SourceFile};
use url::Url;

use crate::workspace::Server;
use crate::workspace::chorus_file::channel_secret::{is_web, read_secret};
use crate::workspace::chorus_file::format::{ChorusFile, ServerFile};
use crate::workspace::chorus_file::read::ReadContext;
use crate::workspace::value::web_address;

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_PUBLIC_URL: &str = "http://127.0.0.1:8080";

const PROXY_HELP: &str = "Write `http://host:port`; a proxy that asks for a password is `http://user:${PROXY_PASSWORD}@host:port`.";

/// Reads `[server]`; `None` if a part of it cannot be used.
pub(crate) fn server(context: &ReadContext<'_>, file: &ChorusFile) -> Option<Server> {
    let absent = ServerFile {
        listen: Field::Absent,
        admin_listen: Field::Absent,
        proxy: Field::Absent,
        public_url: Field::Absent,
    };
    let table = match &file.server {
        Field::Invalid => return None,
        Field::Absent => &absent,
        Field::Present(table) => table,
    };
    let listen = match &table.listen {
        Field::Absent => DEFAULT_LISTEN.parse().ok(),
        Field::Invalid => None,
        Field::Present(text) => socket_address(context.source, "`listen`", text),
    };
    let admin_listen = match &table.admin_listen {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(text) => admin_listen(context.source, text, listen).map(Some),
    };
    let proxy = match &table.proxy {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(text) => {
            read_secret(context, "proxy", text, is_web, "the address of a proxy", PROXY_HELP).map(Some)
        }
    };
    let public_url = public_url(context.source, &table.public_url);
    Some(Server { listen: listen?, admin_listen: admin_listen?, proxy: proxy?, public_url: public_url? })
}

fn socket_address(source: &SourceFile, key: &str, text: &Located<String>) -> Option<SocketAddr> {
    let help =
        "Write an IP address and a port, such as `127.0.0.1:8080`, or `0.0.0.0:8080` for every interface.";
    let address = text.parse().map_err(|_| "it is not an IP address and a port");
    source.ok_or_report("bad-listen", &text.span, address, key, help)
}

fn admin_listen(
    source: &SourceFile,
    text: &Located<String>,
    listen: Option<SocketAddr>,
) -> Option<SocketAddr> {
    let address = socket_address(source, "`admin_listen`", text)?;
    let is_taken = |listen: SocketAddr| {
        let covers =
            listen.ip() == address.ip() || listen.ip().is_unspecified() || address.ip().is_unspecified();
        listen.port() == address.port() && address.port() != 0 && covers
    };
    if listen.is_some_and(is_taken) {
        let message = "`admin_listen` is the address that `listen` has";
        let help = "Write another port, such as `127.0.0.1:9090`, or leave `admin_listen` out.";
        source.error("bad-listen", text.span.clone(), message, help);
        return None;
    }
    Some(address)
}

fn public_url(source: &SourceFile, field: &Field<String>) -> Option<Url> {
    let text = match field {
        Field::Absent => return Url::parse(DEFAULT_PUBLIC_URL).ok(),
        Field::Invalid => return None,
        Field::Present(text) => text,
    };
    let mut url = web_address(source, "public_url", text)?;
    if url.query().is_some() || url.fragment().is_some() {
        let message = "`public_url` has a `?` or `#`, and links are added after it";
        source.error("bad-address", text.span.clone(), message, "End it with the host or a folder.");
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}
