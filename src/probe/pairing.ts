/**
 * Pairing from the client's side, with the order and the checks of the strictest stock clients
 * (`protocol/http.md` §6). The PIN is the client's: it is shown to a person who types it into the host.
 */
import { randomBytes } from 'node:crypto';
import { type Certificate, parseCertificate } from '../identity/certificate.js';
import {
  answerHostChallenge,
  CHALLENGE_BYTES,
  derivePairingKey,
  encryptBlocks,
  judgeHost,
  openChallengeResponse,
  SALT_BYTES,
  SECRET_BYTES,
  signSecret,
} from '../nvhttp/pairing-crypto.js';
import { describeError, LumenError } from '../support/errors.js';
import { fetchServerInfo, requestPaired, type ServerInfo, stageError } from './host-info.js';
import { requestHost } from './http-client.js';
import { loadIdentity, type ProbeIdentity, pinHost } from './identity.js';
import type { HostOptions } from './options.js';
import type { HostReply } from './reply.js';

/** How pairing is done. */
export interface PairOptions extends HostOptions {
  /** Four digits. */
  readonly pin: string;
}

/** A pairing that worked. */
export interface PairResult {
  readonly hostname: string;
  readonly uniqueId: string;
  /** SHA-256 of the host's certificate (DER), hex. */
  readonly hostFingerprint: string;
}

const refuse = (problem: string, remedy: string): LumenError =>
  new LumenError('LUMEN_PAIRING_REFUSED', { problem, remedy });

const TRY_AGAIN = 'start the pairing again and type the PIN that is shown then';

type Query = Readonly<Record<string, string | number>>;

/** One pairing in progress. */
class Pairing {
  readonly #options: PairOptions;
  readonly #info: ServerInfo;
  readonly #identity: ProbeIdentity;

  constructor(options: PairOptions, info: ServerInfo, identity: ProbeIdentity) {
    this.#options = options;
    this.#info = info;
    this.#identity = identity;
  }

  /** All five phases. @returns the host's certificate */
  async run(): Promise<Certificate> {
    const salt = randomBytes(SALT_BYTES);
    const key = derivePairingKey(salt, this.#options.pin);
    const host = await this.#getServerCert(salt);
    const clientChallenge = randomBytes(CHALLENGE_BYTES);
    const response = await this.#phase('challengeresponse', {
      clientchallenge: encryptBlocks(key, clientChallenge).toString('hex'),
    });
    const answer = openChallengeResponse(key, response);
    if (answer === undefined) throw refuse('the challenge response has a wrong length', TRY_AGAIN);
    const clientSecret = randomBytes(SECRET_BYTES);
    const proof = answerHostChallenge(key, answer.hostChallenge, this.#ownSignature(), clientSecret);
    const secret = await this.#phase('pairingsecret', { serverchallengeresp: proof.toString('hex') });
    const verdict = judgeHost(secret, answer.hostHash, clientChallenge, host);
    if (verdict === 'forged')
      throw refuse('the host does not own its certificate', 'is somebody between you and it?');
    if (verdict === 'wrong-pin') throw refuse('the PIN was wrong', TRY_AGAIN);
    await this.#finish(clientSecret, host);
    return host;
  }

  /** Tells the host to forget what is half done; it may be gone, so its answer does not matter. */
  async abandon(): Promise<void> {
    try {
      await this.#request('/unpair', {});
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'unpair after a failed pairing was not answered');
    }
  }

  #request(path: string, query: Query, timeoutMs?: number): Promise<HostReply> {
    const { address, signal } = this.#options;
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    return requestHost({ host: address.host, port: address.port, path, query, signal, ...limit });
  }

  async #pair(query: Query, timeoutMs?: number): Promise<HostReply> {
    return this.#accept(
      await this.#request('/pair', { devicename: 'roth', updateState: 1, ...query }, timeoutMs),
    );
  }

  #accept(reply: HostReply): HostReply {
    if (reply.status !== 200) throw refuse(`the host says: ${reply.message} (${reply.status})`, TRY_AGAIN);
    if (reply.text('paired') !== '1') throw refuse('the host did not accept (wrong PIN?)', TRY_AGAIN);
    return reply;
  }

  /** Phase 1; the answer comes when a person has typed the PIN, so it is waited for without a limit. */
  async #getServerCert(salt: Buffer): Promise<Certificate> {
    const clientcert = Buffer.from(this.#identity.certPem, 'utf8').toString('hex');
    const reply = await this.#pair({ phrase: 'getservercert', salt: salt.toString('hex'), clientcert }, 0);
    const pem = this.#hex(reply, 'plaincert').toString('utf8');
    if (pem === '') throw refuse('another pairing is in progress', 'wait for it to end, then try again');
    const parsed = parseCertificate(pem);
    if (!parsed.ok)
      throw refuse(`the host's certificate cannot be used: ${parsed.reason}`, "see the host's log");
    return parsed.certificate;
  }

  async #phase(element: string, query: Query): Promise<Buffer> {
    return this.#hex(await this.#pair(query), element);
  }

  #hex(reply: HostReply, element: string): Buffer {
    const text = reply.text(element);
    if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
      throw refuse(`${element} is not hex`, TRY_AGAIN);
    return Buffer.from(text, 'hex');
  }

  #ownSignature(): Buffer {
    const parsed = parseCertificate(this.#identity.certPem);
    if (!parsed.ok) throw refuse(`the probe's own certificate cannot be used: ${parsed.reason}`, 'remove it');
    return parsed.certificate.signature;
  }

  /** Phases 4 and 5: proof to the host, and the first use of the new pin over HTTPS. */
  async #finish(clientSecret: Buffer, host: Certificate): Promise<void> {
    const proof = signSecret(clientSecret, this.#identity.keyPem);
    await this.#pair({ clientpairingsecret: proof.toString('hex') });
    const paired = { info: this.#info, tls: { ...this.#identity, hostCertPem: host.pem } };
    const query = { devicename: 'roth', updateState: 1, phrase: 'pairchallenge' };
    this.#accept(await requestPaired(this.#options, paired, '/pair', { query }));
  }
}

/**
 * Pairs with a host and remembers it. Blocks until a person has typed the PIN into the host, or `signal` aborts.
 * @throws LumenError `LUMEN_PAIRING_REFUSED` with the reason, or `LUMEN_PROBE_FAILED` when the host does not answer
 */
export const pairWithHost = async (options: PairOptions): Promise<PairResult> => {
  const info = await fetchServerInfo(options);
  if (info.uniqueId === '')
    throw stageError('serverinfo', 'the host has no uniqueid', 'is this a GameStream host?');
  const pairing = new Pairing(options, info, await loadIdentity(options.stateDir));
  let host: Certificate;
  try {
    host = await pairing.run();
  } catch (error) {
    options.logger.debug({ problem: describeError(error) }, 'pairing failed');
    await pairing.abandon();
    throw error;
  }
  pinHost(options.stateDir, { uniqueId: info.uniqueId, name: info.hostname, certPem: host.pem });
  return { hostname: info.hostname, uniqueId: info.uniqueId, hostFingerprint: host.fingerprint };
};
