/**
 * Makes RSA-2048 keys with self-signed certificates, as both hosts and clients of the protocol use them
 * (`protocol/http.md` §6.1; iOS takes exactly 256 signature bytes, so the size is fixed).
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';

const ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const DAY_MS = 86_400_000;
const VALID_DAYS = 20 * 365;

/** A private key and its certificate, both PEM with LF line ends. */
export interface KeyPair {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

const withFinalNewline = (pem: string): string => `${pem.replaceAll('\r', '').trimEnd()}\n`;

/**
 * Makes a fresh pair, valid from yesterday (clocks may be wrong) for 20 years, with a random positive serial number.
 * @param commonName stock clients use `NVIDIA GameStream Client`; a host's is free
 */
export const generateKeyPair = async (commonName: string): Promise<KeyPair> => {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const serial = randomBytes(20);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // 159 bits: positive, and never a leading zero byte
  const nowMs = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial.toString('hex'),
      name: [{ CN: [commonName] }],
      notBefore: new Date(nowMs - DAY_MS),
      notAfter: new Date(nowMs + VALID_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    privateKeyPem: withFinalNewline(PemConverter.encode(pkcs8, 'PRIVATE KEY')),
    certificatePem: withFinalNewline(certificate.toString('pem')),
  };
};
