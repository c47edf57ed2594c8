/** node-gtk ships no types; `gstreamer.ts` gives names to the few things that are used. */
declare module 'node-gtk' {
  const gi: { require(namespace: string, version: string): unknown };
  export default gi;
}
