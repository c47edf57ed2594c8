/**
 * The replies' XML: one `root` element, compact. Some clients crash on white space between elements and all take the
 * first element of a name (`protocol/http.md` §3), so there is none and names come once. Pure.
 */

/** An element with text or with elements in it. */
export interface XmlElement {
  readonly name: string;
  readonly content: string | number | readonly XmlElement[];
}

/** What a request is answered with; HTTP itself always says 200. */
export interface XmlReply {
  /** `status_code`: 200, or the code that the client shows. */
  readonly status: number;
  /** `status_message`, shown to people verbatim. */
  readonly message?: string;
  /** Path that an error speaks of (`query` attribute). */
  readonly path?: string;
  readonly elements: readonly XmlElement[];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/* What XML 1.0 cannot carry even escaped: control characters but tab, LF, CR; lone surrogates; two non-characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the purpose
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;

/** Escapes text for element content and attribute values; characters that XML cannot carry become U+FFFD. */
export const escapeXml = (text: string): string =>
  text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

/** Makes an element. */
export const xmlElement = (name: string, content: XmlElement['content']): XmlElement => ({ name, content });

const formatElement = ({ name, content }: XmlElement): string => {
  const body = typeof content === 'object' ? content.map(formatElement).join('') : escapeXml(String(content));
  return body === '' ? `<${name}/>` : `<${name}>${body}</${name}>`;
};

/** A reply that says yes. */
export const okReply = (...elements: readonly XmlElement[]): XmlReply => ({ status: 200, elements });

/** A reply that says no, with a message that a person understands. */
export const errorReply = (
  status: number,
  message: string,
  ...elements: readonly XmlElement[]
): XmlReply => ({ status, message, elements });

/** The reply as a whole document in UTF-8 text, without any white space between elements or at the end. */
export const formatReply = ({ status, message, path, elements }: XmlReply): string => {
  const attributes = [
    ` status_code="${status}"`,
    path === undefined ? '' : ` query="${escapeXml(path)}"`,
    message === undefined ? '' : ` status_message="${escapeXml(message)}"`,
  ].join('');
  const body = elements.map(formatElement).join('');
  const root = body === '' ? `<root${attributes}/>` : `<root${attributes}>${body}</root>`;
  return `<?xml version="1.0" encoding="utf-8"?>${root}`;
};
