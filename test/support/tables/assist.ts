/**
 * Completion, hover and signatures in tables.
 *
 *     --- completion [N]         labels, in order; at most N of them
 *     --- completion-items [N]   labels with what stands beside them: kind, detail or label details
 *     --- complete LABEL         the buffer after the item was accepted, the cursor's place unmarked
 *     --- resolve LABEL          the documentation of the item once it is resolved
 *     --- hover                  the text; its range as the last line, when it has one
 *     --- signature              each signature, its active parameter in «»; the active one after "> "
 */
import path from 'node:path';
import type { Range, TextEdit } from '../lspTypes.ts';
import { applied, rangeText, type Feature, type Question } from './features.ts';

export interface Item {
  readonly label: string;
  readonly kind?: number;
  readonly detail?: string;
  readonly labelDetails?: { readonly detail?: string; readonly description?: string };
  readonly sortText?: string;
  readonly documentation?: string | { readonly value: string };
  readonly textEdit?: { readonly newText: string; readonly range?: Range; readonly replace?: Range };
}

async function itemsOf({ editor, place }: Question): Promise<Item[]> {
  const answer = (await editor.request('textDocument/completion', {
    ...place,
    context: { triggerKind: 1 },
  })) as { items: Item[] } | Item[] | null;
  const items = Array.isArray(answer) ? answer : (answer?.items ?? []);
  return [...items].sort((a, b) => ((a.sortText ?? a.label) < (b.sortText ?? b.label) ? -1 : 1));
}

async function itemNamed(question: Question): Promise<Item> {
  const items = await itemsOf(question);
  const found = items.find(({ label }) => label === question.argument);
  if (!found)
    throw new Error(`no item ${question.argument}; there are ${items.map(({ label }) => label).join(', ')}`);
  return found;
}

const most = ({ argument }: Question) => (argument === '' ? undefined : Number(argument));

const kinds: Readonly<Record<number, string>> = {
  1: 'Text',
  2: 'Method',
  3: 'Function',
  5: 'Field',
  6: 'Variable',
  7: 'Class',
  9: 'Module',
  10: 'Property',
  14: 'Keyword',
  15: 'Snippet',
  20: 'EnumMember',
  21: 'Constant',
  22: 'Struct',
  23: 'Event',
  24: 'Operator',
  25: 'TypeParameter',
};

const contentsText = (contents: unknown): string =>
  typeof contents === 'string' ? contents : ((contents as { value?: string }).value ?? '');

interface Signature {
  readonly label: string;
  readonly parameters?: readonly { readonly label: string | readonly [number, number] }[];
  readonly activeParameter?: number;
}

export const assistFeatures: Readonly<Record<string, Feature>> = {
  completion: async question => (await itemsOf(question)).map(({ label }) => label).slice(0, most(question)),
  'completion-items': async question =>
    (await itemsOf(question))
      .slice(0, most(question))
      .map(({ label, kind, detail, labelDetails }) =>
        [label + (labelDetails?.detail ?? ''), kinds[kind ?? 0], detail ?? labelDetails?.description]
          .filter(Boolean)
          .join(' | '),
      ),
  complete: async question => {
    const { textEdit } = await itemNamed(question);
    const range = textEdit?.range ?? textEdit?.replace;
    if (!textEdit || !range) throw new Error('the item has no edit');
    const edit: TextEdit = { range, newText: textEdit.newText };
    return applied(question.document.text, [edit]).split(/\r?\n/);
  },
  resolve: async question => {
    const item = await itemNamed(question);
    const { documentation } = (await question.editor.request('completionItem/resolve', item)) as Item;
    return documentation === undefined ? [] : contentsText(documentation).split('\n');
  },
  hover: async ({ editor, place, document }) => {
    const answer = (await editor.request('textDocument/hover', place)) as {
      contents: unknown;
      range?: Range;
    } | null;
    if (!answer) return [];
    return [
      // the file of the buffer has another name in each case
      ...contentsText(answer.contents)
        .replaceAll(document.uri, 'file:///buffer')
        .replaceAll(path.basename(document.uri), 'buffer')
        .split('\n'),
      ...(answer.range ? [`[${rangeText(answer.range)}]`] : []),
    ];
  },
  signature: async ({ editor, place }) => {
    const answer = (await editor.request('textDocument/signatureHelp', place)) as {
      signatures: readonly Signature[];
      activeSignature?: number;
      activeParameter?: number;
    } | null;
    return (answer?.signatures ?? []).map((signature, i) => {
      const { label, parameters } = signature;
      const number = signature.activeParameter ?? answer?.activeParameter;
      const parameter = number === undefined ? undefined : parameters?.[number];
      const mark = i === (answer?.activeSignature ?? 0) ? '> ' : '';
      if (!parameter) return mark + label;
      const [start, end] =
        typeof parameter.label === 'string'
          ? [label.indexOf(parameter.label), label.indexOf(parameter.label) + parameter.label.length]
          : parameter.label;
      return `${mark}${label.slice(0, start)}«${label.slice(start, end)}»${label.slice(end)}`;
    });
  },
};
