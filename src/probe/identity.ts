/**
 * The probe's own identity and the hosts it paired with, kept in one private folder: `client.pem` (key and
 * certificate of a stock client's kind, `protocol/http.md` §6.1) and `hosts.json`.
 */
import path from 'node:path';
import { ensurePrivateDir } from '../config/paths.js';
import { parseCertificate } from '../identity/certificate.js';
import { generateKeyPair } from '../identity/key-pair.js';
import { createSecretFile, readSecretFile, replaceSecretFile } from '../identity/secret-file.js';
import { LumenError } from '../support/errors.js';

/** Certificate and private key, PEM with LF line ends. */
export interface ProbeIdentity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A host that accepted the probe. */
export interface PinnedHost {
  /** `uniqueid` of its serverinfo: what identifies it. */
  readonly uniqueId: string;
  readonly name: string;
  /** The certificate it paired with, PEM: nothing else is accepted over HTTPS. */
  readonly certPem: string;
}

const IDENTITY_FILE = 'client.pem';
const HOSTS_FILE = 'hosts.json';
const COMMON_NAME = 'NVIDIA GameStream Client';
const CERTIFICATE_PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/;
const PRIVATE_KEY_PEM = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----\n?/;

const unreadable = (file: string, problem: string): LumenError =>
  new LumenError('LUMEN_STATE_UNREADABLE', { file, problem });

/**
 * The probe's certificate and key; made on first use. Key and certificate share a file: a crash leaves both or none.
 * @param stateDir made with mode 0700 when it is missing
 * @throws LumenError `LUMEN_STATE_UNREADABLE`
 */
export const loadIdentity = async (stateDir: string): Promise<ProbeIdentity> => {
  ensurePrivateDir(stateDir);
  const file = path.join(stateDir, IDENTITY_FILE);
  if (readSecretFile(file) === undefined) {
    const pair = await generateKeyPair(COMMON_NAME);
    createSecretFile(file, pair.privateKeyPem + pair.certificatePem);
  }
  const text = readSecretFile(file) ?? '';
  const certPem = CERTIFICATE_PEM.exec(text)?.[0];
  const keyPem = PRIVATE_KEY_PEM.exec(text)?.[0];
  if (certPem === undefined || keyPem === undefined)
    throw unreadable(file, 'it lacks the certificate or the key');
  const parsed = parseCertificate(certPem);
  if (!parsed.ok) throw unreadable(file, `its certificate is damaged: ${parsed.reason}`);
  return { certPem, keyPem };
};

const isPinnedHost = (value: unknown): value is PinnedHost => {
  if (typeof value !== 'object' || value === null) return false;
  const host = value as Record<string, unknown>;
  return ['uniqueId', 'name', 'certPem'].every((name) => typeof host[name] === 'string');
};

/**
 * Reads the text of `hosts.json`: an array of hosts.
 * @returns the hosts, or null when it is not such a text
 */
export const parsePinnedHosts = (text: string): readonly PinnedHost[] | null => {
  let hosts: unknown;
  try {
    hosts = JSON.parse(text);
  } catch {
    return null;
  }
  return Array.isArray(hosts) && hosts.every(isPinnedHost) ? hosts : null;
};

const readHosts = (stateDir: string): readonly PinnedHost[] => {
  const file = path.join(stateDir, HOSTS_FILE);
  const text = readSecretFile(file);
  if (text === undefined) return [];
  const hosts = parsePinnedHosts(text);
  if (hosts === null) throw unreadable(file, 'it is not a list of hosts');
  return hosts;
};

/** The host with this `uniqueid`, when the probe paired with it. */
export const findPinnedHost = (stateDir: string, uniqueId: string): PinnedHost | undefined =>
  readHosts(stateDir).find((host) => host.uniqueId === uniqueId);

/** Keeps a host's certificate; an older one of the same host is replaced. */
export const pinHost = (stateDir: string, host: PinnedHost): void => {
  ensurePrivateDir(stateDir);
  const others = readHosts(stateDir).filter(({ uniqueId }) => uniqueId !== host.uniqueId);
  replaceSecretFile(path.join(stateDir, HOSTS_FILE), `${JSON.stringify([...others, host], null, 2)}\n`);
};
