// Prints new keys as JSON: private keys in PEM, public keys in Base64 for the DNS.
'use strict';

const { generateKeyPairSync } = require('node:crypto');

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const publicKey = pair => pair.publicKey.export({ type: 'spki', format: 'der' });

process.stdout.write(
    JSON.stringify({
        rsa_pkcs8: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }),
        rsa_pkcs1: rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
        rsa_public: publicKey(rsa).toString('base64'),
        ed25519: ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }),
        // RFC 8463 §4: the key itself, which ends its SubjectPublicKeyInfo.
        ed25519_public: publicKey(ed25519).subarray(-32).toString('base64')
    })
);
