/** The ports of a host (`protocol/http.md` §1), and what it wants of its sockets. */

/** Offsets from the base port. */
export const PORT_OFFSET = { https: -5, http: 0, video: 9, control: 10, audio: 11, rtsp: 21 } as const;

export type PortUse = keyof typeof PORT_OFFSET;

/** The ports that are TCP; the others are UDP. */
export const TCP_USES: readonly PortUse[] = ['https', 'http', 'rtsp'];
export const UDP_USES: readonly PortUse[] = ['video', 'control', 'audio'];

/** Bytes that the media sockets hold while the network is slower than a burst. */
export const SEND_BUFFER_BYTES = 8 * 1024 * 1024;
