/** How code actions are asked for in a table. The selection goes from the mark to `②`, where the buffer has that, else it is the cursor. */
import type { Range, TextEdit as PlainEdit } from '../lspTypes.ts';
import { applied, type Feature, type Question } from './features.ts';

type TextEdit = PlainEdit & { readonly snippet?: { readonly value: string } };

interface Action {
  readonly title: string;
  readonly kind?: string;
  readonly data?: unknown;
  readonly edit?: {
    readonly changes?: Readonly<Record<string, readonly TextEdit[]>>;
    readonly documentChanges?: readonly {
      readonly textDocument: { readonly uri: string; readonly version: number | null };
      readonly edits: readonly TextEdit[];
    }[];
  };
}

const written = /^(?:quickfix$|refactor)/;

async function offered(question: Question, only?: readonly string[]): Promise<Action[]> {
  const { editor, document, position, marks } = question;
  const end = marks.get('②');
  const range: Range = { start: position, end: end === undefined ? position : document.positionAt(end) };
  const answer = (await editor.request('textDocument/codeAction', {
    textDocument: { uri: document.uri },
    range,
    context: { diagnostics: [], ...(only && { only }) },
  })) as Action[] | null;
  return (answer ?? []).filter(({ kind }) => kind !== undefined && written.test(kind));
}

/** The titles of the actions that write code, in order. The argument: a kind that is asked for. */
const actions: Feature = async question =>
  (await offered(question, question.argument === '' ? undefined : [question.argument])).map(
    ({ title }) => title,
  );

/** The buffer after the action with that title, or, behind `=> NAME`, another file after it. */
const action: Feature = async question => {
  const { editor, document, argument, textOf } = question;
  const [, title, file] = /^(.*?)(?: => (\S+))?$/.exec(argument)!;
  const all = [...(await offered(question)), ...(await offered(question, ['refactor']))];
  const found = all.find(each => each.title === title);
  if (!found) return [`no such action; there are: ${all.map(each => each.title).join(', ')}`];
  const { edit } = found.edit ? found : ((await editor.request('codeAction/resolve', found)) as Action);
  const uri = file === undefined ? document.uri : `${editor.rootUri}/${file}`;
  const edits =
    edit?.changes?.[uri] ??
    edit?.documentChanges?.filter(each => each.textDocument.uri === uri).flatMap(each => each.edits) ??
    [];
  if (edits.length === 0) return ['no edit of the file'];
  return applied(
    textOf(uri) ?? '',
    edits.map(each => ({ range: each.range, newText: each.snippet?.value ?? each.newText })),
  )
    .replace(/\n$/, '')
    .split('\n')
    .map(line => line.replace('\r', '␍'));
};

export const actionFeatures: Readonly<Record<string, Feature>> = { actions, action };
