/** Text of buffers and images, made safe to stand inside a prompt or a message. */

// Control characters, line and paragraph separators, and what changes the direction of text or hides in it.
const unsafe = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** One line in which nothing can pose as our own text: control, bidirectional and invisible characters appear as \u{…}; cut after `limit` code points. */
export function oneLine(text: string, limit = 200): string {
  const shown = text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(unsafe, each => `\\u{${each.codePointAt(0)!.toString(16)}}`);
  const points = Array.from(shown);
  return points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : shown;
}

/** `a`, `a and b`, `a, b and c`; after `most` items `and N more`. */
export function listed(items: readonly string[], most = 6): string {
  const shown =
    items.length > most ? [...items.slice(0, most - 1), `${items.length - most + 1} more`] : [...items];
  const last = shown.pop();
  return last === undefined ? '' : shown.length === 0 ? last : `${shown.join(', ')} and ${last}`;
}

export const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `function APP::COMPUTE`, `function (SETF PRICE) of APP`. */
export function displayDefinition({
  kind,
  name,
  package: home,
}: {
  kind: string;
  name: string;
  package: string;
}): string {
  const shown = name.startsWith('(')
    ? `${name} of ${home}`
    : kind === 'package' || home === ''
      ? name
      : `${home}::${name}`;
  return oneLine(`${kind} ${shown}`);
}
