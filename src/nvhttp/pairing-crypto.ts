/**
 * The arithmetic of pairing, for both sides (`protocol/http.md` §6.2). Pure but for the random bytes that callers may
 * pass in. `‖` is concatenation, E is AES-128-ECB without padding:
 *
 *     K                   = SHA256(salt ‖ ascii(PIN))[0..16]
 *     clientchallenge     = E_K(clientChallenge[16])
 *     challengeresponse   = E_K(SHA256(clientChallenge ‖ hostCert.signature ‖ hostSecret)[32] ‖ hostChallenge[16])
 *     serverchallengeresp = E_K(SHA256(hostChallenge ‖ clientCert.signature ‖ clientSecret)[32])
 *     pairingsecret       = hostSecret[16] ‖ RSA-SHA256(hostSecret), clientpairingsecret alike
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  type KeyLike,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';

export const SALT_BYTES = 16;
export const CHALLENGE_BYTES = 16;
export const SECRET_BYTES = 16;
export const HASH_BYTES = 32;

/** What a pairing PIN looks like: made and shown by the client, typed into the host. */
export const PIN_PATTERN = /^[0-9]{4}$/;

/** The AES key of one pairing. @param salt 16 bytes @param pin four ASCII digits @returns 16 bytes */
export const derivePairingKey = (salt: Buffer, pin: string): Buffer =>
  createHash('sha256').update(salt).update(pin, 'ascii').digest().subarray(0, 16);

/** AES-128-ECB without padding. @param data a multiple of 16 bytes */
export const encryptBlocks = (key: Buffer, data: Buffer): Buffer => {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
};

/** The reverse of {@link encryptBlocks}. @param data a multiple of 16 bytes */
export const decryptBlocks = (key: Buffer, data: Buffer): Buffer => {
  const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([decipher.update(data), decipher.final()]);
};

/**
 * hostHash and clientHash: the commitment of one side to its secret.
 * @param challenge of the other side, 16 bytes
 * @param signature of the committing side's own certificate
 * @param secret of the committing side, 16 bytes
 * @returns 32 bytes
 */
export const hashCommitment = (challenge: Buffer, signature: Buffer, secret: Buffer): Buffer =>
  createHash('sha256').update(challenge).update(signature).update(secret).digest();

/** `secret ‖ signature`: pairingsecret and clientpairingsecret. @param privateKey RSA, PEM or key object */
export const signSecret = (secret: Buffer, privateKey: KeyLike): Buffer =>
  Buffer.concat([secret, sign('sha256', secret, privateKey)]);

/** Splits and checks what {@link signSecret} made. @returns the secret, or undefined when the signature is not right */
export const openSignedSecret = (signed: Buffer, publicKey: KeyObject): Buffer | undefined => {
  if (signed.length <= SECRET_BYTES) return undefined;
  const secret = signed.subarray(0, SECRET_BYTES);
  return verify('sha256', secret, publicKey, signed.subarray(SECRET_BYTES)) ? secret : undefined;
};

/** Host, phase 2: what was drawn and is needed again in phases 3 and 4. All 16 bytes long. */
export interface HostRound {
  readonly hostSecret: Buffer;
  readonly hostChallenge: Buffer;
}

/** Host, phase 2. @param encryptedChallenge 16 bytes @returns challengeresponse, 48 bytes */
export const answerClientChallenge = (
  key: Buffer,
  encryptedChallenge: Buffer,
  hostSignature: Buffer,
  { hostSecret, hostChallenge }: HostRound,
): Buffer => {
  const clientChallenge = decryptBlocks(key, encryptedChallenge);
  const hostHash = hashCommitment(clientChallenge, hostSignature, hostSecret);
  return encryptBlocks(key, Buffer.concat([hostHash, hostChallenge]));
};

/**
 * Host, phase 4: whether the client knew the PIN and owns its certificate's key.
 * @param clientHash what phase 3 committed to, 32 bytes
 * @param signed clientpairingsecret
 */
export const isClientProven = (
  clientHash: Buffer,
  hostChallenge: Buffer,
  client: { readonly signature: Buffer; readonly publicKey: KeyObject },
  signed: Buffer,
): boolean => {
  const clientSecret = openSignedSecret(signed, client.publicKey);
  if (clientSecret === undefined || clientHash.length !== HASH_BYTES) return false;
  return timingSafeEqual(clientHash, hashCommitment(hostChallenge, client.signature, clientSecret));
};

/** Client, phase 3: what the host's answer holds. */
export interface HostAnswer {
  readonly hostHash: Buffer;
  readonly hostChallenge: Buffer;
}

/** Client, phase 3. @returns undefined when it is not 48 bytes long */
export const openChallengeResponse = (key: Buffer, response: Buffer): HostAnswer | undefined => {
  if (response.length !== HASH_BYTES + CHALLENGE_BYTES) return undefined;
  const plain = decryptBlocks(key, response);
  return { hostHash: plain.subarray(0, HASH_BYTES), hostChallenge: plain.subarray(HASH_BYTES) };
};

/** Client, phase 3. @returns serverchallengeresp, 32 bytes */
export const answerHostChallenge = (
  key: Buffer,
  hostChallenge: Buffer,
  clientSignature: Buffer,
  clientSecret: Buffer,
): Buffer => encryptBlocks(key, hashCommitment(hostChallenge, clientSignature, clientSecret));

/** What the client learns from the host's pairingsecret: `forged` is not the certificate's owner, `wrong-pin` speaks for itself. */
export type HostVerdict = 'proven' | 'forged' | 'wrong-pin';

/** Client, after phase 3. @param signed pairingsecret */
export const judgeHost = (
  signed: Buffer,
  hostHash: Buffer,
  clientChallenge: Buffer,
  host: { readonly signature: Buffer; readonly publicKey: KeyObject },
): HostVerdict => {
  const hostSecret = openSignedSecret(signed, host.publicKey);
  if (hostSecret === undefined) return 'forged';
  const expected = hashCommitment(clientChallenge, host.signature, hostSecret);
  return expected.equals(hostHash) ? 'proven' : 'wrong-pin';
};
