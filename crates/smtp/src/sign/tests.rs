//! Tests of DKIM signatures with the vectors of RFC 8463, and with AWS-LC's own verification.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Dkim, DkimKey, Secret};

use super::*;

/// Keys of RFC 8463 appendix A.1.
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// RFC 8463 appendix A.2 and A.3: the message, and the field of its first signature without the
/// signature.
const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
To: Suzie Q <suzie@shopping.example.net>\r\n\
Subject: Is dinner ready?\r\n\
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
\r\n\
Hi.\r\n\
\r\n\
We lost the game.  Are you hungry yet?\r\n\
\r\n\
Joe.\r\n";
const FIELD: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
d=football.example.com; i=@football.example.com;\r\n \
q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
subject : date : message-id : from : subject : date;\r\n \
bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const SIGNATURE: &str =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";

fn pem(der: &[u8]) -> Secret {
    Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)))
}

fn ed25519() -> DkimKey {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend(STANDARD.decode(SEED).unwrap());
    DkimKey { selector: "brisbane".into(), key: pem(&der) }
}

/// Returns a new RSA key with its public key.
fn rsa() -> (DkimKey, Vec<u8>) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = pair.as_der().unwrap();
    (DkimKey { selector: "rsa".into(), key: pem(der.as_ref()) }, pair.public_key().as_ref().to_vec())
}

fn signer() -> (DkimSigner, Vec<u8>) {
    let (rsa, public) = rsa();
    let dkim = Dkim { domain: "football.example.com".into(), rsa, ed25519: Some(ed25519()) };
    (DkimSigner::new(&dkim).unwrap(), public)
}

#[test]
fn the_vector_of_rfc_8463_is_reproduced() {
    let (fields, body) = Fields::read(MESSAGE.as_bytes());
    let mut hash = Sha256::new();
    canonical::body(body, |bytes| hash.update(bytes));
    assert!(FIELD.contains(&format!("bh={};", STANDARD.encode(hash.finalize()))));
    let names = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"];
    let mut message = fields.canonical(&names);
    canonical::field(FIELD.as_bytes(), &mut message);
    let signature = Key::ed25519(&ed25519()).unwrap().sign(&message).unwrap();
    assert_eq!(STANDARD.encode(signature), SIGNATURE);
}

/// Splits a signature field into the field as it was signed and the signature.
fn split_signature(field: &str) -> (String, Vec<u8>) {
    let (unsigned, signature) = field.split_once("\r\n b=").unwrap();
    let signature: String = signature.split_whitespace().collect();
    (format!("{unsigned}\r\n b="), STANDARD.decode(signature).unwrap())
}

#[test]
fn both_signatures_are_in_front_and_hold() {
    let (signer, public) = signer();
    let signed = String::from_utf8(signer.signed(MESSAGE.as_bytes()).unwrap()).unwrap();
    let (front, message) = signed.split_at(signed.len() - MESSAGE.len());
    assert_eq!(message, MESSAGE);
    let (first, second) = front.split_at(front.rfind("DKIM-Signature").unwrap());
    let (fields, _) = Fields::read(MESSAGE.as_bytes());
    let covered = fields.canonical(&fields.names(&OVERSIGNED, &SIGNED_IF_PRESENT));
    let signed = |field: &str| {
        let (unsigned, signature) = split_signature(field);
        let mut message = covered.clone();
        canonical::field(unsigned.as_bytes(), &mut message);
        (message, signature)
    };
    let (message, signature) = signed(first);
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(&message, &signature).unwrap();
    let (message, signature) = signed(second);
    let public = STANDARD.decode(PUBLIC).unwrap();
    UnparsedPublicKey::new(&ED25519, public).verify(&Sha256::digest(&message), &signature).unwrap();
}

#[test]
fn the_field_says_what_it_must() {
    let (signer, _) = signer();
    let signed = String::from_utf8(signer.signed(MESSAGE.as_bytes()).unwrap()).unwrap();
    let field: String = signed.split("\r\n b=").next().unwrap().replace("\r\n ", " ");
    for part in
        ["v=1;", "a=rsa-sha256;", "c=relaxed/relaxed;", "d=football.example.com;", "s=rsa;", "t=1057982437;"]
    {
        assert!(field.contains(&format!(" {part}")), "{part} is not in {field}");
    }
    for part in [" l=", " x=", " z="] {
        assert!(!field.contains(part), "{field}");
    }
    let names = field.replace(' ', "");
    assert!(names.contains("h=From:From:Reply-To:To:To:Cc:Subject:Subject:Date:Date:"), "{names}");
    assert!(signed.lines().all(|line| line.len() <= 78), "{signed}");
}

#[test]
fn a_second_try_is_the_same_bytes() {
    let (signer, _) = signer();
    let once = signer.signed(MESSAGE.as_bytes()).unwrap();
    assert_eq!(signer.signed(MESSAGE.as_bytes()).unwrap(), once);
}

#[test]
fn a_message_without_a_date_is_signed_without_a_time() {
    let (signer, _) = signer();
    let signed = String::from_utf8(signer.signed(b"From: a@b.example\r\n\r\n").unwrap()).unwrap();
    assert!(!signed.contains(" t="), "{signed}");
}

#[test]
fn keys_that_cannot_sign_are_refused_without_being_shown() {
    for (key, said) in [
        (Secret::missing("DKIM_KEY"), "DKIM_KEY"),
        (Secret::new("hunter2"), "PEM"),
        (pem(b"hunter2"), "cannot be used"),
        (ed25519().key, "cannot be used"),
    ] {
        let key = DkimKey { selector: "s".into(), key };
        let error = Key::rsa(&key).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
    }
    let shown = format!("{:?}", signer().0);
    assert_eq!(shown.matches("Key {").count(), 2, "{shown}");
}
