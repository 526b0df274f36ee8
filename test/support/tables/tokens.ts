/** How the tables ask for semantic tokens. */
import { stretch, type Feature, type Question } from './features.ts';

interface Legend {
  readonly tokenTypes: readonly string[];
  readonly tokenModifiers: readonly string[];
}

/** "2:4 name type modifier…" each. */
export function tokenLines(text: string, data: readonly number[], legend: Legend): string[] {
  const out: string[] = [];
  let line = 0;
  let character = 0;
  for (let i = 0; i < data.length; i += 5) {
    const [down, right, length, type, bits] = data.slice(i, i + 5) as [
      number,
      number,
      number,
      number,
      number,
    ];
    character = down === 0 ? character + right : right;
    line += down;
    const range = { start: { line, character }, end: { line, character: character + length } };
    const modifiers = legend.tokenModifiers.filter((_, bit) => (bits & (1 << bit)) !== 0);
    out.push([`${line}:${character}`, stretch(text, range), legend.tokenTypes[type], ...modifiers].join(' '));
  }
  return out;
}

const legendOf = ({ editor }: Question): Legend =>
  (editor.capabilities['semanticTokensProvider'] as { legend: Legend }).legend;

const full: Feature = async question => {
  const { editor, document, textOf, place } = question;
  const { data } = (await editor.request('textDocument/semanticTokens/full', {
    textDocument: place.textDocument,
  })) as { data: number[] };
  return tokenLines(textOf(document.uri)!, data, legendOf(question));
};

/** The line of the cursor alone. */
const ofLine: Feature = async question => {
  const { editor, document, textOf, place } = question;
  const { line } = place.position;
  const range = { start: { line, character: 0 }, end: { line: line + 1, character: 0 } };
  const { data } = (await editor.request('textDocument/semanticTokens/range', {
    textDocument: place.textDocument,
    range,
  })) as { data: number[] };
  return tokenLines(textOf(document.uri)!, data, legendOf(question));
};

export const tokenFeatures = { tokens: full, lineTokens: ofLine } satisfies Record<string, Feature>;
