//! A benchmark of DKIM signing. `cargo xtask bench sign` runs it and reads the JSON that it prints.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Instant;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Dkim, DkimKey, Secret};
use channel::{DkimSigner, Email};

/// The number of signatures that are timed.
const COUNT: u32 = 2_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let rsa = || {
        Ok::<_, Box<dyn std::error::Error>>(key(
            "r",
            RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?.as_ref(),
        ))
    };
    let one = Dkim { domain: "harbour.example".into(), rsa: rsa()?, ed25519: None };
    let second = key("e", Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref());
    let two = Dkim { ed25519: Some(second), ..one.clone() };
    let [small, large, both] =
        [microseconds(&one, 4 << 10)?, microseconds(&one, 20 << 10)?, microseconds(&two, 4 << 10)?];
    println!(r#"{{"rsa_4k": {small:.1}, "rsa_20k": {large:.1}, "both_4k": {both:.1}}}"#);
    Ok(())
}

fn key(selector: &str, der: &[u8]) -> DkimKey {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
    DkimKey { selector: selector.to_owned(), key: Secret::new(pem) }
}

/// Measures the time to sign a message of about `size` bytes on one thread, in microseconds.
fn microseconds(dkim: &Dkim, size: usize) -> Outcome<f64> {
    let signer = DkimSigner::new(dkim)?;
    let email = message(size);
    signer.sign(email.clone())?;
    let start = Instant::now();
    for _ in 0..COUNT {
        signer.sign(email.clone())?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(COUNT))
}

fn message(size: usize) -> Email {
    let header = "Date: Tue, 10 Mar 2026 10:00:00 +0000\r\nFrom: Harbour Coffee <news@harbour.example>\r\n\
        To: reader.1@example.com\r\nSubject: One free month\r\nMessage-ID: <1@harbour.example>\r\n\
        List-Unsubscribe: <https://news.harbour.example/u/AAAAAAAAAAAAAAAAAAAAAAAA>\r\n\
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
    let line = "<td class=3D\"cell\">  Renew by 30 April and get one free month, 12 =E2=82=AC</td>\r\n";
    let mut raw = header.to_owned();
    while raw.len() < size {
        raw.push_str(line);
    }
    let text = String::new;
    Email {
        envelope_from: text(),
        envelope_to: text(),
        subject: text(),
        html: text(),
        text: text(),
        raw: raw.into_bytes(),
    }
}
