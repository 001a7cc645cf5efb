"""Verifies the DKIM signatures of messages with dkimpy.

Arguments: a folder of .eml files, and a JSON file of the DNS's TXT records by name. Prints a JSON object: for each
file its signatures from the top, each true if it is valid.
"""
import json
import pathlib
import sys

import dkim


def main(folder, zone):
    records = json.loads(pathlib.Path(zone).read_text())

    def txt(name, timeout=5):
        text = records.get(name.decode().rstrip("."))
        return text.encode() if text is not None else None

    verdicts = {}
    for file in sorted(pathlib.Path(folder).glob("*.eml")):
        raw = file.read_bytes()
        message = dkim.DKIM(raw, minkey=2048)
        count = sum(1 for name, _ in message.headers if name.lower() == b"dkim-signature")
        verdicts[file.name] = [is_valid(raw, index, txt) for index in range(count)]
    json.dump(verdicts, sys.stdout)


def is_valid(raw, index, txt):
    try:
        return bool(dkim.DKIM(raw, minkey=2048).verify(index, dnsfunc=txt))
    except dkim.DKIMException as error:
        print(f"dkimpy: {error}", file=sys.stderr)
        return False


main(*sys.argv[1:])
