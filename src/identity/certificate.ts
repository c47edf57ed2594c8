/** Reading X.509 certificates: the parts that pairing and pinning use. Dates, names and extensions play no role. Pure. */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';

/** One certificate. */
export interface Certificate {
  /** PEM text with LF line ends. */
  readonly pem: string;
  readonly der: Buffer;
  /** SHA-256 of the DER form, 64 lower-case hex digits: the identity of a client. */
  readonly fingerprint: string;
  /** Content of the signatureValue BIT STRING: 256 bytes for RSA-2048 (`protocol/http.md` §6.1). */
  readonly signature: Buffer;
  readonly publicKey: KeyObject;
}

export type CertificateResult =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly reason: string };

/** Stock clients send about 1.1 KiB of PEM; RSA-8192 needs 3 KiB. */
const MAX_PEM_BYTES = 8192;
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/** SHA-256 of a certificate's DER form in lower-case hex. */
export const fingerprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  readonly end: number;
}

/* One DER element at `offset`: tag, definite length of up to four bytes, content. */
const readDer = (bytes: Buffer, offset: number): DerElement | undefined => {
  if (offset + 2 > bytes.length) return undefined;
  const tag = bytes.readUInt8(offset);
  const first = bytes.readUInt8(offset + 1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = offset + 2 + lengthBytes;
  if (lengthBytes > 4 || (first >= 0x80 && lengthBytes === 0) || start > bytes.length) return undefined;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(offset + 2, lengthBytes);
  if (start + length > bytes.length) return undefined;
  return { tag, content: bytes.subarray(start, start + length), end: start + length };
};

/** The signatureValue of a certificate, or undefined when the bytes are not Certificate ::= SEQUENCE {tbs, algorithm, BIT STRING}. */
export const readSignature = (der: Buffer): Buffer | undefined => {
  const outer = readDer(der, 0);
  if (outer?.tag !== 0x30) return undefined;
  const signed = readDer(outer.content, 0);
  const algorithm = signed && readDer(outer.content, signed.end);
  const value = algorithm && readDer(outer.content, algorithm.end);
  if (value?.tag !== 0x03 || value.content.length < 2 || value.content[0] !== 0) return undefined;
  return Buffer.from(value.content.subarray(1));
};

const findKeyProblem = (key: KeyObject): string | undefined => {
  if (key.asymmetricKeyType !== 'rsa') return `its key is ${key.asymmetricKeyType ?? 'unknown'}, not RSA`;
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) return `its RSA key has ${bits} bits`;
  return undefined;
};

/** Reads one PEM certificate with an RSA key of 2048–8192 bits. CR characters are dropped. */
export const parseCertificate = (pem: string): CertificateResult => {
  if (pem.length > MAX_PEM_BYTES) return { ok: false, reason: 'it is larger than 8 KiB' };
  const text = pem.replaceAll('\r', '');
  if (!text.trimStart().startsWith('-----BEGIN CERTIFICATE-----'))
    return { ok: false, reason: 'it is not PEM' };
  try {
    const parsed = new X509Certificate(text);
    const signature = readSignature(parsed.raw);
    if (signature === undefined) return { ok: false, reason: 'its signature cannot be found' };
    const problem = findKeyProblem(parsed.publicKey);
    if (problem !== undefined) return { ok: false, reason: problem };
    const { raw: der, publicKey } = parsed;
    return {
      ok: true,
      certificate: { pem: text, der, fingerprint: fingerprintOf(der), signature, publicKey },
    };
  } catch {
    // OpenSSL's text names its own internals; for the person it is simply not a certificate.
    return { ok: false, reason: 'it is not a certificate' };
  }
};
