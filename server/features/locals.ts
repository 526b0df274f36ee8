/** What is bound locally at a place, also while its form is still being written. */
import { Lexer } from '../source/lexer.ts';
import { localsAt, type Binding } from '../source/scope.ts';
import type { Snapshot } from '../source/index.ts';

export interface Local {
  readonly binding: Binding;
  /** Of a local function or macro: its lambda list as written. */
  readonly lambdaList?: string;
}

/**
 * The bindings in scope at an offset, the innermost first.
 * @param reread reads a text on its own; it is asked for what stands before the offset where the form is broken
 */
export function localsNear(
  snapshot: Snapshot,
  offset: number,
  reread: (text: string) => Snapshot,
): readonly Local[] {
  const form = snapshot.formAt(offset) ?? snapshot.lastFormBefore(offset);
  if (!form || form.span.start >= offset || (!form.broken && form.span.end < offset)) return [];
  const listed = (from: Snapshot, bindings: readonly Binding[]) =>
    bindings.map((binding): Local => ({
      binding,
      ...(binding.lambdaList && {
        lambdaList: from.text.slice(binding.lambdaList.start, binding.lambdaList.end),
      }),
    }));
  if (!form.broken) return listed(snapshot, localsAt(snapshot, offset));
  const written = snapshot.slice(form.span.start, offset);
  const whole = reread(written + closing(written));
  return listed(whole, localsAt(whole, written.length));
}

/** What a text wants behind it for all that it opens to be closed. */
function closing(text: string): string {
  const lexer = new Lexer(text);
  let depth = 0;
  let behind = '';
  while (lexer.next()) {
    if (lexer.kind === 'open') depth++;
    else if (lexer.kind === 'close') depth = Math.max(0, depth - 1);
    if (!lexer.unterminated) continue;
    if (lexer.kind === 'string') behind = '"';
    else if (lexer.kind === 'block-comment') behind = '|#';
    else if (lexer.barred) behind = '|';
  }
  // a prefix or a guard at the end wants an object
  const wants = /(?:['`,@]|#[+-]|#')\s*$/.test(text) ? 'nil nil' : '';
  return `${behind}${wants ? ` ${wants}` : ''} ${')'.repeat(Math.min(depth, 1000))}`;
}
