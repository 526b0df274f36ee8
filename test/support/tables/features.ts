/**
 * How each language feature is asked in a table, and how its answer reads as lines. A theme adds its own here, or in a file of its own
 * that is spread into `features`.
 */
import type { Editor, TextDocument } from '../lspClient.ts';
import { actionFeatures } from './actions.ts';
import { formattingFeatures } from './formatting.ts';
import type { Location, Position, Range, TextEdit } from '../lspTypes.ts';
import { assistFeatures } from './assist.ts';
import { nameFeatures } from './names.ts';
import { relationFeatures } from './relations.ts';
import { tokenFeatures } from './tokens.ts';

export interface Question {
  readonly editor: Editor;
  readonly document: TextDocument;
  readonly position: Position;
  /** What stands behind the feature's name. */
  readonly argument: string;
  /** `textDocument` and `position`, as most requests want them. */
  readonly place: { readonly textDocument: { readonly uri: string }; readonly position: Position };
  /** UTF-16 offsets of all marks. */
  readonly marks: ReadonlyMap<string, number>;
  /** Other buffers and files of the case and its table, by URI. */
  readonly textOf: (uri: string) => string | undefined;
}

export type Feature = (question: Question) => Promise<readonly string[]>;

/** "buffer 2:4-2:7 foo": the file's name ("buffer" for the case's own), the place, 0-based, and the first line of what stands there. */
export function locationLine({ document, editor, textOf }: Question, { uri, range }: Location): string {
  const text = textOf(uri) ?? '';
  const name = uri === document.uri ? 'buffer' : uri.replace(`${editor.rootUri}/`, '');
  return `${name} ${rangeText(range)} ${stretch(text, range).split(/\r?\n/, 1)[0]}`.trimEnd();
}

export const rangeText = ({ start, end }: Range): string =>
  `${start.line}:${start.character}-${end.line}:${end.character}`;

/** The part of a text that a range covers. */
export const stretch = (text: string, { start, end }: Range): string =>
  text.slice(offsetOf(text, start), offsetOf(text, end));

/** UTF-16 offset of a position. */
export function offsetOf(text: string, { line, character }: Position): number {
  const starts = [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map(match => match.index + match[0].length)];
  return (starts[line] ?? text.length) + character;
}

/** The text after edits, which may not overlap. */
export function applied(text: string, edits: readonly TextEdit[]): string {
  const inOrder = [...edits].sort((a, b) => offsetOf(text, b.range.start) - offsetOf(text, a.range.start));
  return inOrder.reduce(
    (whole, { range, newText }) =>
      whole.slice(0, offsetOf(text, range.start)) + newText + whole.slice(offsetOf(text, range.end)),
    text,
  );
}

const locations =
  (method: string, more: object = {}): Feature =>
  async question => {
    const { editor, place } = question;
    const answer = (await editor.request(method, { ...place, ...more })) as Location | Location[] | null;
    return [answer ?? []].flat().map(each => locationLine(question, each));
  };

export const features: Readonly<Record<string, Feature>> = {
  ...assistFeatures,
  definition: locations('textDocument/definition'),
  references: locations('textDocument/references', { context: { includeDeclaration: true } }),
  ...nameFeatures,
  ...formattingFeatures,
  ...tokenFeatures,
  ...actionFeatures,
  ...relationFeatures,
};
