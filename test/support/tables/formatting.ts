/** How formatting is asked in a table; answers read as the lines of the whole buffer afterwards. */
import type { TextEdit } from '../lspTypes.ts';
import { applied, type Feature, type Question } from './features.ts';

const options = { tabSize: 8, insertSpaces: true };

/** White space that would not be seen is: `·` for a space at the end of a line, `␍`, and `⏎` for a last line that is empty. */
const lines = ({ document }: Question, edits: readonly TextEdit[] | null): string[] => {
  const out = applied(document.text, edits ?? [])
    .split('\n')
    .map(line => line.replace('\r', '␍').replace(/ +(?=␍?$)/, blanks => '·'.repeat(blanks.length)));
  return out.at(-1) === '' ? [...out.slice(0, -1), '⏎'] : out;
};

/** The argument: more formatting options, as JSON. */
const format: Feature = async question => {
  const { editor, document, argument } = question;
  const edits = (await editor.request('textDocument/formatting', {
    textDocument: { uri: document.uri },
    options: { ...options, ...(argument === '' ? {} : (JSON.parse(argument) as object)) },
  })) as TextEdit[] | null;
  return lines(question, edits);
};

/** The argument: how many lines, from the mark on. */
const formatRange: Feature = async question => {
  const { editor, document, argument, position } = question;
  const edits = (await editor.request('textDocument/rangeFormatting', {
    textDocument: { uri: document.uri },
    range: { start: position, end: { line: position.line + Number(argument || 1), character: 0 } },
    options,
  })) as TextEdit[] | null;
  return lines(question, edits);
};

/** The mark: where the cursor is after a new line was typed. */
const newline: Feature = async question => {
  const { editor, place } = question;
  const edits = (await editor.request('textDocument/onTypeFormatting', { ...place, ch: '\n', options })) as
    TextEdit[] | null;
  return lines(question, edits);
};

export const formattingFeatures: Readonly<Record<string, Feature>> = {
  format,
  'format-range': formatRange,
  newline,
};
