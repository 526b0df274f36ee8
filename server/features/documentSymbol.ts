/** The outline of a buffer: every definition that the image would read. */
import { shownName } from '../display.ts';
import { finish } from '../source/slices.ts';
import type { DefinitionKind, PositionEncoding, Range, Snapshot, SourceDefinition } from '../source/types.ts';

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
export function documentSymbols(snapshot: Snapshot, encoding: PositionEncoding): OutlineSymbol[] {
  return finish(documentSymbolSteps(snapshot, encoding));
}

/** The same bit by bit, so that others can run in between. */
export function* documentSymbolSteps(
  snapshot: Snapshot,
  encoding: PositionEncoding,
): Generator<void, OutlineSymbol[]> {
  const symbol = (definition: SourceDefinition): OutlineSymbol => ({
    name: oneLine(definition.name),
    detail: detailOf(definition),
    kind: symbolKind(definition),
    range: snapshot.rangeOf(definition.span, encoding),
    selectionRange: snapshot.rangeOf(definition.nameSpan, encoding),
    children: definition.children.map(symbol),
  });
  const out: OutlineSymbol[] = [];
  for (const form of snapshot.forms) {
    if (form.active)
      for (const definition of form.definitions)
        if (definition.kind !== 'declaration') out.push(symbol(definition));
    yield;
  }
  return out;
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
