/**
 * What other `lumen` commands ask of a running `lumen serve`: one JSON line each way over a UNIX socket that only the
 * same user can open.
 */
import { z } from 'zod';
import { LINK_KBPS_RANGE } from '../support/link-rate.js';

/** Numeric address of a client as `lumen pair --list` shows it. */
const address = z.string().min(1).max(64);

/** A name, a fingerprint or the unambiguous start of one. */
const client = z.string().min(1).max(64);

export const adminRequestSchema = z.discriminatedUnion('command', [
  /** `address` says which client is meant where more than one waits. */
  z.strictObject({ command: z.literal('pair'), pin: z.string().max(16), address: address.optional() }),
  z.strictObject({ command: z.literal('pair-list') }),
  z.strictObject({ command: z.literal('pair-refuse'), address }),
  z.strictObject({ command: z.literal('clients-list') }),
  z.strictObject({ command: z.literal('clients-remove'), client }),
  /** `linkKbps` is null where the setting is to count again. */
  z.strictObject({
    command: z.literal('clients-link'),
    client,
    linkKbps: z.int().min(LINK_KBPS_RANGE.min).max(LINK_KBPS_RANGE.max).nullable(),
  }),
  z.strictObject({ command: z.literal('status') }),
]);

export type AdminRequest = z.infer<typeof adminRequestSchema>;

/** The answer: a text for the person and, for machines, data; or what went wrong and what to do. */
export type AdminReply =
  | { readonly ok: true; readonly text: string; readonly data?: unknown }
  | { readonly ok: false; readonly problem: string; readonly remedy: string };

/** Longest request or reply in bytes. */
export const MAX_ADMIN_BYTES = 256 * 1024;
