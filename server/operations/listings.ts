/** What operations that only look answer, as documents: for a person who asked by a code action. */
import { commented, flat, type Page, type PageAction } from './page.ts';

const textPage = (name: string, lines: readonly string[]): Page => ({ name, extension: 'txt', lines });

interface Definition {
  readonly kind: string;
  readonly name: string;
  readonly package?: string;
}

const named = ({ kind, name, package: home }: Definition) =>
  `${kind} ${flat(name, 200)}${home === undefined || home === '' ? '' : ` in ${home}`}`;

interface Place {
  readonly file: string | null;
  readonly line: number | null;
  readonly stale: boolean;
}

/** Of hotlisp.source_location. */
export function locationsPage(result: unknown): Page {
  const places = result as readonly (Definition & Place)[];
  const lines = places.flatMap(each => [
    named(each),
    each.file === null
      ? '    not from a file'
      : `    ${each.file}${each.line === null ? '' : `:${each.line}`}${each.stale ? ' (edited since the image loaded it)' : ''}`,
  ]);
  return { name: 'locations', extension: 'lisp', lines: lines.flatMap(commented) };
}

/** Of hotlisp.package_files. */
export function packageFilesPage(result: unknown): Page {
  const { package: name, files } = result as {
    package: string;
    files: readonly { file: string; definitions: number; stale: boolean }[];
  };
  return textPage('package', [
    `Files that define what package ${name} names, in the order in which they are loaded`,
    '',
    ...files.map(
      ({ file, definitions, stale }) =>
        `${file}: ${definitions} definition${definitions === 1 ? '' : 's'}${stale ? ', stale' : ''}`,
    ),
  ]);
}

/** Of hotlisp.system_status. */
export function systemPage(result: unknown): Page {
  const { system, root, version, dependencies, loaded, definition_changed, files } = result as {
    system: string;
    root: string | null;
    version: string | null;
    dependencies: readonly string[];
    loaded: boolean;
    definition_changed: boolean;
    files: readonly { file: string; loaded: boolean; stale: boolean }[];
  };
  return textPage('system', [
    `System ${system}${version === null ? '' : ` ${version}`}${loaded ? '' : ', not loaded'}${root === null ? '' : `, in ${root}`}`,
    ...(dependencies.length > 0 ? [`It depends on ${dependencies.join(', ')}.`] : []),
    ...(definition_changed ? ['Its definition was written since: loading it reads that first.'] : []),
    '',
    ...files.map(each => `${each.file}${each.loaded ? '' : ', not loaded'}${each.stale ? ', stale' : ''}`),
  ]);
}

interface Thread {
  readonly id: number;
  readonly name: string;
}

interface Setter {
  readonly function: string;
  readonly variables: readonly string[];
  readonly tables: readonly string[];
}

const threadSaid = ({ id, name }: Thread) => `thread ${id} ${flat(name, 100)}`;

/** Of hotlisp.plan for a change; undefined for what is planned otherwise. */
export function planPage(result: unknown): Page | undefined {
  const { title, definitions, dependents, notes, threads, threads_unknown, setters } = result as {
    title?: string;
    definitions?: readonly (Definition & { change: string; class?: string; hazard?: { message: string } })[];
    dependents?: readonly (Definition & { status: string })[];
    notes?: readonly { severity: string; message: string }[];
    threads?: readonly Thread[];
    threads_unknown?: readonly Thread[];
    setters?: readonly Setter[];
  };
  if (title === undefined || !definitions) return undefined;
  return textPage('plan', [
    `What it would do: ${flat(title)}`,
    '',
    ...definitions.flatMap(each => [
      `${named(each)}: ${each.change}${each.class === undefined || each.class === each.change ? '' : `, ${each.class}`}`,
      ...(each.hazard ? [`    ${flat(each.hazard.message)}`] : []),
    ]),
    ...(dependents ?? []).map(each => `${named(each)}: user, ${each.status}`),
    ...(threads ?? []).map(each => `${threadSaid(each)} is inside the old code`),
    ...(threads_unknown ?? []).map(each => `${threadSaid(each)}: unknown whether it is inside the old code`),
    ...(setters ?? []).map(
      ({ function: name, variables, tables }) =>
        `${flat(name, 200)} may set ${flat([...variables, ...tables].join(', '))}, which a rollback leaves as it is`,
    ),
    ...(notes ?? []).map(({ severity, message }) => `${severity}: ${flat(message)}`),
  ]);
}

interface Entry {
  readonly time: string;
  readonly event: string;
  readonly operation: string;
  readonly transaction?: string;
  readonly definitions?: readonly Definition[];
  readonly decision?: string;
  readonly outcome?: { readonly status: string; readonly target?: string };
}

/** Of hotlisp.history: what was done, the newest first, with what can be done about it at each line. */
export function historyPage(result: unknown): Page {
  const { entries } = result as { entries: readonly Entry[] };
  const done = entries.filter(({ event, outcome }) => event === 'outcome' || outcome);
  const lines = [
    `;; ${done.length === 0 ? 'The journal has nothing of this.' : 'What was done, the newest first'}`,
  ];
  const actions: PageAction[] = [];
  for (const { time, operation, transaction, definitions = [], outcome } of done) {
    const line = lines.length;
    const what = definitions.map(({ kind, name }) => `${kind} ${flat(name, 100)}`).join(', ');
    lines.push(
      `;; ${time}  ${operation} ${outcome?.status ?? ''}${what === '' ? '' : `: ${flat(what, 300)}`}`,
    );
    const target = outcome?.target ?? transaction;
    if (target === undefined || outcome?.status === 'failed') continue;
    const act = (title: string, name: string, args: Readonly<Record<string, unknown>>) =>
      actions.push({ line, title, operation: name, args });
    act('Roll this change back', 'rollback', { transaction: target });
    act('Do this change again after it was rolled back', 'redo', { transaction: target });
    act('Replay this change in the present image', 'replay', { transactions: [target] });
  }
  return { name: 'history', extension: 'lisp', lines, actions };
}

/** What a message says of the connection to the image once it was changed. */
export function imageTold(result: unknown): string {
  const { state, title } = result as { state: string; title?: string };
  return title === undefined ? `No image is connected (${state}).` : `Connected to ${title}.`;
}
