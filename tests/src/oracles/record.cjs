// Checks the record of a Bluesky post: reads it as JSON, exits with an error for a refusal. Argument: the folder of
// @atproto/api.
'use strict';

const fs = require('node:fs');

const { AppBskyFeedPost, UnicodeString, jsonToLex } = require(process.argv[1]);
// Converted as a server does: `{$type: 'blob'}` becomes a reference to a blob.
const record = jsonToLex(JSON.parse(fs.readFileSync(0, 'utf8')));

function refuse(why) {
    console.error(why);
    process.exit(1);
}

const verdict = AppBskyFeedPost.validateRecord(record);
if (!verdict.success) {
    refuse(verdict.error.message);
}
const bytes = new UnicodeString(record.text).utf8;
let last = 0;
for (const { index } of record.facets ?? []) {
    const inside = last <= index.byteStart && index.byteStart < index.byteEnd && index.byteEnd <= bytes.length;
    const continues = at => at < bytes.length && (bytes[at] & 0xc0) === 0x80;
    if (!inside || continues(index.byteStart) || continues(index.byteEnd)) {
        refuse(`a facet from byte ${index.byteStart} to ${index.byteEnd} of ${bytes.length}, the last to ${last}`);
    }
    last = index.byteEnd;
}
