/**
 * Code actions that do what lenses do, for editors without lenses: running several tests, and telling which threads run old code.
 * The other lenses have theirs where such actions belong: drift in features/drift.ts, single tests and callers in features/lookActions.ts.
 */
import { action, isWanted } from '../features/codeAction.ts';
import { testLenses } from '../features/testLens.ts';
import { formName, isInPackage } from '../operations/forms.ts';
import { testIn } from '../operations/runTest.ts';
import { inSlices } from '../source/slices.ts';
import type { TopLevelForm } from '../source/types.ts';
import type { ActionSource } from './actions.ts';
import { runningOld } from './threadLenses.ts';

export const lensTwins: ActionSource = async ({ snapshot, start, only }, bench, { oldThreads }) => {
  const form = snapshot?.formAt(start);
  if (!snapshot || !form?.active) return [];
  const encoding = bench.parts.encoding();
  const { line } = snapshot.rangeOf({ start: form.bodyStart, end: form.span.end }, encoding).start;
  const tests = mayHaveTests(form)
    ? (await inSlices(testLenses(snapshot, encoding)))
        .filter(({ range }) => range.start.line === line)
        // A single test has its action already, which says how it went.
        .filter(({ command: { title } }) => title !== 'Run test' || !testIn(form))
        .map(
          ({
            command: {
              title,
              command,
              arguments: [argument],
            },
          }) =>
            action(
              'hotlisp.test',
              title.endsWith(')') ? title : `${title} of ${formName(form)}`,
              command,
              argument,
            ),
        )
    : [];
  const old = (await runningOld(snapshot, oldThreads))
    .filter(each => each.form === form)
    .map(({ definition, symbol }) =>
      action('hotlisp.look', `Threads in the old code of ${definition.name}`, 'hotlisp.thread_list', {
        symbol,
        background: true,
      }),
    );
  return [...old, ...tests].filter(({ kind }) => isWanted(kind, only));
};

/** Every cursor move may ask: the text is searched for tests only where one of their lenses could stand. */
const mayHaveTests = (form: TopLevelForm): boolean =>
  isInPackage(form) || form.definitions.some(({ kind }) => kind === 'test' || kind === 'other');
