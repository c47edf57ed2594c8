/**
 * Who this host is to its clients: the RSA key and certificate they pin, and the id they file it under. Made once and
 * never silently replaced: a lost key unpairs every client (`protocol/http.md` §6.5).
 */
import { createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto';
import path from 'node:path';
import { LumenError } from '../support/errors.js';
import { type Certificate, parseCertificate } from './certificate.js';
import { generateKeyPair } from './key-pair.js';
import { createSecretFile, readSecretFile } from './secret-file.js';

/** The host's key, certificate and id. */
export interface HostIdentity {
  /** GUID in upper case, the same for as long as the state folder lives. */
  readonly uniqueId: string;
  readonly certificate: Certificate;
  readonly privateKeyPem: string;
  readonly privateKey: KeyObject;
}

const CERTIFICATE_FILE = 'host.pem';
const ID_FILE = 'host-id';
/** What {@link loadHostIdentity} makes in the state folder. */
export const HOST_FILES: readonly string[] = [CERTIFICATE_FILE, ID_FILE];
const COMMON_NAME = 'Lumen GameStream Host';
const GUID = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;
const CERTIFICATE_PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/;
const PRIVATE_KEY_PEM = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----\n?/;

const damaged = (file: string, problem: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_STATE_UNREADABLE', { file, problem }, cause);

/* The file there is, or the one that was made now. When two processes start at once, the first one's wins. */
const readOrCreate = async (file: string, make: () => Promise<string>): Promise<string> => {
  const present = readSecretFile(file);
  if (present !== undefined) return present;
  createSecretFile(file, await make());
  const created = readSecretFile(file);
  if (created === undefined) throw damaged(file, 'it vanished while it was made');
  return created;
};

const parsePrivateKey = (file: string, pem: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw damaged(file, 'its private key cannot be read', error);
  }
};

/* Key and certificate share one file, so that no crash can leave one without the other. */
const parseKeyFile = (file: string, text: string): Omit<HostIdentity, 'uniqueId'> => {
  const certificatePem = CERTIFICATE_PEM.exec(text)?.[0];
  const privateKeyPem = PRIVATE_KEY_PEM.exec(text)?.[0];
  if (certificatePem === undefined) throw damaged(file, 'it holds no certificate');
  if (privateKeyPem === undefined) throw damaged(file, 'it holds no private key');
  const parsed = parseCertificate(certificatePem);
  if (!parsed.ok) throw damaged(file, `its certificate is damaged: ${parsed.reason}`);
  if (parsed.certificate.signature.length !== 256)
    throw damaged(file, 'its certificate is not signed with RSA-2048');
  const privateKey = parsePrivateKey(file, privateKeyPem);
  if (!new X509Certificate(parsed.certificate.der).checkPrivateKey(privateKey)) {
    throw damaged(file, 'its private key does not belong to its certificate');
  }
  return { certificate: parsed.certificate, privateKeyPem, privateKey };
};

/**
 * Loads the identity from `stateDir`, or makes it there on the first start (mode 0600).
 * @param stateDir an existing private folder (`ensurePrivateDir`)
 * @throws LumenError LUMEN_STATE_UNREADABLE when what is there is damaged, or readable by others
 */
export const loadHostIdentity = async (stateDir: string): Promise<HostIdentity> => {
  const keyFile = path.join(stateDir, CERTIFICATE_FILE);
  const idFile = path.join(stateDir, ID_FILE);
  const keyText = await readOrCreate(keyFile, async () => {
    const pair = await generateKeyPair(COMMON_NAME);
    return pair.privateKeyPem + pair.certificatePem;
  });
  const key = parseKeyFile(keyFile, keyText);
  const uniqueId = (await readOrCreate(idFile, async () => `${randomUUID().toUpperCase()}\n`)).trim();
  if (!GUID.test(uniqueId)) throw damaged(idFile, 'it does not hold a GUID in upper case');
  return { uniqueId, ...key };
};
