/** Control messages of both directions as typed values; 0x5502 means different things per direction. */
export * from './client-message.js';
export * from './host-message.js';
