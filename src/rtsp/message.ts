/**
 * RTSP messages as GameStream clients write and read them: one request and one reply per TCP connection. Both sides,
 * pure. Source: `protocol/rtsp.md` §3.
 */

export interface RtspRequest {
  readonly method: string;
  readonly target: string;
  /** Values by lower-case name; of duplicates the last wins. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RtspReply {
  /** 100–999. */
  readonly status: number;
  /** Not empty: the client's parser needs one. */
  readonly reason: string;
  /** At least one, as the client otherwise does not see the end of the headers. Names are case-sensitive there. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** What was read so far is not enough, is no request, or is one. */
export type ReadRequest =
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'complete'; readonly request: RtspRequest };

export type ParsedReply =
  | {
      readonly ok: true;
      readonly status: number;
      readonly reason: string;
      readonly headers: ReadonlyMap<string, string>;
      readonly body: string;
    }
  | { readonly ok: false; readonly reason: string };

/** A request with its body, in bytes: §1. */
export const MAX_REQUEST_BYTES = 16 * 1024;

const PROTOCOL = 'RTSP/1.0';
const MAX_HEADERS = 64;
/** Clients' request lines stay below a hundred. */
const MAX_REQUEST_LINE = 1024;
const METHOD = /^[A-Z_]{1,32}$/;
const STATUS_LINE = /^RTSP\/1\.0 (\d{3}) (\S.*)$/;

/** The end of the headers: an empty line, with CRLF or bare LF. */
const findBody = (text: string): { headEnd: number; bodyStart: number } | undefined => {
  const match = /\r?\n\r?\n/.exec(text);
  return match === null ? undefined : { headEnd: match.index, bodyStart: match.index + match[0].length };
};

const parseHeaders = (lines: readonly string[]): Map<string, string> | undefined => {
  if (lines.length > MAX_HEADERS) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined;
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
};

const invalid = (reason: string): ReadRequest => ({ state: 'invalid', reason });

/**
 * `METHOD target RTSP/1.0`, spaces in any number, target possibly empty. Cut by hand, as a pattern with several
 * repeated blanks would take quadratic time on a long run of them.
 */
const parseRequestLine = (line: string): { method: string; target: string } | undefined => {
  if (!line.endsWith(PROTOCOL)) return undefined;
  const head = line.slice(0, -PROTOCOL.length);
  const space = head.indexOf(' ');
  const method = head.slice(0, Math.max(0, space));
  const target = head.slice(method.length).trim();
  return METHOD.test(method) && !/\s/.test(target) ? { method, target } : undefined;
};

/** The body's length in bytes, undefined if it is stated and not a number in range. */
const readContentLength = (headers: ReadonlyMap<string, string>): number | undefined => {
  const text = headers.get('content-length');
  if (text === undefined) return 0;
  const length = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  return length <= MAX_REQUEST_BYTES ? length : undefined;
};

/**
 * Reads a request from the bytes that came so far; `complete` as soon as the stated body is there. Liberal in white
 * space and line ends, as old clients are.
 */
export const readRequest = (bytes: Buffer): ReadRequest => {
  // Latin-1 keeps one character per byte, so that text positions are byte positions.
  const text = bytes.toString('latin1');
  const lineEnd = text.indexOf('\n');
  if ((lineEnd < 0 ? text.length : lineEnd) > MAX_REQUEST_LINE)
    return invalid('the request line is too long');
  const place = findBody(text);
  if (place === undefined) {
    return bytes.length > MAX_REQUEST_BYTES ? invalid('the headers do not end') : { state: 'incomplete' };
  }
  const [requestLine = '', ...lines] = text.slice(0, place.headEnd).split(/\r?\n/);
  const start = parseRequestLine(requestLine);
  if (start === undefined) return invalid('the request line is not RTSP/1.0');
  const headers = parseHeaders(lines);
  if (headers === undefined) return invalid('a header line is not "Name: value"');
  const length = readContentLength(headers);
  if (length === undefined) return invalid('Content-length is out of range');
  const end = place.bodyStart + length;
  if (end > MAX_REQUEST_BYTES) return invalid('the request is too long');
  if (bytes.length < end) return { state: 'incomplete' };
  const body = bytes.toString('utf8', place.bodyStart, end);
  return { state: 'complete', request: { ...start, headers, body } };
};

/** Writes a reply. Its end is the end of the connection: there is no Content-Length. */
export const formatReply = (reply: RtspReply): Buffer => {
  const lines = reply.headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(
    `${PROTOCOL} ${reply.status} ${reply.reason}\r\n${lines.join('')}\r\n${reply.body ?? ''}`,
    'utf8',
  );
};

/** Writes a request as the stock client does; `Content-length` is added for a body. */
export const formatRequest = (request: {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}): Buffer => {
  const body = Buffer.from(request.body ?? '', 'utf8');
  const headers = [...request.headers];
  if (body.length > 0) headers.push(['Content-length', String(body.length)]);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${request.method} ${request.target} ${PROTOCOL}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'utf8'), body]);
};

/**
 * Reads a whole reply as strictly as the stock client: CRLF, exactly one space after each colon, at least one header.
 * Header names keep their case, as the client compares them so.
 */
export const parseReply = (bytes: Buffer): ParsedReply => {
  const text = bytes.toString('utf8');
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return { ok: false, reason: 'the headers do not end with an empty line' };
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const match = STATUS_LINE.exec(statusLine);
  if (match === null)
    return { ok: false, reason: 'the status line is not RTSP/1.0 with a code and a reason' };
  if (lines.length === 0) return { ok: false, reason: 'there is no header' };
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(': ');
    if (colon <= 0) return { ok: false, reason: `the header line "${line}" is not "Name: value"` };
    headers.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return {
    ok: true,
    status: Number(match[1]),
    reason: match[2] ?? '',
    headers,
    body: text.slice(headEnd + 4),
  };
};
