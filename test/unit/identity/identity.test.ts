/** Certificates, the host's identity and the list of paired clients, on a real folder. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { type Certificate, parseCertificate, readSignature } from '../../../src/identity/certificate.js';
import { ClientStore } from '../../../src/identity/client-store.js';
import { loadHostIdentity } from '../../../src/identity/host-identity.js';
import { generateKeyPair, type KeyPair } from '../../../src/identity/key-pair.js';
import { LumenError } from '../../../src/support/errors.js';

const certificateOf = (pair: KeyPair): Certificate => {
  const parsed = parseCertificate(pair.certificatePem);
  assert.ok(parsed.ok);
  return parsed.certificate;
};

const isStateError = (problem: RegExp) => (error: unknown) =>
  error instanceof LumenError && error.code === 'LUMEN_STATE_UNREADABLE' && problem.test(error.message);

const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;

describe('identity', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let folder: string;
  let first: KeyPair;
  let second: KeyPair;
  before(async () => {
    [first, second] = await Promise.all([generateKeyPair('first'), generateKeyPair('second')]);
  });
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-identity-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  describe('a generated certificate', () => {
    it('is self-signed RSA-2048 with SHA-256, valid from before now for about 20 years', () => {
      const parsed = new X509Certificate(first.certificatePem);
      assert.equal(parsed.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
      assert.ok(parsed.verify(parsed.publicKey));
      assert.equal(parsed.subject, parsed.issuer);
      const years = (Date.parse(parsed.validTo) - Date.now()) / 31_557_600_000;
      assert.ok(years > 19.9 && years < 20.1, String(years));
      assert.ok(Date.parse(parsed.validFrom) < Date.now() - 3_600_000);
      // sha256WithRSAEncryption, 1.2.840.113549.1.1.11
      assert.ok(parsed.raw.includes(Buffer.from('06092a864886f70d01010b', 'hex')));
    });

    it('ends with its 256 signature bytes', () => {
      const { der, signature } = certificateOf(first);
      assert.equal(signature.length, 256);
      assert.deepEqual(signature, der.subarray(-256));
    });

    it('has LF line ends only, and is read with CR LF too', () => {
      assert.ok(!first.certificatePem.includes('\r'));
      const parsed = parseCertificate(first.certificatePem.replaceAll('\n', '\r\n'));
      assert.ok(parsed.ok);
      assert.equal(parsed.certificate.fingerprint, certificateOf(first).fingerprint);
    });
  });

  describe('reading a certificate', () => {
    it('refuses what is none, too large or without RSA', () => {
      const broken = first.certificatePem.replace(/[A-Za-z0-9]{40}/, 'A'.repeat(40));
      for (const text of [
        '',
        'x',
        first.privateKeyPem,
        broken,
        `${first.certificatePem}${'\n'.repeat(9000)}`,
      ]) {
        assert.equal(parseCertificate(text).ok, false);
      }
    });

    it('survives any text and any bytes', () => {
      fc.assert(fc.property(fc.string(), (text) => assert.equal(parseCertificate(text).ok, false)));
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
          const signature = readSignature(Buffer.from(bytes));
          assert.ok(signature === undefined || signature.length < bytes.length);
        }),
      );
    });

    it('survives any damage to a real one', () => {
      const { der } = certificateOf(first);
      fc.assert(
        fc.property(fc.nat(der.length - 1), fc.nat(255), (offset, value) => {
          const bytes = Buffer.from(der);
          bytes[offset] = value;
          const pem = `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`;
          assert.equal(typeof parseCertificate(pem).ok, 'boolean');
          readSignature(bytes.subarray(0, offset));
        }),
      );
    });
  });

  describe('the host identity', () => {
    it('is made once, kept private and found again', async () => {
      const made = await loadHostIdentity(folder);
      const found = await loadHostIdentity(folder);
      assert.equal(found.uniqueId, made.uniqueId);
      assert.equal(found.certificate.fingerprint, made.certificate.fingerprint);
      assert.match(made.uniqueId, /^[0-9A-F]{8}-/);
      assert.deepEqual(fs.readdirSync(folder).sort(), ['host-id', 'host.pem']);
      assert.equal(modeOf(path.join(folder, 'host.pem')), 0o600);
      assert.equal(modeOf(path.join(folder, 'host-id')), 0o600);
    });

    it('is one and the same when two processes make it at once', async () => {
      const [a, b] = await Promise.all([loadHostIdentity(folder), loadHostIdentity(folder)]);
      assert.equal(a.certificate.fingerprint, b.certificate.fingerprint);
      assert.equal(a.uniqueId, b.uniqueId);
    });

    it('is an error and stays on the disk as it is when it is damaged', async () => {
      const file = path.join(folder, 'host.pem');
      const cases: [string, RegExp][] = [
        ['', /no certificate/],
        [first.certificatePem, /no private key/],
        [first.privateKeyPem + second.certificatePem, /does not belong/],
        [first.privateKeyPem.replace(/[A-Za-z]{20}/, 'A'.repeat(20)) + first.certificatePem, /private key/],
      ];
      for (const [text, problem] of cases) {
        fs.writeFileSync(file, text, { mode: 0o600 });
        await assert.rejects(loadHostIdentity(folder), isStateError(problem));
        assert.equal(fs.readFileSync(file, 'utf8'), text);
      }
    });

    it('is refused when others may read its key', async () => {
      await loadHostIdentity(folder);
      fs.chmodSync(path.join(folder, 'host.pem'), 0o640);
      await assert.rejects(loadHostIdentity(folder), isStateError(/mode 0640/));
    });

    it('is refused when its id is no GUID', async () => {
      fs.writeFileSync(path.join(folder, 'host-id'), 'me', { mode: 0o600 });
      await assert.rejects(loadHostIdentity(folder), isStateError(/GUID/));
    });
  });

  describe('the list of paired clients', () => {
    const file = () => path.join(folder, 'clients.json');

    it('keeps clients across processes in a private file', () => {
      const store = new ClientStore(folder);
      assert.deepEqual(store.list(), []);
      const added = store.add(certificateOf(first), 'desk', new Date('2026-01-02T03:04:05Z'));
      assert.equal(added.pairedAt, '2026-01-02T03:04:05.000Z');
      assert.equal(modeOf(file()), 0o600);
      assert.deepEqual(fs.readdirSync(folder), ['clients.json']);
      assert.deepEqual(new ClientStore(folder).list(), [added]);
      assert.ok(store.has(added.fingerprint));
      assert.ok(!store.has(certificateOf(second).fingerprint));
    });

    it('sees at once what another process adds and removes', () => {
      const ours = new ClientStore(folder);
      const theirs = new ClientStore(folder);
      const { fingerprint } = theirs.add(certificateOf(first), 'desk');
      assert.ok(ours.has(fingerprint));
      ours.add(certificateOf(second), 'sofa');
      assert.ok(theirs.remove('desk').ok);
      assert.ok(!ours.has(fingerprint));
      assert.deepEqual(
        ours.list().map(({ name }) => name),
        ['sofa'],
      );
    });

    it('removes by name or by the start of the fingerprint, and nothing when that is ambiguous', () => {
      const store = new ClientStore(folder);
      const a = store.add(certificateOf(first), 'client');
      store.add(certificateOf(second), 'client');
      assert.equal(store.remove('nobody').ok, false);
      assert.equal(store.remove(a.fingerprint.slice(0, 7)).ok, false);
      assert.equal(store.remove('client').ok, false);
      assert.deepEqual(store.remove(a.fingerprint.slice(0, 8).toUpperCase()), { ok: true, client: a });
      assert.equal(store.list().length, 1);
      assert.ok(store.remove('client').ok);
    });

    it('keeps the link of a client until it is taken back, also when the client pairs again', () => {
      const store = new ClientStore(folder);
      const { fingerprint } = store.add(certificateOf(first), 'TV');
      assert.equal(store.linkKbps(fingerprint), undefined);
      assert.ok(store.setLink('TV', 80_000).ok);
      store.add(certificateOf(first), 'TV');
      assert.equal(new ClientStore(folder).linkKbps(fingerprint), 80_000);
      assert.equal(store.setLink('nobody', 80_000).ok, false);
      assert.ok(store.setLink(fingerprint.slice(0, 8), undefined).ok);
      assert.equal(new ClientStore(folder).linkKbps(fingerprint), undefined);
    });

    it('is an error when it is damaged, and is not overwritten', () => {
      for (const text of ['', '{', '{}', '{"version":2,"clients":[]}', '{"version":1,"clients":[{}]}']) {
        fs.writeFileSync(file(), text, { mode: 0o600 });
        assert.throws(() => new ClientStore(folder), isStateError(/clients\.json/));
        assert.equal(fs.readFileSync(file(), 'utf8'), text);
      }
    });

    it('is an error when a certificate does not fit its fingerprint', () => {
      new ClientStore(folder).add(certificateOf(first), 'desk');
      const { fingerprint } = certificateOf(first);
      const other = certificateOf(second).fingerprint;
      fs.writeFileSync(file(), fs.readFileSync(file(), 'utf8').replace(fingerprint, other));
      assert.throws(() => new ClientStore(folder), isStateError(/does not fit/));
    });

    it('keeps the last good list when the file is damaged while running, and writes nothing over it', () => {
      const store = new ClientStore(folder);
      const { fingerprint } = store.add(certificateOf(first), 'desk');
      fs.writeFileSync(file(), 'garbage');
      assert.ok(store.has(fingerprint));
      assert.throws(() => store.add(certificateOf(second), 'sofa'), isStateError(/JSON/));
      assert.equal(fs.readFileSync(file(), 'utf8'), 'garbage');
    });
  });
});
