/** A small client of the pairing protocol and plain request helpers, for the tests of the endpoints. */
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { type Certificate, parseCertificate } from '../../../src/identity/certificate.js';
import type { KeyPair } from '../../../src/identity/key-pair.js';
import {
  answerHostChallenge,
  derivePairingKey,
  encryptBlocks,
  judgeHost,
  openChallengeResponse,
  signSecret,
} from '../../../src/nvhttp/pairing-crypto.js';

/** Sends one pairing phase and gives back the XML. */
export type SendPhase = (parameters: string) => Promise<string>;

/** Text of the first element with this name, or undefined. */
export const textOf = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

/** `status_code` of the reply. */
export const statusOf = (xml: string): number => Number(/status_code="(-?\d+)"/.exec(xml)?.[1]);

const toCertificate = (pem: string): Certificate => {
  const parsed = parseCertificate(pem);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.certificate;
};

const hexOf = (xml: string, name: string): Buffer => Buffer.from(textOf(xml, name) ?? '', 'hex');

/** What a client keeps between phase 1 and the next ones. */
export interface StartedPairing {
  readonly salt: Buffer;
  readonly firstReply: Promise<string>;
}

/** Phase 1: the reply comes when the PIN has been typed. */
export const startPairing = (send: SendPhase, client: KeyPair): StartedPairing => {
  const salt = randomBytes(16);
  const certificate = Buffer.from(client.certificatePem).toString('hex');
  const parameters = `phrase=getservercert&salt=${salt.toString('hex')}&clientcert=${certificate}`;
  return { salt, firstReply: send(parameters) };
};

/** How the client saw the pairing end; `status` speaks of the last phase that was sent. */
export type ClientVerdict = 'paired' | 'refused' | 'wrong-pin' | 'forged' | 'broken-off';

/** Phases 2 to 4. @param isStubborn goes on although the host's hash shows a wrong PIN, as one stock client does */
export const finishPairing = async (
  send: SendPhase,
  client: KeyPair,
  { salt, firstReply }: StartedPairing,
  pin: string,
  isStubborn = false,
): Promise<ClientVerdict> => {
  const first = await firstReply;
  const hostPem = hexOf(first, 'plaincert').toString('utf8');
  if (textOf(first, 'paired') !== '1' || hostPem === '') return 'broken-off';
  const host = toCertificate(hostPem);
  const key = derivePairingKey(salt, pin);
  const [clientChallenge, clientSecret] = [randomBytes(16), randomBytes(16)];
  const second = await send(`clientchallenge=${encryptBlocks(key, clientChallenge).toString('hex')}`);
  const answer = openChallengeResponse(key, hexOf(second, 'challengeresponse'));
  if (answer === undefined) return 'broken-off';
  const signature = toCertificate(client.certificatePem).signature;
  const commitment = answerHostChallenge(key, answer.hostChallenge, signature, clientSecret);
  const third = await send(`serverchallengeresp=${commitment.toString('hex').toUpperCase()}`);
  const verdict = judgeHost(hexOf(third, 'pairingsecret'), answer.hostHash, clientChallenge, host);
  if (verdict !== 'proven' && !isStubborn) return verdict;
  const signed = signSecret(clientSecret, client.privateKeyPem);
  const fourth = await send(`clientpairingsecret=${signed.toString('hex')}`);
  return textOf(fourth, 'paired') === '1' ? 'paired' : 'refused';
};

/** An HTTP answer as received. */
export interface Answer {
  readonly httpStatus: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

const collect = (request: http.ClientRequest): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('error', reject);
      response.once('end', () => {
        const body = Buffer.concat(parts);
        resolve({
          httpStatus: response.statusCode ?? 0,
          headers: response.headers,
          body,
          text: body.toString('utf8'),
        });
      });
    });
    request.end();
  });

/** One request over HTTP on a connection of its own. */
export const getHttp = (port: number, path: string, options: http.RequestOptions = {}): Promise<Answer> =>
  collect(http.request({ host: '127.0.0.1', port, path, agent: false, ...options }));

/** One request over HTTPS on a connection of its own. @param client null presents no certificate */
export const getHttps = (
  port: number,
  path: string,
  client: KeyPair | null,
  options: https.RequestOptions = {},
): Promise<Answer> =>
  collect(
    https.request({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      rejectUnauthorized: false,
      ...(client === null ? {} : { key: client.privateKeyPem, cert: client.certificatePem }),
      ...options,
    }),
  );
