//! Unusual messages for signature tests, such as no mail program would send.

use std::fmt::Write as _;

const SUBJECTS: [&str; 7] = [
    "Plain words",
    "",
    " \t ",
    "=?utf-8?B?5pil5a2j57ut6LS5?= and more",
    "folded\r\n once\r\n\tand  again ",
    "colon: semicolon; quote\" b=notasignature; h=from",
    "long enough for every limit of every reader: lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do",
];

/// Header fields besides From, To, Subject, Date and Message-ID.
const EXTRA_HEADERS: [&str; 4] = [
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
    "Reply-To: hello@harbour.example\r\nCc: a@b.example,\r\n\tc@d.example\r\nX-Unsigned: yes\r\n",
    "List-Unsubscribe: <https://t.example/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
     List-ID: <spring.harbour.example>\r\nFeedback-ID: a:b:c:harbour\r\nPrecedence: bulk\r\n\
     Auto-Submitted: auto-generated\r\n",
    "Precedence: bulk\r\nprecedence:   list\r\nLIST-ID:<x.y>\r\nDKIM-Filter: v=1\r\nReceived: by a; b\r\n",
];

fn bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "\r\n",
        "\r\n\r\n\r\n",
        " \t\r\n  \r\n\t\r\n",
        "no end",
        "blank at the end \t",
        "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n",
        "text\r\n\r\n \r\n\t\t\r\n\r\n",
        " \tindented\t \t and  spaced \r\n\r\n\r\nagain \r\n",
        ".\r\n..\r\n.dot\r\nFrom here\r\n--boundary--\r\n",
        "DKIM-Signature: v=1; a=rsa-sha256; b=x\r\nFrom: x@y.example\r\n\r\nbody\r\n",
        "Zoë, 春季续费 🎉\r\n",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push([vec![b'x'; 998], b"\r\n".to_vec()].concat());
    bodies.push("word  ".repeat(160).into_bytes());
    bodies.push(attachment());
    bodies
}

/// Returns a MIME part of about 60,000 bytes between its boundaries.
fn attachment() -> Vec<u8> {
    let mut text =
        "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_owned();
    for line in 0..800 {
        write!(text, "{line:076}\r\n").unwrap();
    }
    text.push_str("--b--\r\n");
    text.into_bytes()
}

/// Returns every body, each under several headers.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for (number, body) in bodies().into_iter().enumerate() {
        for (turn, subject) in SUBJECTS.iter().enumerate() {
            let more = EXTRA_HEADERS[(number + turn) % EXTRA_HEADERS.len()];
            let header = format!(
                "Date: Tue, 10 Mar 2026 10:{number:02}:{turn:02} +0000\r\nFrom: =?utf-8?Q?H=C3=A4rbour?= \
                 <news@harbour.example>\r\nTo: reader.{number}@example.com\r\nSubject: {subject}\r\n\
                 Message-ID: <{number}.{turn}@harbour.example>\r\n{more}\r\n"
            );
            messages.push([header.into_bytes(), body.clone()].concat());
        }
    }
    messages
}
