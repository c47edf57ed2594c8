/** Writes a launch string as a command that runs as pasted into a shell. Pure. */

/** Words that a shell takes as they are. */
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;
/** White space splits, except between double quotes, which gst-launch itself reads. */
const WORDS = /(?:"(?:\\.|[^"\\])*"|[^\s"])+/g;

/** @returns `word` so that a POSIX shell passes it on unchanged */
export const quoteForShell = (word: string): string =>
  PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/**
 * A `gst-launch-1.0` command with one argument per word, each quoted where it must be, and a line per element.
 * @param pluginFolder where the project's own elements are
 */
export const formatLaunchCommand = (launch: string, pluginFolder: string): string => {
  const words = launch.match(WORDS) ?? [];
  const text = words.map((word) => (word === '!' ? '\\\n  !' : quoteForShell(word))).join(' ');
  return `GST_PLUGIN_PATH=${quoteForShell(pluginFolder)} gst-launch-1.0 ${text}`;
};
