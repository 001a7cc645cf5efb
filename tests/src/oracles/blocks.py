"""Checks Block Kit blocks with Slack's SDK: reads an array of blocks, exits with an error for a refusal."""
import json
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

# docs.slack.dev/reference/block-kit/blocks; the SDK checks each block by itself.
MAX_BLOCKS = 50


def main():
    blocks = json.load(sys.stdin)
    if not 1 <= len(blocks) <= MAX_BLOCKS:
        sys.exit(f"{len(blocks)} blocks; a message has 1 to {MAX_BLOCKS}")
    for number, block in enumerate(blocks):
        try:
            parsed = Block.parse(block)
            known = parsed.to_dict() if parsed is not None else {}
        except (SlackObjectFormationError, TypeError, ValueError) as error:
            sys.exit(f"block {number}: {error}")
        unknown = missing(block, known, f"block {number}")
        if unknown:
            sys.exit("; ".join(unknown))


def missing(given, known, place):
    """Returns a message for each given value that the SDK dropped or changed."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            one
            for key, value in given.items()
            for one in (missing(value, known[key], f"{place}.{key}") if key in known else [f"{place}.{key} is unknown"])
        ]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        return [one for i, (a, b) in enumerate(zip(given, known)) for one in missing(a, b, f"{place}[{i}]")]
    return [] if given == known else [f"{place} is {known!r} to the SDK"]


main()
