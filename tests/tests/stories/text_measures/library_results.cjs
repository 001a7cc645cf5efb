// Measures texts with the networks' own libraries.
//
// Arguments: the folders of twitter-text, @atproto/api and sms-segments-calculator. Reads a JSON array of texts, each
// with the facets that we found in it; prints an array of the results of each library.
'use strict';

const fs = require('node:fs');

const [, , twitterText, atproto, smsSegments] = process.argv;
const { parseTweet } = require(twitterText);
const { AppBskyFeedPost, RichText } = require(atproto);
const { SegmentedMessage } = require(smsSegments);

// Returns the facets that do not overlap an earlier one, as the app shows them.
function withoutOverlaps(facets) {
    const kept = [];
    for (const facet of facets) {
        const last = kept.at(-1);
        if (!last || last.index.byteEnd <= facet.index.byteStart) {
            kept.push(facet);
        }
    }
    return kept;
}

function bluesky(text, facets) {
    const rich = new RichText({ text });
    rich.detectFacetsWithoutResolution();
    const found = (rich.facets ?? []).map(({ index, features }) => ({ index, features }));
    const record = { $type: 'app.bsky.feed.post', text, createdAt: '2026-11-22T00:00:00.000Z', facets };
    const verdict = AppBskyFeedPost.validateRecord(record);
    return {
        graphemes: rich.graphemeLength,
        bytes: rich.length,
        facets: withoutOverlaps(found),
        refused: verdict.success ? null : verdict.error.message,
    };
}

function sms(text) {
    const message = new SegmentedMessage(text);
    const single = message.graphemes.every(grapheme => [...grapheme].length === 1);
    return { encoding: message.getEncodingName(), segments: message.segmentsCount, single };
}

function x(text) {
    const { weightedLength, valid, validRangeEnd } = parseTweet(text);
    return { weight: weightedLength, valid, end: validRangeEnd };
}

const texts = JSON.parse(fs.readFileSync(0, 'utf8'));
const results = texts.map(({ text, facets }) => ({ x: x(text), bluesky: bluesky(text, facets), sms: sms(text) }));
process.stdout.write(JSON.stringify(results));
