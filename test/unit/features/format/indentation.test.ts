/**
 * Forms as Emacs and SLIME indent them, in indentation.txt: sections, and in them forms with a blank line between. Each is a test: all its lines
 * are moved to column 0, and to where they do not belong, and formatting has to bring them back. A line behind `;` alone is moved by no test.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatSteps } from '../../../../server/features/format/format.ts';
import { specsOf, userSpecs } from '../../../../server/features/format/rules.ts';
import { specOfLambdaList, type Spec } from '../../../../server/features/format/spec.ts';
import { finish } from '../../../../server/source/slices.ts';
import type { Source } from '../../../../server/source/index.ts';
import { testSource } from '../../source/source.ts';

let source: Source;
beforeAll(async () => {
  source = await testSource();
});

const macros = new Map<string, Spec>(
  Object.entries({
    'my-bind': '((&rest names) value &body body)',
    'my-block': '(&body body)',
    'my-two': '(a b &body body)',
    'my-keys': '((a b &key key) &body body)',
    'my-plain': '(a &rest b)',
  }).flatMap(([name, lambdaList]) => {
    const spec = specOfLambdaList(lambdaList);
    return spec ? [[name, spec] as const] : [];
  }),
);
const { specs: user } = userSpecs({
  'user-one': 1,
  'user-clauses': '(4 &rest (&whole 2 &rest 1))',
  'user-let': 'as let',
});

function format(text: string): string {
  const edits = finish(
    formatSteps(
      source.snapshot('file:///a.lisp', 1, text),
      { start: 0, end: text.length },
      {
        specOf: specsOf(user, macros),
        trimTrailingWhitespace: true,
        insertFinalNewline: false,
        trimFinalNewlines: false,
      },
    ),
  );
  return edits.reduceRight(
    (out, { span, text: wanted }) => out.slice(0, span.start) + wanted + out.slice(span.end),
    text,
  );
}

const sections = readFileSync(path.join(import.meta.dirname, 'indentation.txt'), 'utf8')
  .split(/^=== /m)
  .slice(1)
  .map(section => {
    const end = section.indexOf('\n');
    const forms = section
      .slice(end + 1)
      .trim()
      .split(/\n\n+/);
    return { title: section.slice(0, end), forms };
  });

/** Each line that does not go on with a comment behind code, from another column. */
const moved = (form: string, column: (line: number) => number) =>
  form
    .split('\n')
    .map((line, i) => (/^\s*;(?!;)/.test(line) ? line : ' '.repeat(column(i)) + line.trimStart()))
    .join('\n');

describe.each(sections)('$title', ({ forms }) => {
  it.each(
    forms.map(form => [
      form
        .split('\n')
        .map(line => line.trim())
        .join(' ')
        .slice(0, 70),
      form,
    ]),
  )('%s', (_, form) => {
    expect(format(form)).toBe(form);
    // comments behind code that go on are where the code says
    if (/^\s+;(?!;)/m.test(form)) return;
    expect(format(moved(form, () => 0))).toBe(form);
    expect(format(moved(form, line => (line === 0 ? 3 : 100 + 200 * line)))).toBe(form);
    expect(format(moved(form, line => (line === 0 ? 0 : 90)).replaceAll('\n', '\r\n'))).toBe(
      form.replaceAll('\n', '\r\n'),
    );
  });
});
