// Verifies the DKIM signatures of messages with mailauth.
//
// Arguments: mailauth's folder, a folder of .eml files, and a JSON file of the DNS's TXT records by name. Prints a
// JSON object: for each file its signatures from the top, each true if it is valid.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const [, , mailauth, folder, zone] = process.argv;
const { dkimVerify } = require(path.join(mailauth, 'lib/dkim/verify.js'));
const records = JSON.parse(fs.readFileSync(zone, 'utf8'));

// Answers DNS queries as Node.js does: a text longer than 255 bytes is split into pieces.
async function resolver(name, type) {
    const text = type === 'TXT' ? records[name.replace(/\.$/, '')] : undefined;
    if (text === undefined) {
        throw Object.assign(new Error(`${type} ${name} is not there`), { code: 'ENOTFOUND' });
    }
    return [text.match(/.{1,255}/g)];
}

async function main() {
    const verdicts = {};
    for (const file of fs.readdirSync(folder).filter(name => name.endsWith('.eml')).sort()) {
        const raw = fs.readFileSync(path.join(folder, file));
        const { results } = await dkimVerify(raw, { resolver, minBitLength: 2048 });
        const signed = results.filter(result => result.signingDomain);
        verdicts[file] = signed.map(result => result.status.result === 'pass');
        for (const { status } of signed.filter(result => result.status.result !== 'pass')) {
            console.error(`mailauth: ${file}: ${status.result} ${status.comment || ''}`);
        }
    }
    process.stdout.write(JSON.stringify(verdicts));
}

main();
