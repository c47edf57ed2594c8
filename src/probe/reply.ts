/**
 * The XML replies of a host, read the way clients read them: one `root` element with a `status_code`, and the first
 * element of a name counts (`protocol/http.md` §3). A reply is outside data; nothing in it can make this throw.
 */
import { XMLParser } from 'fast-xml-parser';

/** A reply that is well formed. Whether the host agreed is in `status`. */
export interface HostReply {
  /** XML status, 200 for success; not the HTTP status. */
  readonly status: number;
  /** `status_message`, empty when the host gave none. */
  readonly message: string;
  /** Text of the first child of `root` with this name; empty when there is none. */
  text(name: string): string;
  /** Integer of that child; `fallback` when it is missing or not a decimal number. */
  integer(name: string, fallback?: number): number;
  /** Texts of the children of each child `element` of `root`, in document order. */
  list(element: string): readonly Readonly<Record<string, string>>[];
}

export type ReplyResult =
  | { readonly ok: true; readonly reply: HostReply }
  | { readonly ok: false; readonly reason: string };

type XmlNode = string | { readonly [name: string]: XmlNode | readonly XmlNode[] };

const ATTRIBUTE = '@';
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: ATTRIBUTE,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: true,
  maxNestedTags: 16,
});

const isNode = (value: unknown): value is XmlNode =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value));

const children = (node: unknown, name: string): readonly unknown[] => {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return [];
  const value: unknown = (node as Record<string, unknown>)[name];
  return Array.isArray(value) ? value : [value];
};

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const inner = children(value, '#text')[0];
  return typeof inner === 'string' ? inner : '';
};

const toInteger = (text: string): number | null => (/^-?\d{1,15}$/.test(text) ? Number(text) : null);

class XmlReply implements HostReply {
  readonly status: number;
  readonly message: string;
  readonly #root: unknown;

  constructor(root: unknown, status: number) {
    this.#root = root;
    this.status = status;
    this.message = textOf(children(root, `${ATTRIBUTE}status_message`)[0]);
  }

  text(name: string): string {
    return textOf(children(this.#root, name)[0]);
  }

  integer(name: string, fallback = 0): number {
    return toInteger(this.text(name)) ?? fallback;
  }

  list(element: string): readonly Readonly<Record<string, string>>[] {
    return children(this.#root, element).map((item) => {
      const entries = typeof item === 'object' && item !== null ? Object.keys(item) : [];
      return Object.fromEntries(entries.map((name) => [name, textOf(children(item, name)[0])]));
    });
  }
}

/**
 * Reads one reply.
 * @param body the HTTP body as text; document types are refused, since no host sends one and entities can blow up
 */
export const parseReply = (body: string): ReplyResult => {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(body)) return { ok: false, reason: 'the reply has a document type' };
  let document: unknown;
  try {
    document = parser.parse(body);
  } catch (error) {
    return {
      ok: false,
      reason: `the reply is not XML: ${error instanceof Error ? error.message : 'unreadable'}`,
    };
  }
  const root = children(document, 'root')[0];
  if (root === undefined || !isNode(root)) return { ok: false, reason: 'the reply has no root element' };
  const status = toInteger(textOf(children(root, `${ATTRIBUTE}status_code`)[0]));
  if (status === null) return { ok: false, reason: 'the reply has no status_code' };
  return { ok: true, reply: new XmlReply(root, status) };
};
