/** Known answers of `protocol/http.md` §6.6, and both sides against each other. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { type Certificate, parseCertificate } from '../../../src/identity/certificate.js';
import { generateKeyPair, type KeyPair } from '../../../src/identity/key-pair.js';
import {
  answerClientChallenge,
  answerHostChallenge,
  decryptBlocks,
  derivePairingKey,
  encryptBlocks,
  hashCommitment,
  isClientProven,
  judgeHost,
  openChallengeResponse,
  openSignedSecret,
  signSecret,
} from '../../../src/nvhttp/pairing-crypto.js';

/** `count` bytes that count up from `first`. */
const run = (first: number, count = 16): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, i) => first + i));

const SALT = run(0x00);
const K = Buffer.from('bad0b4f7cae08eb7c1b5acc763a8ed25', 'hex');
const CLIENT_CHALLENGE = run(0x10);
const HOST_SECRET = run(0x20);
const HOST_CHALLENGE = run(0x30);
const CLIENT_SECRET = run(0x40);
const HOST_SIGNATURE = Buffer.alloc(256, 0xa5);
const CLIENT_SIGNATURE = Buffer.alloc(256, 0x5a);
const HOST_HASH = '8b9ea1ce148196b7092b8a5be9b2b35077d63376ffdb5cffb17a85a2a4c73338';
const CLIENT_HASH = '5c12c400ed0f21d3fa00b2e5b72bbc6642c51ef1ebb07cbeb3726ecc699a7d15';
const CHALLENGE_RESPONSE =
  '9d88749146ff782ede267e15fc5a04969ee0bf389c725d9d5d0c24ae9b0e28ca58f1c991a85a76c2526eb7cf9453b7e7';
const SERVER_CHALLENGE_RESPONSE = '40c613e48052ffd010c293a8eb989c98bbeee3ced33dff8effee172dd13e8152';

describe('pairing arithmetic', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let pair: KeyPair;
  let certificate: Certificate;
  before(async () => {
    pair = await generateKeyPair('NVIDIA GameStream Client');
    const parsed = parseCertificate(pair.certificatePem);
    assert.ok(parsed.ok);
    certificate = parsed.certificate;
  });

  it('derives the known key from salt and PIN', () => {
    assert.deepEqual(derivePairingKey(SALT, '1234'), K);
  });

  it('encrypts the known client challenge', () => {
    const encrypted = encryptBlocks(K, CLIENT_CHALLENGE);
    assert.equal(encrypted.toString('hex'), '5febcdc985b2baddd65925da162380eb');
    assert.deepEqual(decryptBlocks(K, encrypted), CLIENT_CHALLENGE);
  });

  it('hashes the known host commitment and client commitment', () => {
    assert.equal(hashCommitment(CLIENT_CHALLENGE, HOST_SIGNATURE, HOST_SECRET).toString('hex'), HOST_HASH);
    assert.equal(
      hashCommitment(HOST_CHALLENGE, CLIENT_SIGNATURE, CLIENT_SECRET).toString('hex'),
      CLIENT_HASH,
    );
  });

  it('answers the client challenge with the known bytes, which the client reads back', () => {
    const round = { hostSecret: HOST_SECRET, hostChallenge: HOST_CHALLENGE };
    const response = answerClientChallenge(K, encryptBlocks(K, CLIENT_CHALLENGE), HOST_SIGNATURE, round);
    assert.equal(response.toString('hex'), CHALLENGE_RESPONSE);
    const opened = openChallengeResponse(K, response);
    assert.equal(opened?.hostHash.toString('hex'), HOST_HASH);
    assert.deepEqual(opened?.hostChallenge, HOST_CHALLENGE);
  });

  it('answers the host challenge with the known bytes', () => {
    const response = answerHostChallenge(K, HOST_CHALLENGE, CLIENT_SIGNATURE, CLIENT_SECRET);
    assert.equal(response.toString('hex'), SERVER_CHALLENGE_RESPONSE);
    assert.equal(decryptBlocks(K, response).toString('hex'), CLIENT_HASH);
  });

  it('signs a secret in 16 and 256 bytes and knows its own signature', () => {
    const signed = signSecret(CLIENT_SECRET, pair.privateKeyPem);
    assert.equal(signed.length, 272);
    assert.deepEqual(openSignedSecret(signed, certificate.publicKey), CLIENT_SECRET);
  });

  it('refuses a signed secret with any byte changed, cut or added', () => {
    const signed = signSecret(CLIENT_SECRET, pair.privateKeyPem);
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.integer({ min: 1, max: 255 }), (offset, change) => {
        const forged = Buffer.from(signed);
        forged[offset] = (forged[offset] ?? 0) ^ change;
        assert.equal(openSignedSecret(forged, certificate.publicKey), undefined);
        assert.equal(openSignedSecret(signed.subarray(0, offset), certificate.publicKey), undefined);
      }),
      { numRuns: 50 },
    );
    assert.equal(
      openSignedSecret(Buffer.concat([signed, Buffer.alloc(1)]), certificate.publicKey),
      undefined,
    );
  });

  it('believes a client only with the committed secret and its own signature', () => {
    const signed = signSecret(CLIENT_SECRET, pair.privateKeyPem);
    const hash = hashCommitment(HOST_CHALLENGE, certificate.signature, CLIENT_SECRET);
    assert.equal(isClientProven(hash, HOST_CHALLENGE, certificate, signed), true);
    assert.equal(isClientProven(run(0, 32), HOST_CHALLENGE, certificate, signed), false);
    assert.equal(isClientProven(hash, run(0), certificate, signed), false);
    assert.equal(isClientProven(hash.subarray(1), HOST_CHALLENGE, certificate, signed), false);
    assert.equal(isClientProven(hash, HOST_CHALLENGE, certificate, Buffer.alloc(272)), false);
  });

  it('tells a forged host from a wrong PIN', () => {
    const signed = signSecret(HOST_SECRET, pair.privateKeyPem);
    const hash = hashCommitment(CLIENT_CHALLENGE, certificate.signature, HOST_SECRET);
    const publicKey = createPublicKey(pair.certificatePem);
    const host = { signature: certificate.signature, publicKey };
    assert.equal(judgeHost(signed, hash, CLIENT_CHALLENGE, host), 'proven');
    assert.equal(judgeHost(signed, run(0, 32), CLIENT_CHALLENGE, host), 'wrong-pin');
    assert.equal(judgeHost(Buffer.alloc(272), hash, CLIENT_CHALLENGE, host), 'forged');
  });

  it('reads a challenge response of another length as none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        assert.equal(openChallengeResponse(K, Buffer.from(bytes)) === undefined, bytes.length !== 48);
      }),
    );
  });
});
