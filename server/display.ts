/** Text of buffers and images, made safe to stand inside a prompt or a message. */

/**
 * Control characters, line and paragraph separators, lone surrogates, and what changes the direction of text or takes no room:
 * blank fillers and variation selectors, too.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]/gu;
/** Of these, what texts of several lines are made of: line ends and tabs, joiners and selectors of scripts and of emoji. */
const usual = /[\t\n\u200c\u200d\ufe0e\ufe0f]/u;

const escaped = (each: string): string => `\\u{${each.codePointAt(0)!.toString(16)}}`;

/** VS Code makes a link of `[text](target)` in a message, and its target may be a command. */
const unlinked = (text: string): string => text.replace(/\](?=\()/g, '] ');

/** One line in which nothing can pose as our own text: control, bidirectional and invisible characters appear as \u{…}; cut after `limit` code points. */
export function oneLine(text: string, limit = 200): string {
  const shown = unlinked(text.replace(/\s*[\r\n]+\s*/g, ' ').replace(unsafe, escaped));
  if (shown.length <= limit) return shown;
  const points = Array.from(shown);
  return points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : shown;
}

/** The name of something, whole, for a list or a title. */
export const shownName = (name: string): string => oneLine(name, Infinity);

/** Text of several lines without what `oneLine` escapes, but for what such texts are made of. */
export const shownText = (text: string): string =>
  unlinked(text.replace(/\r\n?/g, '\n').replace(unsafe, each => (usual.test(each) ? each : escaped(each))));

/** The same length in UTF-16, for a text of which parts are pointed at: what would be escaped is replaced. */
export const masked = (text: string): string =>
  text.replace(/[\r\n]/g, ' ').replace(unsafe, each => '\ufffd'.repeat(each.length));

/** `a`, `a and b`, `a, b and c`; after `most` items `and N more`. */
export function listed(items: readonly string[], most = 6): string {
  const shown =
    items.length > most ? [...items.slice(0, most - 1), `${items.length - most + 1} more`] : [...items];
  const last = shown.pop();
  return last === undefined ? '' : shown.length === 0 ? last : `${shown.join(', ')} and ${last}`;
}

export const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

interface Displayed {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
}

/** `function APP::COMPUTE`, `function (SETF PRICE) of APP`; what a definer of the user's own defines is its name alone. */
export const displayDefinition = (definition: Displayed): string =>
  definition.kind === 'other'
    ? displayName(definition)
    : oneLine(`${definition.kind} ${displayName(definition)}`);

/** `APP::COMPUTE`, `(SETF PRICE) of APP`; a declaration as it is written. */
export function displayName({ kind, name, package: home }: Displayed): string {
  if (kind === 'declaration') return oneLine(name.replace(/^\|([^|\\]*)\|$/, '$1'));
  if (name.startsWith('(')) return oneLine(`${name} of ${home}`);
  return oneLine(kind === 'package' || home === '' ? name : `${home}::${name}`);
}
