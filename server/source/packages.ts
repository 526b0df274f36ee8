/** IN-PACKAGE read from the tree. */
import type { RawNode } from './parser.ts';
import type { Reader } from './reader.ts';
import type { Span } from './types.ts';

/** What is known of the package in effect. */
export interface PackageEffect {
  /** Undefined where the form names its package by something only evaluation could tell. */
  readonly name: string | undefined;
  readonly span: Span;
}

const COMMON_LISP: ReadonlySet<string | undefined> = new Set([undefined, 'CL', 'COMMON-LISP']);

/** Whether a symbol without knowledge of its package may be the standard's. */
export const isStandard = (prefix: string | undefined): boolean => COMMON_LISP.has(prefix);

/** The last IN-PACKAGE that a top-level form brings into effect, also inside progn and eval-when; undefined where there is none. */
export function packageEffect(reader: Reader, form: RawNode): PackageEffect | undefined {
  let effect: PackageEffect | undefined;
  const waiting = [form];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    const operator = reader.operator(node);
    if (!operator || !isStandard(operator.package)) continue;
    const objects = reader.objects(node);
    if (operator.name === 'IN-PACKAGE')
      effect = { name: reader.designator(objects[1]), span: { start: node.start, end: node.end } };
    else if (operator.name === 'PROGN') waiting.push(...objects.slice(1).reverse());
    else if (operator.name === 'EVAL-WHEN') waiting.push(...objects.slice(2).reverse());
  }
  return effect;
}
