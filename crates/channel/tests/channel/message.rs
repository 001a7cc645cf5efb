//! Tests of the bytes of an e-mail with an independent parser.

use channel::{Email, Message, Person, Renderer};
use mail_parser::{Address, MessageParser, MimeHeaders};
use proptest::prelude::*;
use serde_json::json;

use crate::sample_workspace::{SampleWorkspace, link_prefixes, mail, person, recipient};

fn sample() -> SampleWorkspace {
    let sample = SampleWorkspace::with_html("<p>Hello {{contact.first_name}}</p><p>{{message.body}}</p>");
    sample.edit_campaign(
        "Hello {{default contact.first_name \"you\"}}",
        "Héllo {{default contact.first_name \"you\"}}, {{contact.city}}",
    );
    sample
}

fn lines(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8(raw.to_vec()).expect("ASCII");
    text.split("\r\n").map(str::to_owned).collect()
}

const HEADERS: [&str; 13] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Reply-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-ID",
    "Feedback-ID",
    "Precedence",
    "MIME-Version",
    "Content-Type",
];

fn check(email: &Email) {
    assert!(email.raw.is_ascii());
    for (at, byte) in email.raw.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(email.raw.get(at + 1), Some(&b'\n'), "a bare CR"),
            b'\n' => {
                assert_eq!(at.checked_sub(1).and_then(|at| email.raw.get(at)), Some(&b'\r'), "a bare LF");
            }
            0 => panic!("a NUL"),
            _ => {}
        }
    }
    let lines = lines(&email.raw);
    assert!(lines.iter().all(|line| line.len() <= 998));
    let headers =
        lines.iter().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with([' ', '\t']));
    let names: Vec<_> = headers.map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(names, HEADERS);
    let parsed = MessageParser::default().parse(&email.raw).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(parsed.subject().unwrap_or_default()), words(&email.subject));
    let Some(Address::List(to)) = parsed.to() else { panic!("no To") };
    assert_eq!((to.len(), to[0].address()), (1, Some(email.envelope_to.as_str())));
    assert_eq!(parsed.text_bodies().count(), 1);
    let read = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    assert_eq!(read(&parsed.body_text(0).unwrap()), read(&email.text));
    assert_eq!(read(&parsed.body_html(0).unwrap()), read(&email.html));
}

#[test]
fn headers_have_the_required_values() {
    let email = sample().mail(json!({}));
    let parsed = MessageParser::default().parse(&email.raw).unwrap();
    assert_eq!(parsed.message_id(), Some("5f2b0c1d@harbour.example"));
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Härbour"));
    assert_eq!(parsed.date().unwrap().to_timestamp(), 1_772_417_100);
    let header = |name: &str| parsed.header_raw(name).map(|value| value.trim().to_owned());
    assert_eq!(header("List-Unsubscribe").as_deref(), Some("<https://t.example/u/tok-1.x>"));
    assert_eq!(header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    assert_eq!(header("List-ID").as_deref(), Some("<spring.harbour.example>"));
    assert_eq!(header("Feedback-ID").as_deref(), Some("spring:mail:chorus:harbourexample"));
    assert_eq!(header("Precedence").as_deref(), Some("bulk"));
    let parts: Vec<_> =
        parsed.parts.iter().filter_map(|part| part.content_type()?.subtype().map(str::to_owned)).collect();
    assert_eq!(parts, ["alternative", "plain", "html"]);
    assert_eq!(
        (email.envelope_from.as_str(), email.envelope_to.as_str()),
        ("news@harbour.example", "ada@contact.example")
    );
    assert_eq!(email.subject, "Héllo you,");
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let sample = sample();
    sample.file("images/cup.png", "x");
    sample.edit_campaign("[message.facts]", "attachments = [\"images/cup.png\"]\n\n[message.facts]");
    let compiled = sample.compile_clean("mail");
    let ada = person(json!({"first_name": "Ada", "city": "上海"}));
    let renderer = Renderer::new(&compiled, &link_prefixes(&compiled)).unwrap();
    let again = Renderer::new(&sample.compile_clean("mail"), &link_prefixes(&compiled)).unwrap();
    let first = renderer.render(&recipient(Some(&ada))).unwrap();
    assert_eq!(first, renderer.render(&recipient(Some(&ada))).unwrap());
    assert_eq!(first, again.render(&recipient(Some(&ada))).unwrap());
    let mut other = recipient(Some(&ada));
    other.message_id = "other";
    assert_ne!(first, renderer.render(&other).unwrap());
    let shared: std::thread::Result<Message> =
        std::thread::spawn(move || renderer.render(&recipient(Some(&ada))).unwrap()).join();
    assert_eq!(shared.unwrap(), first);
}

#[test]
fn hostile_names_stay_names() {
    let compiled = sample().compile_clean("mail");
    for name in [
        "x\r\nBcc: evil@evil.example",
        "x\nBcc: evil@evil.example\n\nbody",
        "x\r\n\r\n--chorus_a_5f2b0c1d--",
        "\r\n.\r\nMAIL FROM:<a@b.example>\r\n",
        "=?utf-8?q?x=0D=0ABcc:_evil?=",
        "\u{1F469}\u{200D}\u{1F33E}\u{1F3FD}",
        "\u{2028}Bcc: x\u{85}Bcc: y\0z",
        &"名".repeat(300),
        &"a".repeat(3000),
        &"\u{1F600}a ".repeat(300),
        "\"<>(),:;@\\[]",
        "\u{202e}evil",
    ] {
        check(&mail(&compiled, &person(json!({"first_name": name, "city": name}))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_contact_gets_a_valid_message(
        name in any::<String>(),
        city in "[ -~\r\n\t\u{0}-\u{1f}é春\u{1F600}]{0,200}",
        local in "[a-z0-9]{1,20}(\\.[a-z0-9]{1,10})?",
    ) {
        thread_local!(static COMPILED: channel::Compiled = sample().compile_clean("mail"));
        let contact = Person { email: Some(format!("{local}@c.example")), ..person(json!({"first_name": name, "city": city})) };
        COMPILED.with(|compiled| check(&mail(compiled, &contact)));
    }
}

#[test]
fn renderers_and_senders_can_be_shared_between_tasks() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Renderer>();
    shared::<channel::Sender>();
}
