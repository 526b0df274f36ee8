/** How the tables ask for the places of a name, and for other names. */
import { RpcError } from '../jsonRpc.ts';
import type { Range, TextEdit } from '../lspTypes.ts';
import { applied, locationLine, rangeText, stretch, type Feature, type Question } from './features.ts';

const kinds = ['', 'text', 'read', 'write'];

/** "2:4-2:7 foo read". */
const documentHighlight: Feature = async ({ editor, place, document, textOf }) => {
  const answer = (await editor.request('textDocument/documentHighlight', place)) as
    { range: Range; kind: number }[] | null;
  return (answer ?? []).map(
    ({ range, kind }) => `${rangeText(range)} ${stretch(textOf(document.uri)!, range)} ${kinds[kind]}`,
  );
};

/** "2:4-2:7" each. */
const linkedEditing: Feature = async ({ editor, place }) => {
  const answer = (await editor.request('textDocument/linkedEditingRange', place)) as {
    ranges: Range[];
  } | null;
  return (answer?.ranges ?? []).map(rangeText);
};

const orRefusal = async (work: () => Promise<readonly string[]>): Promise<readonly string[]> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RpcError) return [`refused: ${error.message}`];
    throw error;
  }
};

/** "2:4-2:7 foo": the range and the placeholder. */
const prepareRename: Feature = ({ editor, place }) =>
  orRefusal(async () => {
    const answer = (await editor.request('textDocument/prepareRename', place)) as {
      range: Range;
      placeholder: string;
    } | null;
    return answer ? [`${rangeText(answer.range)} ${answer.placeholder}`] : [];
  });

/** The buffer's lines afterwards; of other files "name: line" for each changed line. The argument is the new name. */
const rename: Feature = question => {
  const { editor, place, argument, document, textOf } = question;
  return orRefusal(async () => {
    const edit = (await editor.request('textDocument/rename', { ...place, newName: argument })) as {
      documentChanges: { textDocument: { uri: string; version: number | null }; edits: TextEdit[] }[];
    };
    for (const { textDocument } of edit.documentChanges)
      if (textDocument.uri === document.uri && textDocument.version === null)
        throw new Error('an edit of an open buffer is for no version');
    const own: string[] = [];
    const others: string[] = [];
    for (const { textDocument, edits } of edit.documentChanges) {
      const before = textOf(textDocument.uri);
      if (before === undefined) throw new Error(`${textDocument.uri} is no file of the table`);
      const after = applied(before, edits).split(/\r?\n/);
      if (textDocument.uri === document.uri) own.push(...after);
      else
        for (const [i, line] of before.split(/\r?\n/).entries())
          if (line !== after[i]) others.push(`${nameOf(question, textDocument.uri)}: ${after[i]}`);
    }
    while (own.at(-1) === '') own.pop();
    return [...own, ...others];
  });
};

const nameOf = (question: Question, uri: string): string =>
  locationLine(question, {
    uri,
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
  }).split(' ', 1)[0]!;

export const nameFeatures = {
  highlight: documentHighlight,
  linkedEditing,
  prepareRename,
  rename,
} satisfies Record<string, Feature>;
