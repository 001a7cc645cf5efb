"""Reads every message in a folder with Python's email package, allowing no defect; one JSON line for each."""

import email
import email.policy
import json
import os
import sys

STRICT = email.policy.default.clone(raise_on_defect=True)

folder = sys.argv[1]
for name in sorted(os.listdir(folder)):
    with open(os.path.join(folder, name), "rb") as file:
        message = email.message_from_binary_file(file, policy=STRICT)
    for header in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        values = message.get_all(header, [])
        assert len(values) == 1, f"{name}: {header} occurs {len(values)} times"
    assert not message["From"].defects and not message["To"].defects, name
    assert message["Date"].datetime is not None, name
    assert message.get_content_type() == "multipart/alternative", name
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    print(json.dumps({
        "recipient": message["X-Rcpt-Args"].strip("<>"),
        "to": message["To"].addresses[0].addr_spec,
        "subject": str(message["Subject"]),
        "message_id": str(message["Message-ID"]).strip(),
        "text": text.get_content().replace("\r\n", "\n"),
        "html": html.get_content().replace("\r\n", "\n"),
    }))
