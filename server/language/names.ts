/** One name, all its places: highlights, renaming, editing in step. */
import type { CancellationToken } from 'vscode-languageserver/node';
import { HotlispError } from '../errors.ts';
import { documentEdit, takesVersions } from '../features/documentEdit.ts';
import { highlightSteps } from '../features/highlight.ts';
import { ownDefinitions } from '../features/own.ts';
import { linkedRanges, prepareGlobal, prepareLocal, renameLocal } from '../features/rename.ts';
import { symbolAt } from '../source/scope.ts';
import type { Snapshot } from '../source/types.ts';
import { maxFileSize } from '../workspace/files.ts';
import type { RenamePlan } from '../workspace/types.ts';
import { inSlices } from '../source/slices.ts';
import type { Bench, FeatureSet } from './bench.ts';
import { initialPackage } from './knowledge.ts';

export const names: FeatureSet = {
  capabilities: {
    documentHighlightProvider: true,
    renameProvider: { prepareProvider: true },
    linkedEditingRangeProvider: true,
  },
  listen(bench) {
    const { connection, encoding, answer, documents } = bench.parts;
    connection.onDocumentHighlight(
      bench.syntactic(async (snapshot, { position }) =>
        inSlices(highlightSteps(snapshot, await bench.offsetIn(snapshot, position), encoding())),
      ),
    );
    connection.languages.onLinkedEditingRange(
      bench.syntactic(async (snapshot, { position }) =>
        linkedRanges(snapshot, await bench.offsetIn(snapshot, position), encoding()),
      ),
    );
    connection.onPrepareRename(({ textDocument: { uri }, position }, token) =>
      answer(async () => {
        const snapshot = documents.get(uri);
        if (!snapshot) return null;
        const offset = await bench.offsetIn(snapshot, position);
        const symbol = symbolAt(snapshot, offset);
        const global = () => bench.ask('rename', { uri, position }, token);
        if (symbol?.binding && !(await isSpecial(bench, snapshot, offset, token)))
          return prepareLocal(snapshot, symbol, encoding());
        const plan = await global();
        if ('refused' in plan) {
          if (plan.nothing === true) return null;
          throw refusal(plan.refused);
        }
        return prepareGlobal(snapshot, offset, encoding());
      }),
    );
    connection.onRenameRequest(({ textDocument: { uri }, position, newName }, token) =>
      answer(async () => {
        const snapshot = await documents.snapshot(uri);
        const offset = await bench.offsetIn(snapshot, position);
        const binding = symbolAt(snapshot, offset)?.binding;
        if (binding && !(await isSpecial(bench, snapshot, offset, token))) {
          const read = (text: string) => bench.parts.source.snapshot(uri, 0, text);
          const edits = await inSlices(renameLocal(snapshot, binding, newName, encoding(), read));
          return documentEdit(
            [{ uri, version: snapshot.version, edits }],
            takesVersions(bench.parts.capabilities()),
          );
        }
        const versions = new Map(documents.all.map(({ uri: open, version }) => [open, version]));
        const plan: RenamePlan = await bench.ask('rename', { uri, position, newName }, token);
        if ('refused' in plan) {
          const isLeftOut = plan.nothing === true && snapshot.length > maxFileSize;
          throw refusal(
            isLeftOut
              ? `The buffer has ${snapshot.length} characters, and the index leaves out what is longer than ${maxFileSize}. Local variables can be renamed there, and names elsewhere.`
              : plan.refused,
          );
        }
        for (const { uri: file } of plan.files)
          if (documents.get(file)?.version !== versions.get(file))
            throw new HotlispError('stale', 'The buffers were edited meanwhile. Rename again.');
        const files = plan.files.map(file => ({ ...file, version: versions.get(file.uri) ?? null }));
        return documentEdit(files, takesVersions(bench.parts.capabilities()));
      }),
    );
  },
};

const refusal = (reason: string) => new HotlispError('invalid-arguments', `Not renamed: ${reason}`);

/** Whether a variable that seems local is one that DEFVAR made special, which cannot be seen from its form. */
export async function isSpecial(
  bench: Bench,
  snapshot: Snapshot,
  offset: number,
  token: CancellationToken,
): Promise<boolean> {
  const found = symbolAt(snapshot, offset);
  if (found?.namespace !== 'variable') return false;
  const { name, package: prefix } = found.symbol;
  const inEffect = snapshot.packageAt(found.span.start) ?? null;
  const own = await ownDefinitions(
    snapshot,
    prefix ?? inEffect ?? initialPackage,
    initialPackage,
    each => each === name,
  );
  if (own.some(({ definition }) => isVariable(definition))) return true;
  const at = { name, package: inEffect, ...(prefix !== undefined && { prefix }) };
  const hits = await bench.ask('named', { ...at, limit: 50 }, token);
  return hits.some(({ uri, definition }) => uri !== snapshot.uri && isVariable(definition));
}

const isVariable = ({ kind }: { kind: string }) => kind === 'variable' || kind === 'constant';
