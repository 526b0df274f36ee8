/** Texts of any length to measure with. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../support/lspClient.ts';

/** About so many lines: the same ordinary definitions again and again, under other names, and `middle` in the middle. */
export function inventory(lines: number, middle = ''): string {
  const sample = readFileSync(path.join(repository, 'test/corpus/samples/inventory.lisp'), 'utf8');
  const forms = sample.slice(sample.indexOf('(defclass'));
  const perCopy = forms.split('\n').length - 1;
  const copies = Array.from({ length: Math.ceil(lines / perCopy) }, (_, n) =>
    forms.replaceAll(/\b(item|value-of|total|report|split)\b/g, `$1-${n}`),
  );
  if (middle !== '') copies.splice(copies.length >> 1, 0, middle);
  return `(in-package :inventory)\n\n${copies.join('\n')}`;
}
