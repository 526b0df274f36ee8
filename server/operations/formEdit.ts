/** Where the edit of a form goes, and what it writes: white space and comments are kept as a careful person would. */
import { readNodes } from '../source/nodes.ts';
import type { RawNode } from '../source/parser.ts';
import type { Snapshot, Span } from '../source/types.ts';
import type { Named } from './names.ts';

/** Replaces `span` by `text`. */
export interface FormEdit {
  readonly span: Span;
  readonly text: string;
}

/** One form to be written, in the line ends of its file. */
export interface Content {
  readonly text: string;
  /** It brings its own `#+` or `#-`. */
  readonly guarded: boolean;
  /** What is written behind it must start a new line. */
  readonly endsInComment: boolean;
}

/** A form in its place. */
export interface Site {
  /** The defining form itself. */
  readonly object: Span;
  /** With the reader conditionals before it. */
  readonly whole: Span;
  /** Where the comment lines directly above it begin; its own start where there are none. */
  readonly withComments: number;
}

export const withEdit = (text: string, { span, text: written }: FormEdit) =>
  text.slice(0, span.start) + written + text.slice(span.end);

/** The line end that a text uses first. */
export const newlineOf = (text: string) => /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';

export function siteOf(snapshot: Snapshot, { form, definition }: Named): Site {
  const { text, forms } = snapshot;
  // From the end of the form before, so that the comments above are seen; no tree of the whole buffer has to be made.
  const before = forms[forms.indexOf(form) - 1];
  const base = before?.span.end ?? 0;
  let siblings = readNodes(text.slice(base, form.span.end)).children;
  let node = siblings.find(({ start }) => start + base === form.span.start);
  const { span } = definition;
  // Down to the definition; `node` stays the outermost of the conditionals around it, `siblings` what stands beside that.
  while (node && objectOf(node).start + base !== span.start) {
    siblings = objectOf(node).children;
    node = siblings.find(({ start, end }) => start + base <= span.start && span.end <= end + base);
  }
  const whole = node ? { start: node.start + base, end: node.end + base } : span;
  const above = node ? siblings.slice(0, siblings.indexOf(node)) : [];
  return { object: span, whole, withComments: startOfComments(text, base, above, whole.start) };
}

/** What stands behind the reader conditionals of a node. */
function objectOf(node: RawNode): RawNode {
  let object = node;
  while (object.type === 'include_reader_macro') {
    const target = object.children.filter(({ type }) => !type.includes('comment'))[1];
    if (!target) break;
    object = target;
  }
  return object;
}

/** @param above the nodes before the form, in order, their offsets from `base` */
function startOfComments(text: string, base: number, above: readonly RawNode[], start: number): number {
  let from = start;
  if (lineBefore(text, start).trim() !== '') return start;
  for (const node of above.toReversed()) {
    const between = text.slice(node.end + base, from);
    const alone = lineBefore(text, node.start + base).trim() === '';
    if (node.type !== 'comment' || !alone || !/^[ \t]*(?:\r\n|\n|\r)[ \t]*$/.test(between)) break;
    from = node.start + base;
  }
  return from;
}

/** The text of the line before an offset. */
function lineBefore(text: string, offset: number): string {
  let start = offset;
  while (start > 0 && text[start - 1] !== '\n' && text[start - 1] !== '\r') start--;
  // a byte order mark is no text
  return text.slice(text.charCodeAt(start) === 0xfeff ? start + 1 : start, offset);
}

/** The text of the line from an offset on, without its end. */
const lineAfter = (text: string, offset: number) => /[^\r\n]*/.exec(text.slice(offset, offset + 100_000))![0];

export function editAt(
  snapshot: Snapshot,
  site: Site,
  what: 'replace' | 'insert_before' | 'insert_after' | 'delete',
  content: Content | undefined,
): FormEdit {
  const { text } = snapshot;
  if (what === 'delete' || !content) return deletion(text, site);
  const newline = newlineOf(text);
  const before = lineBefore(text, site.whole.start);
  const indent = before.trim() === '' ? before : '';
  const rest = lineAfter(text, site.whole.end);
  switch (what) {
    case 'replace': {
      const span = content.guarded ? site.whole : site.object;
      const broken = content.endsInComment && rest.trim() !== '';
      return { span, text: content.text + (broken ? newline + indent : '') };
    }
    case 'insert_before':
      return {
        span: { start: site.withComments, end: site.withComments },
        text: content.text + newline + newline + indent,
      };
    case 'insert_after': {
      // A comment behind the form belongs to it.
      const comment = /^[ \t]*(?:;.*)?$/.test(rest);
      const at = comment ? site.whole.end + rest.trimEnd().length : site.whole.end;
      const next = comment || (/^[ \t]*\)/.test(rest) && !content.endsInComment) ? '' : newline + indent;
      return { span: { start: at, end: at }, text: newline + newline + indent + content.text + next };
    }
  }
}

/** The form's line goes with it, and one of the blank lines around it; comments stay. */
function deletion(text: string, { whole: { start, end } }: Site): FormEdit {
  const before = lineBefore(text, start);
  const rest = lineAfter(text, end);
  if (before.trim() !== '' || rest.trim() !== '') {
    // Something else stands in its lines: what it kept apart stays apart.
    const apart =
      before.trim() !== '' || !/^\s/.test(rest) ? end : end + rest.length - rest.trimStart().length;
    const joins = /\S$/.test(before) && /^\S/.test(rest);
    return { span: { start, end: apart }, text: joins ? ' ' : '' };
  }
  const from = start - before.length;
  const line = /^[ \t]*(\r\n|\n|\r)?/.exec(text.slice(end))![0];
  const blank = /^[ \t]*(?:\r\n|\n|\r)/.exec(text.slice(end + line.length))?.[0] ?? '';
  const to = end + line.length + blank.length;
  if (blank !== '' || to < text.length) return { span: { start: from, end: to }, text: '' };
  // At the end of the file the blank line above goes.
  const above =
    /(?:\r\n|\n|\r)([ \t]*(?:\r\n|\n|\r))$/.exec(text.slice(Math.max(0, from - 1000), from))?.[1] ?? '';
  return { span: { start: from - above.length, end: to }, text: '' };
}
