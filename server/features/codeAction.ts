/** Code actions at a place: a pure function of the snapshot; no image is asked. */
import type { Range, Snapshot, TopLevelForm } from '../source/types.ts';
import { formName, initialPackage, isInPackage } from '../operations/forms.ts';

export interface Action {
  readonly title: string;
  readonly kind: string;
  readonly command: {
    readonly title: string;
    readonly command: string;
    readonly arguments: readonly [Record<string, unknown>];
  };
}

export const actionKinds = ['hotlisp.reload', 'hotlisp.evaluate', 'hotlisp.approval'] as const;

export interface ActionsRequest {
  readonly snapshot: Snapshot | undefined;
  readonly range: Range;
  /** UTF-16 offset of the range's start, and of its end. */
  readonly start: number;
  readonly end: number;
  /** Kinds the editor asked for; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Requests that wait for an answer by code action. */
  readonly answerable: readonly number[];
}

/** In the order in which they are offered; every command answers at once and works in the background. */
export function codeActions(request: ActionsRequest): Action[] {
  const all = [
    ...request.answerable.flatMap(answers),
    ...(request.snapshot ? reloads(request.snapshot, request) : []),
  ];
  return all.filter(({ kind }) => isWanted(kind, request.only));
}

/** Whether a kind of action is among those that the editor asked for; undefined: all are. */
export const isWanted = (kind: string, only: readonly string[] | undefined): boolean =>
  only === undefined ||
  only.some(wanted => wanted === '' || kind === wanted || kind.startsWith(wanted + '.'));

function reloads(snapshot: Snapshot, { range, start, end }: ActionsRequest): Action[] {
  const { uri, version } = snapshot;
  const document = { uri, version, background: true };
  const form = snapshot.formAt(start);
  const atForm = form && form.active && !isInPackage(form) ? form : undefined;
  const selected = snapshot.text.slice(start, end).trim();
  const packageName = snapshot.packageAt(start);
  const inPackage = packageName === undefined ? {} : { package: packageName };
  const evaluate = (title: string, code: string) =>
    action('hotlisp.evaluate', title, 'hotlisp.repl_eval', { code, ...inPackage, background: true });
  return [
    ...(atForm
      ? [
          action('hotlisp.reload', `Reload ${formName(atForm)}`, 'hotlisp.reload_form', {
            ...document,
            position: range.start,
          }),
        ]
      : []),
    ...(atForm ? recompilesUsers(snapshot, atForm) : []),
    action('hotlisp.reload', 'Reload changed forms', 'hotlisp.reload_changed', document),
    action('hotlisp.reload', 'Reload file', 'hotlisp.reload_file', document),
    ...(selected !== '' && !atForm?.packageUnknown ? [evaluate('Evaluate selection', selected)] : []),
    ...(atForm && !atForm.broken && !atForm.packageUnknown
      ? [evaluate('Evaluate form', snapshot.text.slice(atForm.span.start, atForm.span.end))]
      : []),
  ];
}

/** Kinds whose users are compiled with what the definition says. */
const compiledIn: ReadonlySet<string> = new Set([
  'macro',
  'compiler-macro',
  'symbol-macro',
  'setf-expander',
  'constant',
  'structure',
  'type',
]);

/** For the first definition of the form that may leave its users stale. */
function recompilesUsers(snapshot: Snapshot, form: TopLevelForm): Action[] {
  if (form.broken || form.packageUnknown) return [];
  const definition = form.definitions.find(
    each => compiledIn.has(each.kind) || (each.kind === 'function' && isInline(snapshot, form, each.name)),
  );
  if (!definition || definition.name.startsWith('(')) return [];
  const symbol = /^[^|]*:/.test(definition.name)
    ? definition.name
    : `${prefix(form.package ?? initialPackage)}::${definition.name}`;
  return [
    action('hotlisp.reload', `Recompile users of ${definition.name}`, 'hotlisp.recompile_dependents', {
      symbol,
      background: true,
    }),
  ];
}

/** A package's name as it stands before a symbol. */
const prefix = (name: string) =>
  /^[A-Z0-9!$%&*+./<=>?@^_~-]+$/.test(name) ? name.toLowerCase() : `|${name}|`;

/** Whether the function is declaimed inline, in the file before its form. */
function isInline(snapshot: Snapshot, form: TopLevelForm, name: string): boolean {
  const declared = snapshot.forms
    .filter(({ span, package: home }) => span.start < form.span.start && home === form.package)
    .flatMap(({ definitions }) => definitions)
    .filter(each => each.kind === 'declaration' && /^\(\s*(?:inline|notinline)\s/i.test(each.name))
    .filter(each =>
      each.name.replace(/[()]/g, ' ').toUpperCase().split(/\s+/).slice(1).includes(name.toUpperCase()),
    );
  return declared.length > 0 && /^\(\s*inline/i.test(declared.at(-1)!.name);
}

const answers = (request: number): Action[] => [
  action('hotlisp.approval', `Approve reload #${request}`, 'hotlisp.approve', { request, background: true }),
  action('hotlisp.approval', `Reject reload #${request}`, 'hotlisp.reject', { request, background: true }),
];

const action = (
  kind: (typeof actionKinds)[number],
  title: string,
  command: string,
  argument: Record<string, unknown>,
): Action => ({
  title,
  kind,
  command: { title, command, arguments: [argument] },
});
