/**
 * What other `lumen` commands ask of a running `lumen serve`: one JSON line each way over a UNIX socket that only the
 * same user can open.
 */
import { z } from 'zod';

/** Numeric address of a client as `lumen pair --list` shows it. */
const address = z.string().min(1).max(64);

export const adminRequestSchema = z.discriminatedUnion('command', [
  /** `address` says which client is meant where more than one waits. */
  z.strictObject({ command: z.literal('pair'), pin: z.string().max(16), address: address.optional() }),
  z.strictObject({ command: z.literal('pair-list') }),
  z.strictObject({ command: z.literal('pair-refuse'), address }),
  z.strictObject({ command: z.literal('clients-list') }),
  /** `client` is a name, a fingerprint or the unambiguous start of one. */
  z.strictObject({ command: z.literal('clients-remove'), client: z.string().min(1).max(64) }),
  z.strictObject({ command: z.literal('status') }),
]);

export type AdminRequest = z.infer<typeof adminRequestSchema>;

/** The answer: a text for the person and, for machines, data; or what went wrong and what to do. */
export type AdminReply =
  | { readonly ok: true; readonly text: string; readonly data?: unknown }
  | { readonly ok: false; readonly problem: string; readonly remedy: string };

/** Longest request or reply in bytes. */
export const MAX_ADMIN_BYTES = 256 * 1024;
