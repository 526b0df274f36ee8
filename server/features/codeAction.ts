/** Code actions at a place: a pure function of the snapshot; no image is asked. */
import type { PositionEncoding, Range, Snapshot, Span, TopLevelForm } from '../source/types.ts';
import { formName, initialPackage, isInPackage } from '../operations/forms.ts';
import { finish } from '../source/slices.ts';
import { formRowOf } from '../source/stretches.ts';
import { innermostForm } from '../operations/macroexpand.ts';

export interface Action {
  readonly title: string;
  readonly kind: string;
  readonly command: {
    readonly title: string;
    readonly command: string;
    readonly arguments: readonly [Record<string, unknown>];
  };
}

export const actionKinds = [
  'hotlisp.reload',
  'hotlisp.evaluate',
  'hotlisp.expand',
  'hotlisp.remove',
  'hotlisp.look',
  'hotlisp.trace',
  'hotlisp.test',
  'quickfix.approval',
  'quickfix.reload',
] as const;

type Kind = (typeof actionKinds)[number];

export interface ActionsRequest {
  readonly snapshot: Snapshot | undefined;
  readonly range: Range;
  /** UTF-16 offset of the range's start, and of its end. */
  readonly start: number;
  readonly end: number;
  /** Kinds the editor asked for; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly encoding: PositionEncoding;
  /** The systems that the document's folder, or the nearest one above it, defines. */
  readonly systems: readonly string[];
}

/** In the order in which they are offered; every command answers at once and works in the background. */
export function codeActions(request: ActionsRequest): Action[] {
  const all = request.snapshot ? reloads(request.snapshot, request) : [];
  return all.filter(({ kind }) => isWanted(kind, request.only));
}

/** Whether a kind of action is among those that the editor asked for; undefined: all are. */
export const isWanted = (kind: string, only: readonly string[] | null | undefined): boolean =>
  !only || only.some(wanted => wanted === '' || kind === wanted || kind.startsWith(wanted + '.'));

function reloads(snapshot: Snapshot, request: ActionsRequest): Action[] {
  const { range, start, end, systems, encoding } = request;
  const { uri, version } = snapshot;
  const document = { uri, version, background: true };
  const form = snapshot.formAt(start);
  const atForm = form && form.active && !isInPackage(form) ? form : undefined;
  const selected = trimmed(snapshot, { start, end });
  const packageName = snapshot.packageAt(start);
  const inPackage = packageName === undefined ? {} : { package: packageName };
  const evaluate = (title: string, span: Span) =>
    action('hotlisp.evaluate', title, 'hotlisp.repl_eval', {
      code: snapshot.slice(span.start, span.end),
      ...inPackage,
      ...document,
      range: snapshot.rangeOf(span, encoding),
    });
  const reloadForm = (kind: Kind, reloaded: TopLevelForm) =>
    action(kind, `Reload ${formName(reloaded)}`, 'hotlisp.reload_form', {
      ...document,
      position: range.start,
    });
  return [
    ...(atForm
      ? [
          // Editors put quick fixes first (Helix in its menu, whatever else is offered): the main job is one as soon as the form is sound.
          ...(atForm.broken ? [] : [reloadForm('quickfix.reload', atForm)]),
          reloadForm('hotlisp.reload', atForm),
        ]
      : []),
    ...(atForm ? recompilesUsers(snapshot, atForm) : []),
    action('hotlisp.reload', 'Reload changed forms', 'hotlisp.reload_changed', document),
    action('hotlisp.reload', 'Reload file', 'hotlisp.reload_file', document),
    ...(form ? packagesAt(snapshot, form) : []).flatMap(name => {
      const named = { package: name, background: true };
      return [
        action('hotlisp.reload', `Reload package ${name}`, 'hotlisp.code_reload_package', named),
        action('hotlisp.look', `Files of package ${name}`, 'hotlisp.package_files', named),
      ];
    }),
    ...systemsAt(snapshot, atForm, systems).flatMap(system => {
      const named = { system, background: true };
      return [
        action('hotlisp.reload', `Reload system ${system}`, 'hotlisp.code_reload_system', named),
        action('hotlisp.look', `Status of system ${system}`, 'hotlisp.system_status', named),
      ];
    }),
    ...compiledFileAt(snapshot, start).map(path =>
      action('hotlisp.reload', `Load compiled file ${path}`, 'hotlisp.code_load_fasl', {
        path,
        background: true,
      }),
    ),
    ...(atForm && !atForm.broken
      ? [
          action('hotlisp.look', `Plan the reload of ${formName(atForm)}`, 'hotlisp.plan', {
            operation: 'reload_form',
            ...document,
            position: range.start,
          }),
        ]
      : []),
    ...(selected.start < selected.end && !atForm?.packageUnknown
      ? [
          evaluate('Evaluate selection', selected),
          action('hotlisp.reload', 'Compile selection', 'hotlisp.code_compile_string', {
            code: snapshot.slice(selected.start, selected.end),
            ...(uri.startsWith('file:') && { filename: uri }),
            ...inPackage,
            position: snapshot.positionAt(selected.start, encoding),
            background: true,
          }),
        ]
      : []),
    ...(atForm && !atForm.broken && !atForm.packageUnknown ? [evaluate('Evaluate form', atForm.span)] : []),
    action('hotlisp.evaluate', 'Evaluate buffer', 'hotlisp.eval_buffer', document),
    ...(atForm && !atForm.broken
      ? expands(snapshot, atForm, start, { ...document, position: range.start })
      : []),
    ...(atForm && !atForm.broken && !atForm.packageUnknown && atForm.definitions.some(isRemovable)
      ? [
          action('hotlisp.remove', `Remove ${formName(atForm)} from image`, 'hotlisp.remove_definition', {
            ...document,
            position: range.start,
          }),
        ]
      : []),
  ];
}

/** The span without the blanks at its ends. */
function trimmed(snapshot: Snapshot, { start, end }: Span): Span {
  const selected = snapshot.slice(start, end);
  const from = start + selected.length - selected.trimStart().length;
  return { start: from, end: from + selected.trim().length };
}

/** The compiled file that a string at the place names, where it is in the workspace or absolute. */
function compiledFileAt(snapshot: Snapshot, offset: number): readonly string[] {
  const node = snapshot.nodesAt(offset).at(-1);
  if (node?.type !== 'str_lit') return [];
  const name = snapshot.slice(node.span.start + 1, node.span.end - 1);
  return /\.fasl$/.test(name) && !/[\\\r\n]/.test(name) ? [name] : [];
}

/** The package that a form defines or makes the current one. */
function packagesAt(snapshot: Snapshot, form: TopLevelForm): readonly string[] {
  if (!form.active || form.broken) return [];
  if (isInPackage(form)) return [snapshot.packageAt(form.span.end + 1) ?? []].flat();
  return form.definitions.filter(({ kind }) => kind === 'package').map(({ name }) => designated(name));
}

/** The name that a string designator, as it is written, stands for. */
const designated = (written: string): string => {
  const text = /^"(.*)"$/s.exec(written)?.[1];
  if (text !== undefined) return text.replace(/\\(.)/gs, '$1');
  const symbol = written.replace(/^#?:/, '');
  return /^\|(.*)\|$/s.exec(symbol)?.[1] ?? symbol.toUpperCase();
};

/** In a system's own definition the one at the cursor; in a file, those of its folder. */
function systemsAt(
  snapshot: Snapshot,
  atForm: TopLevelForm | undefined,
  systems: readonly string[],
): readonly string[] {
  if (!snapshot.uri.endsWith('.asd')) return systems;
  const here = (atForm?.definitions ?? []).filter(({ kind }) => kind === 'system');
  return here.map(({ name }) => name.replace(/^"(.*)"$|^#?:(.*)$/, '$1$2').toLowerCase());
}

const isRemovable = ({ kind }: { readonly kind: string }) =>
  !['package', 'declaration', 'system', 'test', 'other'].includes(kind);

/** For a form inside a top-level form, whose operator may be a macro; only the image could tell. */
function expands(
  snapshot: Snapshot,
  form: TopLevelForm,
  offset: number,
  argument: Record<string, unknown>,
): Action[] {
  const inner = innermostForm(snapshot, offset);
  if (inner?.operator === undefined || form.packageUnknown) return [];
  // A defining form's own expansion says little that is of use.
  if (inner.span.start === form.bodyStart && form.definitions.length > 0) return [];
  const name = inner.operator;
  return [
    action('hotlisp.expand', `Expand macro ${name}`, 'hotlisp.macroexpand', argument),
    action('hotlisp.expand', `Expand ${name} and all inside it`, 'hotlisp.macroexpand', {
      ...argument,
      all: true,
    }),
    action('hotlisp.expand', `Expand macro ${name} in place`, 'hotlisp.expand_in_place', argument),
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
export const prefix = (name: string) =>
  /^[A-Z0-9!$%&*+./<=>?@^_~-]+$/.test(name) ? name.toLowerCase() : `|${name}|`;

/** Whether the function is declaimed inline, in the file before its form. */
function isInline(snapshot: Snapshot, form: TopLevelForm, name: string): boolean {
  const declared = finish(declaringForms(snapshot))
    .filter(({ span, package: home }) => span.start < form.span.start && home === form.package)
    .flatMap(({ definitions }) => definitions.filter(isDeclaration).map(each => each.name))
    .filter(each => /^\(\s*(?:inline|notinline)\s/i.test(each))
    .filter(each =>
      each.replace(/[()]/g, ' ').toUpperCase().split(/\s+/).slice(1).includes(name.toUpperCase()),
    );
  return declared.length > 0 && /^\(\s*inline/i.test(declared.at(-1)!);
}

const isDeclaration = ({ kind }: { readonly kind: string }) => kind === 'declaration';

/** The forms with declarations, which are found once in each version. Yields now and then. */
export function* declaringForms(snapshot: Snapshot): Generator<void, readonly TopLevelForm[], void> {
  const known = declaring.get(snapshot);
  if (known) return known;
  const found: TopLevelForm[] = [];
  const row = formRowOf(snapshot);
  for (let i = 0; row && i < row.keys.length; i++) {
    for (const [n, { definitions }] of row.read(i).entries())
      if (definitions.some(isDeclaration)) found.push(row.form(i, n));
    if (i % FEW === 0) yield;
  }
  declaring.set(snapshot, found);
  return found;
}

const declaring = new WeakMap<Snapshot, readonly TopLevelForm[]>();
/** So many stretches are looked at without others getting a turn. */
const FEW = 256;

/** For a request that waits for an answer by code action. A kind of quick fix, because Helix shows those first, and this is what a person then looks for. */
export const answers = (request: number): Action[] => [
  action('quickfix.approval', `Approve reload #${request}`, 'hotlisp.approve', { request, background: true }),
  action('quickfix.approval', `Reject reload #${request}`, 'hotlisp.reject', { request, background: true }),
];

export const action = (
  kind: Kind,
  title: string,
  command: string,
  argument: Record<string, unknown>,
): Action => ({
  title,
  kind,
  command: { title, command, arguments: [argument] },
});
