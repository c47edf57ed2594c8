/**
 * The host's side of pairing: one state machine per (uniqueid, peer address), since every phase is a connection of its
 * own and `uniqueid` alone is the same for most clients (`protocol/http.md` §6). Strict order, one use per phase, all
 * state dropped at any failure: that leaves an attacker one online guess per PIN. Several clients may wait for their
 * PIN, so that a stranger who waits first keeps nobody out and is handed no PIN that was meant for another.
 */
import { randomBytes } from 'node:crypto';
import { type Certificate, parseCertificate } from '../identity/certificate.js';
import type { ClientStore, PairedClient } from '../identity/client-store.js';
import type { HostIdentity } from '../identity/host-identity.js';
import { limitKey } from '../support/address.js';
import { describeError } from '../support/errors.js';
import type { Logger } from '../support/logger.js';
import { AttemptLimiter, type AttemptLimits, DEFAULT_ATTEMPT_LIMITS } from './attempt-limiter.js';
import {
  answerClientChallenge,
  CHALLENGE_BYTES,
  decryptBlocks,
  derivePairingKey,
  HASH_BYTES,
  type HostRound,
  isClientProven,
  PIN_PATTERN,
  SALT_BYTES,
  SECRET_BYTES,
  signSecret,
} from './pairing-crypto.js';
import { parseHex, type Query } from './query.js';
import { errorReply, okReply, type XmlReply, xmlElement } from './xml.js';

/** Bounds of pairing. Times in milliseconds. */
export interface PairingOptions {
  /** How long a client waits for its PIN. */
  readonly expiryMs?: number;
  /** How long a client may take between two later phases; stock clients need a round trip. */
  readonly phaseTimeoutMs?: number;
  /** Pairings in any phase at one time. */
  readonly maxPairings?: number;
  /** Clients that wait for a PIN at one time; only one per address, or per /64 of IPv6. */
  readonly maxWaiting?: number;
  readonly attemptLimits?: AttemptLimits;
}

/** A client that shows a PIN and waits for it to be typed here. */
export interface WaitingClient {
  readonly peerAddress: string;
  readonly name: string;
}

/** How a pairing ended. `reason` is a sentence for the person who typed the PIN. */
export type PairingOutcome =
  | { readonly ok: true; readonly client: PairedClient }
  | { readonly ok: false; readonly reason: string };

/** What became of a typed PIN; `outcome` settles when the client has finished or given up. */
export type PinResult =
  | { readonly ok: true; readonly peerAddress: string; readonly outcome: Promise<PairingOutcome> }
  | { readonly ok: false; readonly reason: string };

/** One `/pair` request over HTTP. */
export interface PairingRequest {
  readonly query: Query;
  readonly peerAddress: string;
  /** Aborted when the client closes the connection before it is answered. */
  readonly signal: AbortSignal;
}

/** Counts since the start. */
export interface PairingCounters {
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly rateLimited: number;
}

type Step =
  | { readonly awaits: 'pin'; readonly salt: Buffer; readonly answer: (reply: XmlReply) => void }
  | { readonly awaits: 'clientchallenge'; readonly key: Buffer }
  | { readonly awaits: 'serverchallengeresp'; readonly key: Buffer; readonly round: HostRound }
  | { readonly awaits: 'clientpairingsecret'; readonly hostChallenge: Buffer; readonly clientHash: Buffer };

/** The phases after the first, by the parameter that marks them. */
type PhaseName = Exclude<Step['awaits'], 'pin'>;

interface Pairing extends WaitingClient {
  readonly key: string;
  readonly certificate: Certificate;
  readonly outcome: Promise<PairingOutcome>;
  readonly settle: (outcome: PairingOutcome) => void;
  step: Step;
  timer: NodeJS.Timeout | undefined;
}

type WaitingPairing = Pairing & { step: Extract<Step, { awaits: 'pin' }> };
const isWaiting = (pairing: Pairing): pairing is WaitingPairing => pairing.step.awaits === 'pin';

const PHASES: readonly PhaseName[] = ['clientchallenge', 'serverchallengeresp', 'clientpairingsecret'];
/** What stock clients all send as `devicename`. */
const STOCK_DEVICE_NAME = 'roth';
const UNIQUE_ID = /^[\x21-\x7e]{1,64}$/;

const PAIRED = xmlElement('paired', 1);
const NOT_PAIRED = xmlElement('paired', 0);
const refuse = (status: number, message: string): XmlReply => errorReply(status, message, NOT_PAIRED);

/** Phase 5: the listener has matched the certificate, so there is only this to say. */
export const confirmPairing = (query: Query): XmlReply =>
  query.get('phrase') === 'pairchallenge' ? okReply(PAIRED) : refuse(404, 'Invalid pairing request');

/** The client's own words, shown in terminals and on the desktop: nothing in them may move or reorder what is beside them. */
const nameOf = (query: Query, peerAddress: string): string => {
  const name = (query.get('devicename') ?? '')
    .replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .slice(0, 63);
  return name === '' || name === STOCK_DEVICE_NAME ? `client at ${peerAddress}` : name;
};

/** @param outcome resolves when the pairing is over, however it ended */
type WaitingListener = (client: WaitingClient, outcome: Promise<PairingOutcome>) => void;

/** Where pairings are kept, and PINs are handed in. */
export class PairingDesk {
  readonly #identity: HostIdentity;
  readonly #clients: ClientStore;
  readonly #logger: Logger;
  readonly #options: Required<Omit<PairingOptions, 'attemptLimits'>>;
  readonly #limiter: AttemptLimiter;
  readonly #pairings = new Map<string, Pairing>();
  readonly #counters = { started: 0, succeeded: 0, failed: 0, rateLimited: 0 };
  readonly #waitingListeners: WaitingListener[] = [];

  constructor(identity: HostIdentity, clients: ClientStore, logger: Logger, options: PairingOptions = {}) {
    this.#identity = identity;
    this.#clients = clients;
    this.#logger = logger;
    this.#limiter = new AttemptLimiter(options.attemptLimits ?? DEFAULT_ATTEMPT_LIMITS);
    this.#options = {
      expiryMs: options.expiryMs ?? 300_000,
      phaseTimeoutMs: options.phaseTimeoutMs ?? 30_000,
      maxPairings: options.maxPairings ?? 16,
      maxWaiting: options.maxWaiting ?? 8,
    };
  }

  /** The clients that wait for a PIN, the one that waits longest first; no two have one address. */
  get waitingClients(): readonly WaitingClient[] {
    return this.#waiting().map(({ peerAddress, name }) => ({ peerAddress, name }));
  }

  get counters(): PairingCounters {
    return { ...this.#counters };
  }

  /** Calls `listener` whenever a client starts to wait for its PIN: the moment to ask the person. */
  onWaiting(listener: WaitingListener): void {
    this.#waitingListeners.push(listener);
  }

  /**
   * Hands in the PIN that a waiting client shows. Each PIN is used once.
   * @param peerAddress which client; needed as soon as more than one waits: the wrong one would use the PIN up
   */
  submitPin(pin: string, peerAddress?: string): PinResult {
    if (!PIN_PATTERN.test(pin)) return { ok: false, reason: 'a PIN has four digits' };
    const waiting = this.#waiting();
    const fitting =
      peerAddress === undefined ? waiting : waiting.filter((one) => one.peerAddress === peerAddress);
    const [pairing] = fitting;
    if (pairing === undefined) return { ok: false, reason: this.#nobodyWaits(peerAddress) };
    if (fitting.length > 1) {
      const addresses = fitting.map((one) => one.peerAddress).join(', ');
      return { ok: false, reason: `${fitting.length} clients wait for a PIN: ${addresses}` };
    }
    const { salt, answer } = pairing.step;
    this.#advance(pairing, { awaits: 'clientchallenge', key: derivePairingKey(salt, pin) });
    const plaincert = Buffer.from(this.#identity.certificate.pem, 'utf8').toString('hex');
    answer(okReply(PAIRED, xmlElement('plaincert', plaincert)));
    return { ok: true, peerAddress: pairing.peerAddress, outcome: pairing.outcome };
  }

  /** Turns a waiting client away. @returns why not, or undefined when it is gone */
  refuse(peerAddress: string): string | undefined {
    const pairing = this.#waiting().find((one) => one.peerAddress === peerAddress);
    if (pairing === undefined) return this.#nobodyWaits(peerAddress);
    this.#end(pairing, 'it was refused at the host', 403);
    return undefined;
  }

  /** Answers one phase; the first one's answer waits for the PIN. */
  async handle(request: PairingRequest): Promise<XmlReply> {
    const { query } = request;
    const uniqueId = query.get('uniqueid') ?? '';
    if (uniqueId === '') return refuse(400, 'Missing uniqueid parameter');
    if (!UNIQUE_ID.test(uniqueId)) return refuse(400, 'Invalid uniqueid');
    const key = `${uniqueId} ${request.peerAddress}`;
    if (query.get('phrase') === 'getservercert') return this.#start(key, request);
    const phase = PHASES.find((name) => query.has(name));
    if (phase === undefined) return refuse(404, 'Invalid pairing request');
    return this.#continue(key, phase, query.get(phase) ?? '');
  }

  /** `/unpair` over HTTP: the client gives up. Anybody can send it, so stored certificates are out of its reach. */
  abandon(query: Query, peerAddress: string): void {
    const pairing = this.#pairings.get(`${query.get('uniqueid') ?? ''} ${peerAddress}`);
    if (pairing === undefined) return;
    const hadPin = pairing.step.awaits !== 'pin';
    this.#end(pairing, hadPin ? 'the client gave up; the PIN was probably wrong' : 'the client gave up');
  }

  /** Answers and drops everything. */
  close(): void {
    for (const pairing of [...this.#pairings.values()]) this.#end(pairing, 'the host is shutting down', 503);
  }

  #waiting(): WaitingPairing[] {
    return [...this.#pairings.values()].filter(isWaiting);
  }

  #nobodyWaits(peerAddress: string | undefined): string {
    return peerAddress === undefined || this.#waiting().length === 0
      ? 'no client waits for a PIN; choose this host in the client first'
      : `no client at ${peerAddress} waits for a PIN`;
  }

  /* Phase 1. Everything is checked before the person is asked. */
  async #start(key: string, { query, peerAddress, signal }: PairingRequest): Promise<XmlReply> {
    const waitMs = this.#limiter.admit(limitKey(peerAddress), performance.now());
    if (waitMs > 0) {
      this.#counters.rateLimited += 1;
      return refuse(429, `Too many pairing attempts: try again in ${Math.ceil(waitMs / 1000)} seconds`);
    }
    const salt = parseHex(query.get('salt') ?? '');
    if (salt?.length !== SALT_BYTES) return refuse(400, 'The salt must be 32 hex digits');
    const pem = parseHex(query.get('clientcert') ?? '');
    const parsed = parseCertificate(pem?.toString('latin1') ?? '');
    if (!parsed.ok) return refuse(400, `The client certificate cannot be used: ${parsed.reason}`);
    this.#endEarlier(key, peerAddress);
    // Clients read paired=1 without a certificate as "another pairing is in progress".
    if (this.#waiting().length >= this.#options.maxWaiting) return okReply(PAIRED);
    if (this.#pairings.size >= this.#options.maxPairings) return refuse(503, 'Too many pairings at once');
    if (signal.aborted) return refuse(400, 'The client has gone');
    const waiting = { peerAddress, name: nameOf(query, peerAddress) };
    return new Promise((answer) => {
      const pairing = this.#open(key, waiting, parsed.certificate, { awaits: 'pin', salt, answer });
      signal.addEventListener('abort', () => this.#onGone(pairing), { once: true });
      for (const listener of this.#waitingListeners) listener(waiting, pairing.outcome);
    });
  }

  /* One place in the queue for each address: who comes again gives the earlier place up. */
  #endEarlier(key: string, peerAddress: string): void {
    const place = limitKey(peerAddress);
    for (const pairing of [...this.#pairings.values()]) {
      const isOwnPlace = isWaiting(pairing) && limitKey(pairing.peerAddress) === place;
      if (isOwnPlace || pairing.key === key) this.#end(pairing, 'the client started again', 400);
    }
  }

  #open(key: string, client: WaitingClient, certificate: Certificate, step: Step): Pairing {
    let settle: (outcome: PairingOutcome) => void = () => {};
    const outcome = new Promise<PairingOutcome>((resolve) => {
      settle = resolve;
    });
    const pairing: Pairing = { ...client, key, certificate, outcome, settle, step, timer: undefined };
    this.#pairings.set(key, pairing);
    this.#advance(pairing, step);
    this.#counters.started += 1;
    this.#logger.info({ peerAddress: client.peerAddress, client: client.name }, 'a client waits for its pin');
    return pairing;
  }

  #advance(pairing: Pairing, step: Step): void {
    clearTimeout(pairing.timer);
    const awaitsPin = step.awaits === 'pin';
    pairing.step = step;
    pairing.timer = setTimeout(
      () => this.#end(pairing, awaitsPin ? 'the PIN was not typed in time' : 'the client went silent', 400),
      awaitsPin ? this.#options.expiryMs : this.#options.phaseTimeoutMs,
    );
  }

  #onGone(pairing: Pairing): void {
    if (isWaiting(pairing)) this.#end(pairing, 'the client closed its connection');
  }

  /* Phases 2 to 4. Whatever is not exactly what was awaited ends the pairing. */
  #continue(key: string, phase: PhaseName, text: string): XmlReply {
    const pairing = this.#pairings.get(key);
    if (pairing === undefined) return refuse(400, 'Invalid uniqueid');
    const bytes = parseHex(text);
    const { step } = pairing;
    if (step.awaits !== phase) return this.#fail(pairing, `Out of order call to ${phase}`);
    if (bytes === undefined) return this.#fail(pairing, `${phase} is not hex`);
    switch (step.awaits) {
      case 'clientchallenge':
        return this.#answerChallenge(pairing, step.key, bytes);
      case 'serverchallengeresp':
        return this.#takeCommitment(pairing, step.key, step.round, bytes);
      case 'clientpairingsecret':
        return this.#judgeSecret(pairing, step, bytes);
    }
  }

  #answerChallenge(pairing: Pairing, key: Buffer, challenge: Buffer): XmlReply {
    if (challenge.length !== CHALLENGE_BYTES)
      return this.#fail(pairing, 'clientchallenge must have 16 bytes');
    const round = { hostSecret: randomBytes(SECRET_BYTES), hostChallenge: randomBytes(CHALLENGE_BYTES) };
    const response = answerClientChallenge(key, challenge, this.#identity.certificate.signature, round);
    this.#advance(pairing, { awaits: 'serverchallengeresp', key, round });
    return okReply(PAIRED, xmlElement('challengeresponse', response.toString('hex')));
  }

  #takeCommitment(pairing: Pairing, key: Buffer, round: HostRound, response: Buffer): XmlReply {
    if (response.length !== HASH_BYTES) return this.#fail(pairing, 'serverchallengeresp must have 32 bytes');
    const clientHash = decryptBlocks(key, response);
    const secret = signSecret(round.hostSecret, this.#identity.privateKey);
    this.#advance(pairing, { awaits: 'clientpairingsecret', hostChallenge: round.hostChallenge, clientHash });
    return okReply(PAIRED, xmlElement('pairingsecret', secret.toString('hex')));
  }

  #judgeSecret(
    pairing: Pairing,
    step: Extract<Step, { awaits: 'clientpairingsecret' }>,
    signed: Buffer,
  ): XmlReply {
    if (signed.length <= SECRET_BYTES) return this.#fail(pairing, 'clientpairingsecret is too short');
    if (!isClientProven(step.clientHash, step.hostChallenge, pairing.certificate, signed)) {
      this.#end(pairing, 'the PIN was wrong');
      return okReply(NOT_PAIRED);
    }
    // The client comes back over TLS at once: it must be known before this reply leaves.
    const client = this.#store(pairing);
    if (client === undefined) return refuse(500, 'The host cannot store the pairing; its log says why');
    this.#forget(pairing);
    this.#limiter.forgive(limitKey(pairing.peerAddress));
    this.#counters.succeeded += 1;
    this.#logger.info(
      { peerAddress: pairing.peerAddress, fingerprint: client.fingerprint },
      'a client has paired',
    );
    pairing.settle({ ok: true, client });
    return okReply(PAIRED);
  }

  #store(pairing: Pairing): PairedClient | undefined {
    try {
      return this.#clients.add(pairing.certificate, pairing.name);
    } catch (error) {
      this.#logger.error({ err: error }, 'a paired client cannot be stored');
      this.#end(pairing, `the client cannot be stored: ${describeError(error)}`, 500);
      return undefined;
    }
  }

  #fail(pairing: Pairing, message: string): XmlReply {
    this.#end(pairing, message, 400);
    return refuse(400, message);
  }

  #forget(pairing: Pairing): void {
    clearTimeout(pairing.timer);
    if (this.#pairings.get(pairing.key) === pairing) this.#pairings.delete(pairing.key);
  }

  /* Ends a pairing that failed, and lets a waiting client know. */
  #end(pairing: Pairing, reason: string, status = 400): void {
    if (this.#pairings.get(pairing.key) !== pairing) return;
    this.#forget(pairing);
    this.#limiter.fail(limitKey(pairing.peerAddress), performance.now());
    this.#counters.failed += 1;
    this.#logger.info({ peerAddress: pairing.peerAddress, reason }, 'a pairing ended without success');
    if (isWaiting(pairing)) pairing.step.answer(refuse(status, `Pairing ended: ${reason}`));
    pairing.settle({ ok: false, reason });
  }
}
