/** Finds the name that a person probably meant: for the messages about unknown settings and placeholders. Pure. */

/** Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`. */
export const editDistance = (a: string, b: string): number => {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replace = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const remove = (previous[column] ?? 0) + 1;
      const insert = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replace, remove, insert));
    }
    previous = current;
  }
  return previous[b.length] ?? a.length;
};

/**
 * The candidate with the smallest edit distance, the first one of several.
 * @param name compared without case and cut at 64 characters, so that hostile input stays cheap
 * @returns undefined only when there are no candidates
 */
export const nearestName = (name: string, candidates: readonly string[]): string | undefined => {
  const wanted = name.slice(0, 64).toLowerCase();
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  return best?.candidate;
};
