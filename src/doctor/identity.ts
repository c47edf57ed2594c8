/** The host's certificate and the clients that have paired. Makes nothing. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ClientStore } from '../identity/client-store.js';
import { HOST_FILES, loadHostIdentity } from '../identity/host-identity.js';
import { LumenError } from '../support/errors.js';
import { createSilentLogger } from '../support/logger.js';
import { type Finding, note, ok, problem } from './finding.js';

const toProblem = (check: string, error: unknown): Finding => {
  if (error instanceof LumenError) return problem(check, error.message, error.remedy);
  throw error;
};

const judgeCertificate = async (stateDir: string): Promise<Finding> => {
  const check = 'identity.certificate';
  if (!HOST_FILES.every((name) => fs.existsSync(path.join(stateDir, name)))) {
    return note(check, 'the certificate will be made at the first start', 'lumen serve');
  }
  try {
    const { certificate } = await loadHostIdentity(stateDir);
    const { validTo } = new X509Certificate(certificate.der);
    return ok(
      check,
      `the certificate ${certificate.fingerprint.slice(0, 16)} and its key fit, until ${validTo}`,
    );
  } catch (error) {
    return toProblem(check, error);
  }
};

const judgeClients = (stateDir: string): Finding => {
  const check = 'identity.clients';
  try {
    const count = fs.existsSync(stateDir) ? new ClientStore(stateDir, createSilentLogger()).list().length : 0;
    if (count > 0) return ok(check, `${count} paired`);
    return note(check, 'no client has paired yet', 'choose this host in Moonlight, then: lumen pair PIN');
  } catch (error) {
    return toProblem(check, error);
  }
};

export const checkIdentity = async (stateDir: string): Promise<readonly Finding[]> => [
  await judgeCertificate(stateDir),
  judgeClients(stateDir),
];
