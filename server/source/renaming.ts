/** New names for symbols: which texts are names, and whether a form means the same afterwards. */
import { Lexer } from './lexer.ts';
import { readNodes } from './nodes.ts';
import { spaceOf } from './scope/model.ts';
import { analysing, type Analysis, type Binding } from './scope.ts';
import type { Snapshot, Span, TopLevelForm } from './types.ts';

export interface TextReplacement {
  readonly span: Span;
  readonly text: string;
}

/** Why a text cannot be a symbol's name, one sentence; undefined where it can. */
export function problemOfName(text: string): string | undefined {
  const lexer = new Lexer(text);
  const isToken = lexer.next() && lexer.kind === 'token' && lexer.start === 0 && lexer.end === text.length;
  if (!isToken || lexer.unterminated) return `“${text}” is not one symbol.`;
  const [node] = readNodes(text).children;
  switch (node?.type) {
    case 'sym_lit':
      return /^\.+$/.test(text) ? `“${text}” is not a symbol: it is made of dots alone.` : undefined;
    case 'num_lit':
      return `“${text}” is a number.`;
    case 'nil_lit':
      return 'NIL is a constant.';
    case 'kwd_lit':
    case 'package_lit':
      return `“${text}” has a package prefix: give the name alone.`;
    default:
      return `“${text}” is not a symbol's name.`;
  }
}

/** The part of a symbol's or a string's token that is its name, without prefix and quotes. */
export function nameSpanOf(text: string, { start, end }: Span): Span {
  if (text[start] === '"') return { start: start + 1, end: end - 1 };
  let from = start;
  for (let i = start, barred = false; i < end; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '|') barred = !barred;
    else if (c === ':' && !barred) from = i + 1;
  }
  return { start: from, end };
}

/** The text after replacements, which may not overlap. */
export function replaced(text: string, replacements: readonly TextReplacement[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { span, text: inserted } of [...replacements].sort((a, b) => a.span.start - b.span.start)) {
    parts.push(text.slice(at, span.start), inserted);
    at = span.end;
  }
  return parts.join('') + text.slice(at);
}

/** What gives a local thing another name, everywhere. */
export function renameBinding(snapshot: Snapshot, binding: Binding, name: string): TextReplacement[] {
  const { doubles } = binding;
  return binding.occurrences.map(({ span, access }) => {
    const place = nameSpanOf(snapshot.text, span);
    if (!doubles || access !== 'definition') return { span: place, text: name };
    const old = snapshot.text.slice(place.start, place.end);
    const pair = doubles.as === 'keyword' ? `(:${old} ${name})` : `(${name} ${old})`;
    return { span: place, text: doubles.as === 'keyword' && doubles.bare ? `(${pair})` : pair };
  });
}

/**
 * Whether every symbol of a form refers to what it did before, once the replacements (of one name by another) are made. Yields often.
 * @param read makes a snapshot of a text
 * @param special the names, before and after, of a variable of which no form binds a local one
 */
export function* meansTheSame(
  snapshot: Snapshot,
  form: TopLevelForm,
  replacements: readonly TextReplacement[],
  read: (text: string) => Snapshot,
  special?: { readonly before: string; readonly after: string },
): Generator<void, boolean, void> {
  const { start, end } = form.span;
  const inside = replacements
    .filter(({ span }) => start <= span.start && span.end <= end)
    .map(({ span, text }) => ({ span: { start: span.start - start, end: span.end - start }, text }));
  const [after] = read(replaced(snapshot.text.slice(start, end), inside)).forms;
  if (!after) return false;
  yield;
  const before = shape(yield* analysing(form), special?.before);
  return before === shape(yield* analysing(after), special?.after);
}

/** Which symbols are one thing; slots that WITH-SLOTS names are left out, as renaming adds some. */
function shape({ occurrences, bindings }: Analysis, special: string | undefined): string {
  const isLocal = ({ kind, name }: Binding) => name !== special || spaceOf[kind] !== 'v';
  const numbers = new Map(bindings.filter(isLocal).map((binding, i) => [binding, i]));
  return occurrences
    .filter(({ namespace, access }) => namespace !== 'slot' || access === 'definition')
    .map(({ binding }) => (binding && numbers.get(binding)) ?? '-')
    .join();
}
