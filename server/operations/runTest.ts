/** Running the test at a place, with the framework that its definer belongs to. */
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import type { SourceDefinition, TopLevelForm } from '../source/types.ts';
import { initialPackage } from './forms.ts';
import { arguments_, operation } from './operation.ts';
import { linesOf, type Page } from './page.ts';

/** The test that a form defines; undefined where it defines none. */
export const testIn = (form: TopLevelForm | undefined): SourceDefinition | undefined =>
  form && form.active && !form.broken && !form.packageUnknown
    ? form.definitions.find(({ kind }) => kind === 'test')
    : undefined;

const lispString = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;

export const runTest = operation({
  name: 'run_test',
  title: 'Run test',
  documentation:
    'Runs the test that the form at a position defines, as the image has it: FiveAM, Parachute, Rove, RT, CLUnit and 1am are known. `values` begins with whether it passed. Long output is kept in a document.',
  approval: 'eval',
  args: z.strictObject({
    uri: arguments_.uri,
    version: arguments_.version.optional(),
    position: arguments_.position,
  }),
  async plan({ uri, version, position }, context) {
    const snapshot = await context.snapshot(uri, version);
    const form = snapshot.formAt(snapshot.offsetAt(position, context.encoding));
    const test = testIn(form);
    if (!form || !test)
      throw new HotlispError('invalid-arguments', 'There is no test at the position.', { path: 'position' });
    // As written, with its package prefix.
    const operator = /^\(\s*([^\s()"';]+)/.exec(snapshot.slice(test.span.start, test.span.end))?.[1];
    return {
      type: 'eval',
      code: `(hotlisp::run-test ${lispString(test.name)} ${lispString(operator ?? test.operator)})`,
      package: form.package ?? initialPackage,
      title: `the test ${test.name}`,
    };
  },
  page: (result): Page => {
    const {
      values = [],
      output,
      output_uri,
    } = result as {
      values?: readonly string[];
      output: string;
      output_uri?: string;
    };
    const verdict = values[0] === 'NIL' ? 'The test FAILED.' : 'The test passed.';
    return {
      name: 'test',
      extension: 'txt',
      lines: [
        verdict,
        ...(output_uri === undefined ? [] : [`All of its output: ${output_uri}`]),
        '',
        ...linesOf(output),
      ],
    };
  },
});
