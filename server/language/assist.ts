/** Help while code is written: completion, hover, signatures. Nothing of a buffer is evaluated, and no image is connected for it. */
import type { CompletionItem } from 'vscode-languageserver/node';
import { placeAt } from '../features/place.ts';
import { signatureHelp } from '../features/signature.ts';
import type { Bench, FeatureSet } from './bench.ts';
import { callAt } from './call.ts';
import { complete, type ItemData } from './completion.ts';
import { documentationFor, hover } from './hover.ts';
import { Knowledge } from './knowledge.ts';

/** Characters of names that editors do not take for letters, and those that begin a name of another kind. */
const triggerCharacters = [...':*+-&%/!?<>=$~^#"'];

export const assist: FeatureSet = {
  capabilities: {
    completionProvider: { triggerCharacters, resolveProvider: true },
    hoverProvider: true,
    signatureHelpProvider: { triggerCharacters: ['(', ' '], retriggerCharacters: [')'] },
  },
  listen(bench: Bench) {
    const { connection, answer, capabilities, documents } = bench.parts;
    const knowledge = new Knowledge(bench);
    connection.onCompletion((params, token) =>
      answer(async () => (await complete(bench, knowledge, params, token)) as never),
    );
    connection.onCompletionResolve((item, token) =>
      answer(async (): Promise<CompletionItem> => {
        const data = itemData(item.data);
        const snapshot = data && documents.get(data.uri);
        if (!snapshot) return item;
        const formats = capabilities().textDocument?.completion?.completionItem?.documentationFormat ?? [];
        const markdown = formats[0] === 'markdown';
        const asked = { snapshot, name: data.name, package: data.package, markdown };
        const value = await documentationFor(bench, knowledge, asked, token);
        if (value === '') return item;
        return { ...item, documentation: { kind: markdown ? 'markdown' : 'plaintext', value } };
      }),
    );
    connection.onHover((params, token) =>
      answer(async () => (await hover(bench, knowledge, params, token)) as never),
    );
    connection.onSignatureHelp(({ textDocument: { uri }, position }, token) =>
      answer(async () => {
        const snapshot = documents.get(uri);
        if (!snapshot) return null;
        const place = placeAt(snapshot, await bench.offsetIn(snapshot, position, 'forms'));
        if (place.inside === 'comment') return null;
        const call = await callAt(bench, knowledge, place, token);
        if (!call) return null;
        const { signatureInformation } = capabilities().textDocument?.signatureHelp ?? {};
        return signatureHelp(call.name.toLowerCase(), call.operators, {
          labelOffsets: signatureInformation?.parameterInformation?.labelOffsetSupport === true,
          perSignature: signatureInformation?.activeParameterSupport === true,
          markdown: signatureInformation?.documentationFormat?.[0] === 'markdown',
        }) as never;
      }),
    );
  },
};

/** What an item of ours carries; undefined for any other. */
function itemData(data: unknown): ItemData | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { uri, name, package: packageName } = data as Partial<ItemData>;
  return typeof uri === 'string' &&
    typeof name === 'string' &&
    (packageName === null || typeof packageName === 'string')
    ? { uri, name, package: packageName }
    : undefined;
}
