/**
 * The clients that have paired, in one JSON file keyed by the fingerprint of their certificate. The file is looked at
 * again before every answer, so that what another process removes is refused from the next request on.
 */
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { describeError, LumenError } from '../support/errors.js';
import { LINK_KBPS_RANGE } from '../support/link-rate.js';
import { createSilentLogger, type Logger, RateLimitedWarning } from '../support/logger.js';
import { type Certificate, fingerprintOf, parseCertificate } from './certificate.js';
import { readSecretFile, replaceSecretFile } from './secret-file.js';

/** One paired client. */
export interface PairedClient {
  /** SHA-256 of the certificate's DER form, 64 lower-case hex digits. */
  readonly fingerprint: string;
  readonly pem: string;
  /** ISO 8601 in UTC. */
  readonly pairedAt: string;
  /** For people only: stock clients do not send a name of their own. */
  readonly name: string;
  /** The client's link in kbit/s; absent where the setting `link_kbps` counts. */
  readonly linkKbps?: number | undefined;
}

/** Which client was changed, or why none was. */
export type ChangeResult =
  | { readonly ok: true; readonly client: PairedClient }
  | { readonly ok: false; readonly reason: string };

const CLIENTS_FILE = 'clients.json';

const fileSchema = z.strictObject({
  version: z.literal(1),
  clients: z.array(
    z.strictObject({
      fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
      pem: z.string(),
      pairedAt: z.iso.datetime(),
      name: z.string(),
      linkKbps: z.int().min(LINK_KBPS_RANGE.min).max(LINK_KBPS_RANGE.max).optional(),
    }),
  ),
});

const damaged = (file: string, problem: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_STATE_UNREADABLE', { file, problem }, cause);

const parseJson = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(file, 'it is not JSON', error);
  }
};

const parseFile = (file: string, text: string): Map<string, PairedClient> => {
  const result = fileSchema.safeParse(parseJson(file, text));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw damaged(file, `${issue?.path.join('.') ?? 'content'}: ${issue?.message ?? 'not accepted'}`);
  }
  for (const client of result.data.clients) {
    const parsed = parseCertificate(client.pem);
    if (!parsed.ok || fingerprintOf(parsed.certificate.der) !== client.fingerprint) {
      throw damaged(
        file,
        `the certificate of client ${client.fingerprint.slice(0, 8)} does not fit its fingerprint`,
      );
    }
  }
  return new Map(result.data.clients.map((client) => [client.fingerprint, client]));
};

/* Changes whenever the file is replaced: a rename gives it another inode. */
const versionOf = (file: string): string => {
  const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
};

/** The paired clients of one state folder. */
export class ClientStore {
  readonly #file: string;
  readonly #warnings: RateLimitedWarning;
  #version = '';
  #clients: Map<string, PairedClient> = new Map();

  /**
   * @param stateDir an existing private folder
   * @throws LumenError LUMEN_STATE_UNREADABLE when the file there is damaged or readable by others
   */
  constructor(stateDir: string, logger: Logger = createSilentLogger()) {
    this.#file = path.join(stateDir, CLIENTS_FILE);
    this.#warnings = new RateLimitedWarning(logger);
    this.#load();
  }

  /** Whether a certificate with this fingerprint has paired. */
  has(fingerprint: string): boolean {
    this.#refresh();
    return this.#clients.has(fingerprint);
  }

  /** All clients, oldest pairing first. */
  list(): readonly PairedClient[] {
    this.#refresh();
    return [...this.#clients.values()].sort((a, b) => a.pairedAt.localeCompare(b.pairedAt));
  }

  /** The link that was set for a client, kbit/s; undefined where none was, and for a stranger. */
  linkKbps(fingerprint: string): number | undefined {
    this.#refresh();
    return this.#clients.get(fingerprint)?.linkKbps;
  }

  /**
   * Adds a client, or renews it, which keeps what was set for it; on return it is on the disk and every later `has` says true.
   * @throws when the file cannot be written
   */
  add(certificate: Certificate, name: string, pairedAt: Date = new Date()): PairedClient {
    const { fingerprint, pem } = certificate;
    const client: PairedClient = { fingerprint, pem, pairedAt: pairedAt.toISOString(), name };
    this.#change((clients) => clients.set(fingerprint, { ...clients.get(fingerprint), ...client }));
    return client;
  }

  /**
   * Removes the one client that `selector` names: its name, its fingerprint, or at least 8 first digits of that.
   * @throws when the file cannot be written
   */
  remove(selector: string): ChangeResult {
    const found = this.#find(selector);
    if (found.ok) this.#change((clients) => clients.delete(found.client.fingerprint));
    return found;
  }

  /**
   * Sets the link of the one client that `selector` names, as for {@link ClientStore.remove}.
   * @param linkKbps in kbit/s; undefined leaves it to the setting again
   * @throws when the file cannot be written
   */
  setLink(selector: string, linkKbps: number | undefined): ChangeResult {
    const found = this.#find(selector);
    if (!found.ok) return found;
    const client = { ...found.client, linkKbps };
    this.#change((clients) => clients.set(client.fingerprint, client));
    return { ok: true, client };
  }

  #find(selector: string): ChangeResult {
    const wanted = selector.toLowerCase();
    const isPrefix = /^[0-9a-f]{8,64}$/.test(wanted);
    const matches = this.list().filter(
      (client) => client.name === selector || (isPrefix && client.fingerprint.startsWith(wanted)),
    );
    const [client] = matches;
    if (client === undefined) return { ok: false, reason: `no paired client is called "${selector}"` };
    if (matches.length > 1) {
      return { ok: false, reason: `"${selector}" names ${matches.length} clients; use the fingerprint` };
    }
    return { ok: true, client };
  }

  #load(): void {
    const version = versionOf(this.#file);
    const text = readSecretFile(this.#file);
    this.#clients = text === undefined ? new Map() : parseFile(this.#file, text);
    this.#version = version;
  }

  /* A file that someone damaged while we run must not let strangers in nor throw the paired out: the last good list stays. */
  #refresh(): void {
    if (versionOf(this.#file) === this.#version) return;
    try {
      this.#load();
    } catch (error) {
      const fields = { problem: describeError(error) };
      this.#warnings.warn(
        'damaged',
        fields,
        'the list of paired clients changed and cannot be read, keeping the last one',
      );
    }
  }

  /* Starts from what is on the disk, so that a damaged file is an error here and is not overwritten. */
  #change(edit: (clients: Map<string, PairedClient>) => void): void {
    this.#load();
    const clients = new Map(this.#clients);
    edit(clients);
    const content = { version: 1, clients: [...clients.values()] };
    replaceSecretFile(this.#file, `${JSON.stringify(content, null, 2)}\n`);
    this.#load();
  }
}
