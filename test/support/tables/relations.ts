/** How the tables ask for declarations, types, implementations and hierarchies. */
import type { Location, Range } from '../lspTypes.ts';
import { locationLine, rangeText, type Feature, type Question } from './features.ts';

interface Item {
  readonly name: string;
  readonly uri: string;
  readonly range: Range;
  readonly selectionRange: Range;
}

const locations =
  (method: string): Feature =>
  async question => {
    const answer = (await question.editor.request(method, question.place)) as Location[] | null;
    return (answer ?? []).map(each => locationLine(question, each));
  };

const prepare = async ({ editor, place }: Question, kind: string): Promise<Item[]> =>
  ((await editor.request(`textDocument/prepare${kind}Hierarchy`, place)) as Item[] | null) ?? [];

const itemLine = (question: Question, { name, uri, selectionRange }: Item): string =>
  `${name} | ${locationLine(question, { uri, range: selectionRange })}`;

/** "name | file place text", and for calls the places of the calls; of the first item that stands there. */
const follow =
  (kind: 'Call' | 'Type', method: string, end?: 'from' | 'to'): Feature =>
  async question => {
    const [item] = await prepare(question, kind);
    if (!item) return [];
    const answer = (await question.editor.request(method, { item })) as object[];
    return answer.map(each => {
      if (!end) return itemLine(question, each as Item);
      const call = each as { from: Item; to: Item; fromRanges: Range[] };
      return `${itemLine(question, call[end])} | ${call.fromRanges.map(rangeText).join(' ')}`;
    });
  };

export const relationFeatures = {
  declaration: locations('textDocument/declaration'),
  typeDefinition: locations('textDocument/typeDefinition'),
  implementation: locations('textDocument/implementation'),
  callItems: async question => (await prepare(question, 'Call')).map(each => itemLine(question, each)),
  typeItems: async question => (await prepare(question, 'Type')).map(each => itemLine(question, each)),
  incoming: follow('Call', 'callHierarchy/incomingCalls', 'from'),
  outgoing: follow('Call', 'callHierarchy/outgoingCalls', 'to'),
  supertypes: follow('Type', 'typeHierarchy/supertypes'),
  subtypes: follow('Type', 'typeHierarchy/subtypes'),
} satisfies Record<string, Feature>;
