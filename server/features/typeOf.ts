/** Where a text says what type something has. Pure. */
import { symbolsIn, type Binding } from '../source/scope.ts';
import type { Snapshot, Span } from '../source/types.ts';

/** `(make-instance 'type …)`, or `(make-type …)`, right behind a name. */
const MADE = /^\s+\((?:make-(?:instance|condition)\s+'([^\s()'"]+)|(make-[^\s()'"]+)[\s)])/i;

/** The token of a class or a constructor that an initial value names. */
export function typeOfValue(text: string, from: number): Span | undefined {
  const match = MADE.exec(text.slice(from, from + 300));
  const name = match?.[1] ?? match?.[2];
  if (!match || name === undefined) return undefined;
  const start = from + match[0].indexOf(name, match[0].indexOf(match[1] === undefined ? '(' : "'"));
  return { start, end: start + name.length };
}

/** The token of the type of a local variable: its specializer, its declaration, or what its initial value makes. */
export function typeOfBinding(snapshot: Snapshot, binding: Binding): Span | undefined {
  const form = snapshot.formAt(binding.span.start);
  if (!form) return undefined;
  const { text } = snapshot;
  const { occurrences } = symbolsIn(form);
  const at = occurrences.findIndex(
    each => each.span === binding.span || each.span.start === binding.span.start,
  );
  const next = occurrences[at + 1];
  // (variable specializer)
  if (
    next?.namespace === 'type' &&
    /\(\s*$/.test(text.slice(Math.max(0, binding.span.start - 20), binding.span.start)) &&
    /^\s+$/.test(text.slice(binding.span.end, next.span.start))
  )
    return next.span;
  // (declare (type t variable)): the nearest type before, within the specifier
  for (const use of binding.occurrences) {
    const index = occurrences.findIndex(each => each.span.start === use.span.start);
    for (let i = index - 1; i >= 0; i--) {
      const before = occurrences[i]!;
      if (/[()]/.test(text.slice(before.span.end, use.span.start))) break;
      if (before.namespace === 'type') return before.span;
    }
  }
  return typeOfValue(text, binding.span.end);
}
