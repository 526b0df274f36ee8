/** How drift is shown: hints in the text, code lenses, and the code actions that mend it. */
import { inPackage, type Drift, type DriftState } from '../drift/judge.ts';
import { newlineOf } from '../operations/formEdit.ts';
import { formName } from '../operations/forms.ts';
import type { Position, PositionEncoding, Range, Snapshot, Span, TopLevelForm } from '../source/types.ts';
import type { Action } from './codeAction.ts';
import { documentEdit, type DocumentEdit, type TextEdit } from './documentEdit.ts';

export interface DriftDiagnostic {
  readonly range: Range;
  /** LSP's hint. */
  readonly severity: 4;
  readonly source: 'hotlisp';
  readonly code: `drift-${DriftState}`;
  readonly message: string;
}

/** LSP's CodeLens with its command. */
export interface Lens {
  readonly range: Range;
  readonly command: Action['command'];
}

export interface DriftAction {
  readonly title: string;
  /** What mends the drift is a quick fix; what only shows it is not. */
  readonly kind: 'quickfix' | 'hotlisp.look';
  readonly diagnostics?: readonly DriftDiagnostic[];
  readonly isPreferred?: true;
  readonly command?: Action['command'];
  readonly edit?: DocumentEdit;
}

export const driftDiagnostics = (
  snapshot: Snapshot,
  drifts: readonly Drift[],
  encoding: PositionEncoding,
): DriftDiagnostic[] => drifts.map(drift => driftDiagnostic(snapshot, drift, encoding));

const driftDiagnostic = (snapshot: Snapshot, drift: Drift, encoding: PositionEncoding): DriftDiagnostic => ({
  range: snapshot.rangeOf(drift.anchor, encoding),
  severity: 4,
  source: 'hotlisp',
  code: `drift-${drift.state}`,
  message: messageOf(drift),
});

function messageOf({ state, name, form, missing, what }: Drift): string {
  if (name === undefined)
    return 'The file was written after the image loaded it, and what it said then is not known. Reload it to be sure.';
  if (missing) return `The image does not have ${name}. Reload it.`;
  switch (state) {
    case 'changed':
      return `The image runs another text of ${name} than this one. Reload it.`;
    case 'newer':
      return `${name} was changed on disk after the image got it: the image runs the older text. Reload it.`;
    case 'unpersisted':
      return form
        ? `The image runs a text of ${name} that no file has. Write it to the source file, or reload this one.`
        : `The image runs the ${what!.definition.kind} ${placed(name, what!.package)}, which no file has. Write it to the source file, or remove it.`;
    case 'deleted':
      return `The ${what!.definition.kind} ${name} is not in this file any more, and alive in the image. Remove it from the image.`;
  }
}

const placed = (name: string, home: string) => (/^[^|(]*:/.test(name) ? name : `${name} of ${home}`);

/** What the state is called in front of an action. */
function stateTitle({ state, name, form, missing }: Drift): string {
  if (name === undefined) return 'Newer on disk than in the image';
  if (missing) return 'Not in the image';
  switch (state) {
    case 'changed':
      return 'Changed, not loaded';
    case 'newer':
      return 'Newer on disk than in the image';
    case 'unpersisted':
      return form ? 'The image runs a text that no file has' : `In the image, in no file: ${name}`;
    case 'deleted':
      return `Deleted here, alive in the image: ${name}`;
  }
}

type Command = Action['command'];
const command = (title: string, id: string, argument: Record<string, unknown>): Command => ({
  title,
  command: `hotlisp.${id}`,
  arguments: [{ ...argument, background: true }],
});

/** LSP's InlayHint. */
export interface DriftHint {
  readonly position: Position;
  readonly label: string;
  readonly tooltip: string;
  readonly paddingLeft: true;
}

/** What has drifted between two UTF-16 offsets, in a few words behind the end of its first line. */
export function driftHints(
  snapshot: Snapshot,
  drifts: readonly Drift[],
  { start, end }: Span,
  encoding: PositionEncoding,
): DriftHint[] {
  return drifts.flatMap((drift): DriftHint[] => {
    const offset = endOfLine(snapshot.text, drift.anchor.end);
    if (offset < start || offset > end) return [];
    const title = stateTitle(drift);
    return [
      {
        position: snapshot.positionAt(offset, encoding),
        label: title[0]!.toLowerCase() + title.slice(1),
        tooltip: messageOf(drift),
        paddingLeft: true,
      },
    ];
  });
}

function endOfLine(text: string, from: number): number {
  const line = /[^\r\n]*/y;
  line.lastIndex = from;
  return from + line.exec(text)![0].trimEnd().length;
}

/** What can be done about a drift, the first of it the usual thing. */
export function driftLenses(
  snapshot: Snapshot,
  drifts: readonly Drift[],
  path: string,
  encoding: PositionEncoding,
): Lens[] {
  return drifts.flatMap(drift => {
    const range = snapshot.rangeOf(drift.anchor, encoding);
    const [first, ...others] = [
      ...(drift.state === 'changed' || drift.state === 'newer' ? [reload(snapshot, drift, encoding)] : []),
      ...(drift.state === 'unpersisted' ? writing(snapshot, drift, path) : []),
      ...(drift.state === 'unpersisted' && drift.form ? [reload(snapshot, drift, encoding)] : []),
      ...removal(drift),
      ...diff(snapshot, drift),
    ];
    return [
      ...(first ? [{ range, command: { ...first, title: `${stateTitle(drift)}: ${first.title}` } }] : []),
      ...others.map(each => ({ range, command: each })),
    ];
  });
}

function reload(snapshot: Snapshot, { form }: Drift, encoding: PositionEncoding): Command {
  const { uri, version } = snapshot;
  return form
    ? command('Reload', 'reload_form', {
        uri,
        version,
        position: snapshot.rangeOf({ start: form.bodyStart, end: form.span.end }, encoding).start,
      })
    : command('Reload file', 'reload_file', { uri, version });
}

/** Of what stands nowhere in the text. */
function removal({ form, what, name }: Drift): Command[] {
  return form || !what
    ? []
    : [
        command('Remove from image', 'remove_definition', {
          symbol: name,
          form_type: what.definition.kind,
          package: what.package,
        }),
      ];
}

const diff = ({ uri, version }: Snapshot, { name, missing, text, state }: Drift): Command[] =>
  name === undefined || missing || (state === 'deleted' && text === undefined)
    ? []
    : [command('Show diff', 'show_diff', { uri, version, definition: name })];

/** The edit by name, for a lens, which can carry a command only. */
function writing(snapshot: Snapshot, drift: Drift, path: string): Command[] {
  const { text, form, name } = drift;
  if (text === undefined) return [];
  const edit = (operation: string, type: string, to: string) =>
    command('Write to source file', 'lisp_edit_form', {
      operation,
      file_path: path,
      form_type: type,
      form_name: to,
      content: text,
    });
  if (form) return [edit('replace', form.definitions[0]!.operator, name!)];
  const last = lastOfPackage(snapshot, drift);
  const definition = last?.definitions.at(-1);
  return definition ? [edit('insert_after', definition.operator, definitionPath(definition))] : [];
}

const definitionPath = ({
  name,
  qualifiers = [],
  specializers,
}: TopLevelForm['definitions'][number]): string =>
  [name, ...qualifiers, ...(specializers ? [`(${specializers.join(' ')})`] : [])].join(' ');

/** The last form of the package in which what has no place yet is to be read. */
function lastOfPackage(snapshot: Snapshot, { what }: Drift): TopLevelForm | undefined {
  const home = what!.package.toUpperCase();
  const inside = snapshot.forms.findLast(({ active, package: own }) => active && own?.toUpperCase() === home);
  return inside ?? inPackage(snapshot, home);
}

/** The edit that puts what the image runs to its place in the text. */
function writeEdits(snapshot: Snapshot, drift: Drift, encoding: PositionEncoding): TextEdit[] {
  if (drift.text === undefined) return [];
  const newline = newlineOf(snapshot.text);
  const text = drift.text.replace(/\r\n|\r|\n/g, newline);
  if (drift.form) {
    const definition = drift.form.definitions.find(({ nameSpan }) => nameSpan.start === drift.anchor.start);
    const span = /^#[+-]/.test(text) ? drift.form.span : (definition?.span ?? drift.form.span);
    return [{ range: snapshot.rangeOf(span, encoding), newText: text }];
  }
  const last = lastOfPackage(snapshot, drift);
  if (!last) return [];
  const rest = /^[ \t]*;[^\r\n]*/.exec(snapshot.text.slice(last.span.end, last.span.end + 1000))?.[0] ?? '';
  const at = last.span.end + rest.length;
  return [{ range: snapshot.rangeOf({ start: at, end: at }, encoding), newText: newline + newline + text }];
}

export interface DriftActionsRequest {
  readonly snapshot: Snapshot;
  readonly drifts: readonly Drift[];
  /** UTF-16 offsets: the selection, or the cursor. */
  readonly start: number;
  readonly end: number;
  readonly encoding: PositionEncoding;
  /** The client takes versioned edits (workspace.workspaceEdit.documentChanges). */
  readonly documentChanges: boolean;
}

/** For what is told at the selection, or of the form that it touches; what is most likely wanted comes first. */
export function driftActions(request: DriftActionsRequest): DriftAction[] {
  const { snapshot, drifts, start, end, encoding, documentChanges } = request;
  const { uri, version } = snapshot;
  return drifts.flatMap((drift): DriftAction[] => {
    const span = (drift.form ?? snapshot.formAt(drift.anchor.start))?.span ?? drift.anchor;
    if (span.start > end || start > span.end || drift.name === undefined) return [];
    const diagnostics = [driftDiagnostic(snapshot, drift, encoding)];
    const edits = drift.state === 'unpersisted' ? writeEdits(snapshot, drift, encoding) : [];
    const titled = (each: Command) => ({ title: `${each.title}: ${drift.name}`, command: each });
    return [
      ...(drift.form && drift.state !== 'unpersisted'
        ? [
            {
              title: `Reload ${formName(drift.form)}`,
              kind: 'quickfix' as const,
              diagnostics,
              isPreferred: true as const,
              command: reload(snapshot, drift, encoding),
            },
          ]
        : []),
      ...(edits.length > 0
        ? [
            {
              title: `Write to source file: ${drift.name}`,
              kind: 'quickfix' as const,
              diagnostics,
              edit: documentEdit([{ uri, version, edits }], documentChanges),
            },
          ]
        : []),
      ...removal(drift).map(each => ({ ...titled(each), kind: 'quickfix' as const, diagnostics })),
      ...diff(snapshot, drift).map(each => ({ ...titled(each), kind: 'hotlisp.look' as const })),
    ];
  });
}
