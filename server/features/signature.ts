/** Signatures for people: an operator's lambda list, with the parameter that the cursor is at. */
import { masked, shownText } from '../display.ts';
import { quoted } from './hover.ts';
import type { LambdaList, Parameter } from './lambdaList.ts';

export interface SignatureSource {
  readonly label: string;
  readonly lambdaList?: string;
  readonly documentation?: string;
  readonly whole: LambdaList | undefined;
  readonly active: Parameter | undefined;
}

export interface SignatureOptions {
  /** What the client declared. */
  readonly labelOffsets: boolean;
  readonly perSignature: boolean;
  readonly markdown: boolean;
}

/** More are told of nobody. */
const mostSignatures = 20;
const mostDocumentation = 1000;

/** LSP's SignatureHelp; null where there is no lambda list to show. */
export function signatureHelp(
  name: string,
  sources: readonly SignatureSource[],
  { labelOffsets, perSignature, markdown }: SignatureOptions,
): object | null {
  const shown = sources.filter(({ lambdaList }) => lambdaList !== undefined).slice(0, mostSignatures);
  if (shown.length === 0) return null;
  const signatures = shown.map(({ lambdaList, label: what, documentation, whole, active }) => {
    const inner = lambdaList!.trim().replace(/^\(\s*|\s*\)$/g, '');
    const isList = lambdaList!.trim().startsWith('(');
    const label = masked(inner === '' || !isList ? `(${name})` : `(${name} ${inner})`);
    const shift = name.length + 2 - (lambdaList!.length - lambdaList!.replace(/^\s*\(\s*/, '').length);
    const all = whole ? flattened(whole) : [];
    const number = active ? all.indexOf(active) : -1;
    const parameters = all.map(({ span: { start, end } }) => {
      const offsets: [number, number] = [start + shift, end + shift];
      return { label: labelOffsets ? offsets : distinct(label, ...offsets) };
    });
    const told = documentation && cut(shownText(documentation));
    const text = [what, told && markdown ? quoted(told) : told].filter(Boolean).join('\n\n');
    return {
      label,
      documentation: markdown ? { kind: 'markdown', value: text } : text,
      // without an active one no client may mark the first
      parameters: number < 0 ? [] : parameters,
      number,
      ...(perSignature && number >= 0 && { activeParameter: number }),
    };
  });
  const activeSignature = Math.max(
    0,
    signatures.findIndex(({ number }) => number >= 0),
  );
  return {
    signatures: signatures.map(({ number: _, ...signature }) => signature),
    activeSignature,
    activeParameter: Math.max(0, signatures[activeSignature]!.number),
  };
}

/** The part of a label, with as much before and behind it as it takes for it to be found there first. */
function distinct(label: string, start: number, end: number): string {
  for (let more = 0; more <= label.length; more++)
    for (const [from, to] of [
      [start - more, end],
      [start, end + more],
    ] as const) {
      const part = label.slice(Math.max(0, from), to);
      if (label.indexOf(part) === Math.max(0, from)) return part;
    }
  return label.slice(start, end);
}

const flattened = ({ parameters }: LambdaList): Parameter[] =>
  parameters.flatMap(each => [each, ...(each.nested ? flattened(each.nested) : [])]);

const cut = (text: string): string =>
  text.length > mostDocumentation ? `${text.slice(0, mostDocumentation)}…` : text;
