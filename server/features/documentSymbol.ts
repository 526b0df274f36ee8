/** The outline of a buffer: every definition that the image would read. */
import { shownName } from '../display.ts';
import { finish } from '../source/slices.ts';
import { OwnJson } from '../ownJson.ts';
import type { ChunkForm } from '../source/chunk.ts';
import { formRowOf } from '../source/stretches.ts';
import type {
  DefinitionKind,
  PositionEncoding,
  Range,
  Snapshot,
  SourceDefinition,
  Span,
} from '../source/types.ts';

/** LSP's SymbolKind, as far as it is used here. */
const SymbolKind = {
  Module: 2,
  Namespace: 3,
  Class: 5,
  Method: 6,
  Property: 7,
  Field: 8,
  Interface: 11,
  Function: 12,
  Variable: 13,
  Constant: 14,
  Object: 19,
  Struct: 23,
  Event: 24,
  Operator: 25,
  TypeParameter: 26,
} as const;

export type SymbolKind = (typeof SymbolKind)[keyof typeof SymbolKind];

const KINDS: Readonly<Record<DefinitionKind, SymbolKind>> = {
  function: SymbolKind.Function,
  macro: SymbolKind.Operator,
  'generic-function': SymbolKind.Interface,
  method: SymbolKind.Method,
  variable: SymbolKind.Variable,
  constant: SymbolKind.Constant,
  class: SymbolKind.Class,
  condition: SymbolKind.Event,
  structure: SymbolKind.Struct,
  type: SymbolKind.TypeParameter,
  'compiler-macro': SymbolKind.Operator,
  'symbol-macro': SymbolKind.Variable,
  'setf-expander': SymbolKind.Property,
  package: SymbolKind.Namespace,
  'method-combination': SymbolKind.Operator,
  declaration: SymbolKind.Property,
  system: SymbolKind.Module,
  test: SymbolKind.Event,
  other: SymbolKind.Object,
};

export interface OutlineSymbol {
  readonly name: string;
  /** For people: the defining operator, and a method's qualifiers and specializers or a function's lambda list. */
  readonly detail: string;
  readonly kind: SymbolKind;
  readonly range: Range;
  readonly selectionRange: Range;
  readonly children: OutlineSymbol[];
}

export const symbolKind = ({ kind, operator }: Pick<SourceDefinition, 'kind' | 'operator'>): SymbolKind =>
  operator === 'slot' ? SymbolKind.Field : KINDS[kind];

/** Declarations are left out: they name nothing that one looks for. */
const isShown = ({ kind }: SourceDefinition): boolean => kind !== 'declaration';

/** The JSON of an OutlineSymbol. @param base where the definition's offsets count from */
function jsonOf(
  snapshot: Snapshot,
  encoding: PositionEncoding,
  definition: SourceDefinition,
  base: number,
): string {
  const position = (offset: number): string => {
    const { line, character } = snapshot.positionAt(base + offset, encoding);
    return `{"line":${line},"character":${character}}`;
  };
  const range = ({ start, end }: Span): string => `{"start":${position(start)},"end":${position(end)}}`;
  const name = JSON.stringify(oneLine(definition.name));
  const detail = JSON.stringify(detailOf(definition));
  const children = definition.children.map(child => jsonOf(snapshot, encoding, child, base)).join();
  return `{"name":${name},"detail":${detail},"kind":${symbolKind(definition)},"range":${range(definition.span)},"selectionRange":${range(definition.nameSpan)},"children":[${children}]}`;
}

/** The outline as it is sent: the JSON of each form's symbols, with a comma between. */
export class Outline extends OwnJson {
  readonly weight = Infinity;

  constructor(private readonly forms: readonly string[]) {
    super();
  }

  *pieces(): Generator<string, void, void> {
    yield '[';
    for (const [i, form] of this.forms.entries()) yield i === 0 ? form : `,${form}`;
    yield ']';
  }

  /** What it says, for who wants it in another shape. */
  *symbols(): Generator<void, OutlineSymbol[]> {
    const out: OutlineSymbol[] = [];
    for (const form of this.forms) {
      out.push(...(JSON.parse(`[${form}]`) as OutlineSymbol[]));
      yield;
    }
    return out;
  }

  override toJSON(): OutlineSymbol[] {
    return finish(this.symbols());
  }
}

/** The JSON of a form's symbols where the form begins at a place. */
interface Written {
  readonly encoding: PositionEncoding;
  line: number;
  readonly character: number;
  json: string;
}

/** Kept for as long as the text of a form stays, wherever it moves. */
const written = new WeakMap<ChunkForm, Written>();

/** So many known forms are gathered without others getting a turn. */
const FEW = 64;

/** The outline of a version: what an edit left alone is known from before. Yields now and then, so that others can run in between. */
export function* outlineSteps(snapshot: Snapshot, encoding: PositionEncoding): Generator<void, Outline> {
  const out: string[] = [];
  const row = formRowOf(snapshot);
  const active = row?.active() ?? [];
  for (let i = 0, n = 0; row && i < row.keys.length; i++) {
    for (const form of row.count(i) === 0 ? [] : row.read(i)) {
      if (active[n++] !== 1 || form.definitions.length === 0) continue;
      const json = formJson(snapshot, encoding, form, row.starts[i]!);
      if (json !== '') out.push(json);
      yield;
    }
    if (i % FEW === 0) yield;
  }
  return new Outline(out);
}

function formJson(snapshot: Snapshot, encoding: PositionEncoding, form: ChunkForm, base: number): string {
  const { line, character } = snapshot.positionAt(base + form.span.start, encoding);
  const known = written.get(form);
  if (known?.encoding === encoding && known.character === character) {
    if (known.line !== line) {
      const down = line - known.line;
      // the key of a member: inside a string its quotes would be escaped
      known.json = known.json.replace(/(?<="line":)\d+/g, at => String(Number(at) + down));
      known.line = line;
    }
    return known.json;
  }
  const json = form.definitions
    .filter(isShown)
    .map(definition => jsonOf(snapshot, encoding, definition, base))
    .join();
  // makes the parts that it was put together from one: they would be kept, and take far more memory
  void json.charCodeAt(0);
  written.set(form, { encoding, line, character, json });
  return json;
}

/** LSP's SymbolInformation. */
export interface FlatSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  readonly containerName?: string;
  readonly location: { readonly uri: string; readonly range: Range };
}

/** The outline for clients that show no hierarchy: every symbol behind the one that holds it. */
export function flatSymbols(
  uri: string,
  outline: readonly OutlineSymbol[],
  containerName?: string,
): FlatSymbol[] {
  return outline.flatMap(({ name, kind, range, children }) => [
    { name, kind, ...(containerName !== undefined && { containerName }), location: { uri, range } },
    ...flatSymbols(uri, children, name),
  ]);
}

/** LSP wants a name that is neither empty nor of several lines. */
const oneLine = (text: string): string => shownName(text.replace(/\s+/g, ' ').trim()) || '""';

function detailOf({ operator, kind, qualifiers, specializers, lambdaList }: SourceDefinition): string {
  if (operator === 'slot') return '';
  const parts = [operator];
  if (kind === 'method') parts.push(...(qualifiers ?? []), `(${(specializers ?? []).join(' ')})`);
  else if (lambdaList !== undefined) parts.push(lambdaList === 'nil' ? '()' : lambdaList);
  return oneLine(parts.join(' '));
}
