/** Matching names as people abbreviate them. */

/**
 * How well a name fits: 0 is the name itself, then prefix, abbreviation by words (`m-v-b`), substring; undefined: not at all.
 * Case does not count; nor do stars and pluses around a variable's name.
 * @param query in lower case
 */
export function rank(query: string, name: string): number | undefined {
  const lower = name.toLowerCase();
  if (lower === query) return 0;
  const bare = lower.replace(/^[*+%&(]+|[*+)]+$/g, '');
  if (bare === query) return 1;
  if (lower.startsWith(query) || bare.startsWith(query)) return 2;
  if (query.includes('-') && abbreviates(query.split('-'), bare.split('-'))) return 3;
  if (lower.includes(query)) return 4;
  return undefined;
}

/** Whether each part begins one of the words, in order, and the first part the first one. */
function abbreviates(parts: readonly string[], words: readonly string[]): boolean {
  if (!words[0]!.startsWith(parts[0]!)) return false;
  let word = 1;
  for (const part of parts.slice(1)) {
    while (word < words.length && !words[word]!.startsWith(part)) word++;
    if (word++ >= words.length) return false;
  }
  return true;
}
