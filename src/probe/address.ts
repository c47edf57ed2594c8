/**
 * The address of a host as a person types it: `HOST`, `HOST:PORT`, `[V6]:PORT` or a bare IPv6 address.
 */
import { isIPv6 } from 'node:net';
import { toUrlHost } from '../support/address.js';

/** HTTP port of a host with the default base port (`protocol/http.md` §1). */
export const DEFAULT_HTTP_PORT = 47989;

/** Where a host answers plain HTTP. */
export interface HostAddress {
  /** Name or numeric address, IPv6 without brackets. */
  readonly host: string;
  /** HTTP port, 1–65535. */
  readonly port: number;
}

/** Reads a decimal port, 1–65535; null for anything else. */
export const parsePort = (text: string): number | null => {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : null;
};

/**
 * Reads what was typed.
 * @returns the address, or null when it is empty, has a bad port or unbalanced brackets
 */
export const parseHostAddress = (text: string): HostAddress | null => {
  if (isIPv6(text)) return { host: text, port: DEFAULT_HTTP_PORT };
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/]+))(?::(.*))?$/.exec(text);
  if (match === null) return null;
  const [, bracketed, plain, portText] = match;
  if (bracketed !== undefined && !isIPv6(bracketed)) return null;
  const port = portText === undefined ? DEFAULT_HTTP_PORT : parsePort(portText);
  const host = bracketed ?? plain;
  return host === undefined || port === null ? null : { host, port };
};

/** What `sessionUrl0` of a launch reply says (`protocol/http.md` §10.1). */
export interface SessionUrl {
  /** True for `rtspenc://`: every request and reply is encrypted. */
  readonly isEncrypted: boolean;
  /** The address part as text, brackets kept: it goes into `Host`, the connection goes to the known address. */
  readonly hostText: string;
  readonly port: number;
  /** The URL as it came. */
  readonly url: string;
}

const DEFAULT_RTSP_PORT = 48010;

/**
 * Reads `sessionUrl0` the way clients do: the port follows the last colon, whatever else there is.
 * @param url the element's text; empty stands for a host that sent none
 * @param host the known address, used when there is no URL
 */
export const parseSessionUrl = (url: string, host: string): SessionUrl => {
  const match = /^(rtsp(?:enc|ru)?):\/\/(.*):([^:]*)$/.exec(url);
  const port = parsePort(match?.[3] ?? '');
  if (match === null || port === null || match[2] === '') {
    const hostText = toUrlHost(host);
    const isEncrypted = url.includes('rtspenc://');
    const scheme = isEncrypted ? 'rtspenc' : 'rtsp';
    return {
      isEncrypted,
      hostText,
      port: DEFAULT_RTSP_PORT,
      url: `${scheme}://${hostText}:${DEFAULT_RTSP_PORT}`,
    };
  }
  return { isEncrypted: match[1] === 'rtspenc', hostText: match[2] ?? '', port, url };
};
