/** What functions set that a change's forms call when they are loaded: no rollback takes that back, so it is told of before. */
import { listed, oneLine } from '../display.ts';
import type { Image } from '../image/image.ts';
import type { Setter } from '../image/protocol.ts';
import type { PlannedForm } from '../operations/operation.ts';
import { symbolsIn } from '../source/scope.ts';
import { inTurns } from '../source/slices.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';

/** As far as the compiler recorded what the functions do. @throws HotlispError as a call of the image does */
export async function settersOf(
  image: Image,
  forms: readonly PlannedForm[],
  signal: AbortSignal,
): Promise<readonly Setter[]> {
  const called = await inTurns(forms, ({ wire, snapshot, span }) => {
    const form = wire.evaluates ? snapshot.formAt(span.start) : undefined;
    return form ? callsIn(snapshot, form) : [];
  });
  const calls = called.flatMap((names, form) => names.map(name => ({ form, name })));
  if (calls.length === 0) return [];
  const args = { forms: forms.map(({ wire }) => wire), calls };
  return (await image.call('setters', args, { signal })).setters;
}

/** Definitions whose code runs when they are called, not when they are loaded. */
const callable: ReadonlySet<string> = new Set([
  'function',
  'macro',
  'generic-function',
  'method',
  'compiler-macro',
  'setf-expander',
  'type',
]);

/** The names of the functions that loading the form may call, as they are written, each once. */
function callsIn(snapshot: Snapshot, form: TopLevelForm): string[] {
  const bodies = form.definitions.filter(({ kind }) => callable.has(kind)).map(({ span }) => span);
  const names = symbolsIn(form)
    .occurrences.filter(
      ({ namespace, access, binding, span }) =>
        namespace === 'function' &&
        access !== 'definition' &&
        !binding &&
        !bodies.some(({ start, end }) => start <= span.start && span.end <= end),
    )
    .map(({ span }) => snapshot.slice(span.start, span.end));
  return [...new Set(names)];
}

/** `BUMP may set *COUNT*, and what is in the table *SEEN*: a rollback leaves that as it is.` */
export const settersSaid = (setters: readonly Setter[]): string =>
  setters.length === 0
    ? ''
    : `A rollback leaves as it is what functions that it calls set: ${listed(setters.map(setterSaid), 4)}.`;

/** `BUMP may set *COUNT* and what is in the hash table *SEEN*`. */
function setterSaid({ function: name, variables, tables }: Setter): string {
  const names = (some: readonly string[]) => listed(some.map(each => oneLine(each, 60)));
  const what = [
    ...(variables.length > 0 ? [names(variables)] : []),
    ...(tables.length > 0
      ? [`what is in the hash ${tables.length === 1 ? 'table' : 'tables'} ${names(tables)}`]
      : []),
  ];
  return `${oneLine(name, 60)} may set ${what.join(', and ')}`;
}
