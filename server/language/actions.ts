/** Code actions: what each source has to offer at a place, one after the other. */
import type { CodeAction } from 'vscode-languageserver/node';
import { actionKinds, answers, codeActions, declaringForms, isWanted } from '../features/codeAction.ts';
import { inSlices } from '../source/slices.ts';
import type { Drifts } from '../drift/drifts.ts';
import type { OldThreads } from '../oldThreads.ts';
import { takesVersions } from '../features/documentEdit.ts';
import { driftActions, type DriftAction } from '../features/drift.ts';
import { migrationActions } from '../features/migrationActions.ts';
import { lookActions, pageActions } from '../features/lookActions.ts';
import { quickFixKind, quickFixes } from '../features/quickFix.ts';
import type { PageAction } from '../operations/page.ts';
import type { Range, Snapshot } from '../source/types.ts';
import { systemsAbove } from '../workspaceSystems.ts';
import type { Bench, FeatureSet } from './bench.ts';
import { lensTwins } from './lensTwins.ts';
import { refactoringKinds, refactorings, resolveRefactoring } from './refactorings.ts';
import { suitedActions } from './suited.ts';

export interface ActionPlace {
  /** Undefined where the buffer is not open. */
  readonly snapshot: Snapshot | undefined;
  readonly uri: string;
  readonly range: Range;
  /** UTF-16 offset of the range's start, and of its end. */
  readonly start: number;
  readonly end: number;
  /** Kinds the editor asked for; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** The client takes versioned edits (workspace.workspaceEdit.documentChanges). */
  readonly documentChanges: boolean;
}

/** What is asked besides the place. */
export interface ActionContext {
  readonly folders: () => readonly string[];
  /** Requests that wait for an answer by code action. */
  readonly answerable: () => readonly number[];
  readonly drifts: Drifts;
  readonly oldThreads: OldThreads;
  /** What can be done at a line of a document that the server wrote; undefined for others. */
  readonly pageActions: (uri: string, line: number) => readonly PageAction[] | undefined;
  /** Names of the functions that are traced. */
  readonly traced: () => readonly string[];
}

/** Offers actions at a place; never rejects for want of an image or an index. */
export type ActionSource = (
  place: ActionPlace,
  bench: Bench,
  context: ActionContext,
) => readonly object[] | Promise<readonly object[]>;

const fixes: ActionSource = ({ snapshot, start, end, only, documentChanges }, bench) =>
  snapshot && isWanted(quickFixKind, only)
    ? quickFixes({ snapshot, start, end, encoding: bench.parts.encoding(), documentChanges })
    : [];

const waiting: ActionSource = ({ only }, _bench, { answerable }) =>
  answerable()
    .flatMap(answers)
    .filter(({ kind }) => isWanted(kind, only));

const commands: ActionSource = async (place, bench, { folders }) => {
  // whoever asks for them below has them at once
  if (place.snapshot) await inSlices(declaringForms(place.snapshot));
  return codeActions({
    ...place,
    encoding: bench.parts.encoding(),
    systems: place.snapshot?.uri.startsWith('file:')
      ? systemsAbove(folders(), bench.parts.documents.fileOf(place.snapshot.uri))
      : [],
  });
};

const drift: ActionSource = async (place, bench, { drifts, answerable }) => {
  const { snapshot, start, end, range, only, documentChanges } = place;
  if (!snapshot) return [];
  await drifts.prepare(snapshot.uri);
  const known = drifts.of(snapshot);
  const encoding = bench.parts.encoding();
  const mending = driftActions({ snapshot, drifts: known, start, end, encoding, documentChanges });
  return [
    ...(answerable().length > 0 ? mending.map(unpreferred) : mending),
    ...migrationActions(snapshot, start, range.start, known),
  ].filter(({ kind }) => isWanted(kind, only));
};

/** As one of several: nothing is to come before the answer to a question that waits for one. */
const unpreferred = ({ title, kind, command, edit }: DriftAction): DriftAction => ({
  title,
  kind,
  ...(command && { command }),
  ...(edit && { edit }),
});

const looks: ActionSource = ({ snapshot, range, start, only }, _bench, { traced }) =>
  snapshot
    ? lookActions({ snapshot, offset: start, position: range.start, traced: traced() }).filter(({ kind }) =>
        isWanted(kind, only),
      )
    : [];

const ofPage: ActionSource = ({ uri, range, only }, _bench, { pageActions: at }) =>
  pageActions(at(uri, range.start.line) ?? []).filter(({ kind }) => isWanted(kind, only));

/** In the order in which their actions are shown. */
const sources: readonly ActionSource[] = [waiting, fixes, drift, commands, looks, lensTwins, refactorings];
/** Of a document that the server wrote, which is no code of anybody's. */
const sourcesOfPages: readonly ActionSource[] = [waiting, ofPage];

export const actions = (context: ActionContext): FeatureSet => ({
  capabilities: {
    codeActionProvider: {
      codeActionKinds: [quickFixKind, ...actionKinds, ...refactoringKinds],
      resolveProvider: true,
    },
  },
  listen(bench) {
    bench.parts.connection.onCodeActionResolve(action =>
      bench.parts.answer(() => resolveRefactoring(action, bench)),
    );
    const { connection, documents, encoding, answer } = bench.parts;
    connection.onCodeAction(({ textDocument: { uri }, range, context: { only } }) =>
      answer(async () => {
        const snapshot = documents.get(uri);
        if (snapshot) await bench.offsetIn(snapshot, range.start);
        const offset = (position: typeof range.start) => snapshot?.offsetAt(position, encoding()) ?? 0;
        const place: ActionPlace = {
          snapshot,
          uri,
          range,
          start: offset(range.start),
          end: offset(range.end),
          only,
          documentChanges: takesVersions(bench.parts.capabilities()),
        };
        const isPage = context.pageActions(uri, range.start.line) !== undefined;
        const offered = await Promise.all(
          (isPage ? sourcesOfPages : sources).map(async source => source(place, bench, context)),
        );
        return suitedActions(onceEach(offered.flat() as CodeAction[]), bench.parts.capabilities());
      }),
    );
  },
});

/** The reload of a form is of several kinds: an editor that asked for all of them is offered it once, as the first. */
function onceEach(actions: readonly CodeAction[]): CodeAction[] {
  const titles = new Set<string>();
  return actions.filter(({ title }) => !titles.has(title) && titles.add(title));
}
