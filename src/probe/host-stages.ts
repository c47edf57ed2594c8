/** The host's own account of a stream, where the host runs here and as the same user: asked over its administration socket. */
import fs from 'node:fs';
import { askServe } from '../admin/client.js';
import { parseCertificate } from '../identity/certificate.js';
import type { StageTimes } from '../session/stage-times.js';

/** The part of the status that is read here. */
interface HostStatus {
  readonly sessions: readonly { readonly client: string; readonly stages: StageTimes | null }[];
}

/**
 * What each stage of the host took for this client's stream.
 * @param socketPath of a host on the probed port; null asks nobody
 * @param certPem the client's own certificate
 * @returns null where no such host answers, or streams nothing to this client
 */
export const askHostStages = async (
  socketPath: string | null,
  certPem: string,
): Promise<StageTimes | null> => {
  if (socketPath === null || !fs.existsSync(socketPath)) return null;
  const parsed = parseCertificate(certPem);
  if (!parsed.ok) return null;
  const { fingerprint } = parsed.certificate;
  try {
    const reply = await askServe(socketPath, { command: 'status' });
    if (!reply.ok) return null;
    const { sessions } = reply.data as HostStatus;
    return sessions.find(({ client }) => fingerprint.startsWith(client))?.stages ?? null;
  } catch {
    // The socket of a host that is gone: the stream's own figures say so.
    return null;
  }
};
