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

/** What conventions put before a name. */
const DECORATION = '*+%&$<';

const isWordStart = (name: string, at: number) => at === 0 || !/[\p{L}\p{N}]/u.test(name[at - 1]!);

/**
 * How well a name fits what somebody types; less is better: 0 the name itself, 1 but for the stars around it, 2 its beginning,
 * 3 but for the stars, 4 words abbreviated (`m-v-b`), 5 the beginning of a later word, 6 beginnings of words run together (`mvb`),
 * 7 any part, 8 letters in order; undefined: not at all. Case does not count. The agent chooses by the same rules (lisp/complete.lisp).
 * @param pattern in lower case
 * @param name in lower case
 */
export function fit(pattern: string, name: string): number | undefined {
  if (pattern === '') return 2;
  if (name === pattern) return 0;
  if (name.startsWith(pattern)) return 2;
  let start = 0;
  while (start < name.length && DECORATION.includes(name[start]!)) start++;
  if (start === name.length) start = 0;
  // what is abbreviated begins as the name does
  const begins = name[start] === pattern[0];
  const bare = start === 0 ? name : name.slice(start);
  if (begins) {
    if (bare.replace(/[*+%&$<>]+$/, '') === pattern) return 1;
    if (bare.startsWith(pattern)) return 3;
    if (pattern.includes('-') && abbreviates(pattern.split('-'), bare.split('-'))) return 4;
  }
  for (let at = name.indexOf(pattern); at >= 0; at = name.indexOf(pattern, at + 1))
    if (isWordStart(name, at)) return 5;
  if (begins && pattern.length > 1 && initials(pattern, bare)) return 6;
  if (pattern.length < 3) return undefined;
  if (name.includes(pattern)) return 7;
  return begins && name.length <= 4 * pattern.length && scattered(pattern, bare) ? 8 : undefined;
}

/** Whether a pattern is made of beginnings of words, the first word's among them. */
function initials(pattern: string, name: string): boolean {
  /** The pattern from p on fits the name where a letter is either the next one, n, or begins a later word. */
  const goesOn = (p: number, n: number): boolean => {
    if (p === pattern.length) return true;
    if (name[n] === pattern[p] && goesOn(p + 1, n + 1)) return true;
    for (let next = n + 1; next < name.length; next++)
      if (name[next] === pattern[p] && isWordStart(name, next) && goesOn(p + 1, next + 1)) return true;
    return false;
  };
  return name[0] === pattern[0] && goesOn(1, 1);
}

/** Whether the letters of a pattern stand in a name in order, the first at its beginning. */
function scattered(pattern: string, name: string): boolean {
  if (name[0] !== pattern[0]) return false;
  let at = 0;
  for (const letter of pattern) {
    const found = name.indexOf(letter, at);
    if (found < 0) return false;
    at = found + 1;
  }
  return true;
}
