/** Lenses that run tests: of the form at which they stand, and of the whole file. */
import type { PositionEncoding, Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import type { Lens } from './drift.ts';
import { literally } from '../source/pattern.ts';

/** A library of tests: how one of its tests is run, and how several are. */
interface Library {
  readonly name: string;
  /** Names of its packages, as a form may have them before its operators. */
  readonly packages: readonly string[];
  readonly operators: readonly string[];
  readonly run: (names: readonly string[]) => string;
}

const quoted = (names: readonly string[]) => names.map(name => `'${name}`);

const libraries: readonly Library[] = [
  {
    name: 'fiveam',
    packages: ['fiveam', '5am', 'it.bese.fiveam'],
    operators: ['test', 'def-test', 'def-suite', 'def-suite*'],
    run: names =>
      names.length === 1 ? `(fiveam:run! '${names[0]!})` : `(fiveam:run! '(${names.join(' ')}))`,
  },
  {
    name: 'parachute',
    packages: ['parachute', 'org.shirakumo.parachute'],
    operators: ['define-test', 'define-test+run', 'define-test-parent'],
    run: names =>
      names.length === 1
        ? `(parachute:test '${names[0]!})`
        : `(parachute:test (list ${quoted(names).join(' ')}))`,
  },
  {
    name: 'rove',
    packages: ['rove', 'rove/main'],
    operators: ['deftest'],
    run: names =>
      names.length === 1 ? `(rove:run-test '${names[0]!})` : `(mapcar 'rove:run-test '(${names.join(' ')}))`,
  },
];

interface TestForm {
  readonly library: Library;
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
}

/**
 * The tests of a text. The operator's package says whose they are where it is written; else the packages that the text's
 * DEFPACKAGEs use or import from; of an operator that no library but one has, that one.
 */
function* testForms(snapshot: Snapshot): Generator<void, TestForm[], void> {
  let mentioned: readonly Library[] | undefined;
  const found: TestForm[] = [];
  for (const form of snapshot.forms) {
    yield;
    const [definition] = form.definitions;
    if (!definition || !form.active || form.broken || form.packageUnknown) continue;
    const fitting = libraries.filter(({ operators }) => operators.includes(definition.operator));
    if (fitting.length === 0) continue;
    const prefix = prefixOf(snapshot, form);
    mentioned ??= yield* mentionedIn(snapshot.text);
    const library =
      prefix === undefined
        ? (fitting.find(each => mentioned!.includes(each)) ??
          (mentioned.length === 0 ? soleOf(definition, fitting) : undefined))
        : fitting.find(({ packages }) => packages.includes(prefix));
    if (library) found.push({ library, form, definition });
  }
  return found;
}

/** The libraries of which a package is named. */
function* mentionedIn(text: string): Generator<void, Library[], void> {
  const found = new Set<Library>();
  for (const library of libraries)
    for (const name of library.packages) {
      if (new RegExp(`[(:"#\\s]${literally(name)}(?=[\\s)":])`, 'i').test(text)) found.add(library);
      yield;
    }
  return [...found];
}

/** DEFTEST is the word of several libraries, TEST of anybody; where nothing tells whose it is, only DEFINE-TEST is sure. */
const soleOf = ({ operator }: SourceDefinition, fitting: readonly Library[]) =>
  operator === 'define-test' ? fitting[0] : undefined;

/** The package before the form's operator, in lower case. */
function prefixOf(snapshot: Snapshot, { bodyStart, span }: TopLevelForm): string | undefined {
  return /^\(\s*([^\s:()|]+)::?[^\s:()]/
    .exec(snapshot.slice(bodyStart, Math.min(span.end, bodyStart + 100)))?.[1]
    ?.toLowerCase();
}

/** Yields now and then. */
export function* testLenses(snapshot: Snapshot, encoding: PositionEncoding): Generator<void, Lens[], void> {
  const tests = yield* testForms(snapshot);
  const lens = (title: string, form: TopLevelForm, library: Library, names: readonly string[]): Lens => ({
    range: snapshot.rangeOf({ start: form.bodyStart, end: form.span.end }, encoding),
    command: {
      title,
      command: 'hotlisp.repl_eval',
      arguments: [
        {
          code: library.run(names),
          ...(form.package !== undefined && { package: form.package }),
          background: true,
        },
      ],
    },
  });
  const one = tests.map(({ library, form, definition }) =>
    lens(isSuite(definition) ? 'Run tests' : 'Run test', form, library, [definition.name]),
  );
  const all = libraries.flatMap(library => {
    // One evaluation reads its names in one package.
    const [first, ...others] = tests.filter(each => each.library === library && !isSuite(each.definition));
    if (!first || others.length === 0) return [];
    const same = [first, ...others].filter(({ form }) => form.package === first.form.package);
    const top =
      snapshot.forms.find(({ active, operator }) => active && operator === 'in-package') ?? first.form;
    return [
      lens(
        `Run tests (${same.length})`,
        { ...spanOnly(top), package: first.form.package } as TopLevelForm,
        library,
        same.map(({ definition }) => definition.name),
      ),
    ];
  });
  return [...all, ...one];
}

const isSuite = ({ operator }: SourceDefinition) => operator.startsWith('def-suite');

const spanOnly = ({ bodyStart, span }: TopLevelForm) => ({ bodyStart, span });
