/** What classes, conditions and structures inherit from, read from their forms. */
import type { Snapshot, SyntaxNode } from '../source/index.ts';
import { objectsOf, symbolOf, textOf } from './nodes.ts';

/** The name that a form defines and those of its direct superclasses, as written; undefined where it is no such form. */
export function supersOf(
  snapshot: Snapshot,
  operator: string,
  form: SyntaxNode,
): { readonly name: string; readonly names: readonly string[] } | undefined {
  if (operator === 'DEFCLASS' || operator === 'DEFINE-CONDITION') {
    const [, name, supers] = objectsOf(form);
    if (!symbolOf(snapshot, name)) return undefined;
    const names = supers ? objectsOf(supers).filter(each => symbolOf(snapshot, each)) : [];
    return { name: textOf(snapshot, name!), names: names.map(each => textOf(snapshot, each)) };
  }
  if (operator !== 'DEFSTRUCT') return undefined;
  const head = objectsOf(form)[1];
  if (head?.type !== 'list_lit') return undefined;
  const [name, ...options] = objectsOf(head);
  if (!symbolOf(snapshot, name)) return undefined;
  const names = options.flatMap(option => {
    const [key, included] = option.type === 'list_lit' ? objectsOf(option) : [];
    return symbolOf(snapshot, key)?.name === 'INCLUDE' && symbolOf(snapshot, included)
      ? [textOf(snapshot, included!)]
      : [];
  });
  return { name: textOf(snapshot, name!), names };
}
