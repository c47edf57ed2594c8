/** What the system says when a port cannot be opened, in words that a person can act on. */
import { LumenError } from './errors.js';

/** The port that was asked for. */
export interface WantedPort {
  readonly port: number;
  /** For people: `HTTPS`, `UDP video`. */
  readonly use: string;
  /** Numeric address it was to be bound to. */
  readonly address: string;
}

/* By the system's code; what is not here is a bug, and its stack is worth more than words. */
const CAUSES: Readonly<Record<string, { readonly problem: string; readonly remedy: string }>> = {
  EADDRNOTAVAIL: {
    problem: 'this machine has no such address',
    remedy:
      '--bind-address with an address that this machine has (see: ip address), or 0.0.0.0 for all of them',
  },
  EACCES: {
    problem: 'the system does not permit it',
    remedy:
      'another base port, --port N, or ask what forbids it (see: sysctl net.ipv4.ip_unprivileged_port_start)',
  },
  EPERM: {
    problem: 'the system does not permit it',
    remedy: 'look for the sandbox or security policy that forbids sockets to this program',
  },
  EAFNOSUPPORT: {
    problem: 'this machine has no such kind of address',
    remedy: '--bind-address 0.0.0.0, which needs no IPv6',
  },
};

/** The error of a bind that failed, as LUMEN_PORT_BUSY or LUMEN_BIND_FAILED; any other comes back as it is. */
export const toBindError = (error: unknown, wanted: WantedPort): unknown => {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'EADDRINUSE') return new LumenError('LUMEN_PORT_BUSY', { ...wanted }, error);
  const cause = CAUSES[String(error.code)];
  return cause === undefined ? error : new LumenError('LUMEN_BIND_FAILED', { ...wanted, ...cause }, error);
};
