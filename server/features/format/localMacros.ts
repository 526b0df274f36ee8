/** What MACROLET says of the macros that it defines, for the forms in it. */
import type { Frame } from './frame.ts';
import { bareName } from './frame.ts';
import { specOfLambdaList, type Spec } from './spec.ts';

/** Characters of a lambda list that are looked at. */
const most = 2000;

/** Notes the macro whose lambda list was closed at `end`. */
export function noteLocalMacro(text: string, closed: Frame, end: number): void {
  const definition = closed.parent;
  const all = definition?.parent;
  const form = all?.parent;
  if (closed.role !== 'lambda-list' || !definition || !all || !form) return;
  if (definition.elements.length !== 2 || form.elements.length !== 2) return;
  if (form.head?.kind !== 'symbol' || bareName(form.head.text) !== 'macrolet') return;
  const name = definition.head;
  if (name?.kind !== 'symbol' || end - closed.start > most) return;
  const spec = specOfLambdaList(`(${text.slice(closed.start, end)}`);
  if (spec) form.macros = new Map<string, Spec>(form.macros).set(bareName(name.text), spec);
}
