/** Which journalled changes an image lacks, and how each of them would be done again. Looks at the image, changes nothing. */
import { existsSync } from 'node:fs';
import { oneLine } from '../display.ts';
import type { JournalDeed } from '../approval/journal.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Result } from '../image/protocol.ts';
import type { ChangePlan, PlannedForm } from '../operations/operation.ts';
import type { Desk } from './desk.ts';
import { digestOfFile } from './fileDigest.ts';
import { transactionsOf, type PastTransaction } from './past.ts';
import { formKey } from './previous.ts';
import { HAS, judgeForms, type JudgedForm } from './replayForms.ts';

/** Changes to do again, in journal order: those that consist of forms are taken together as far as they follow each other. */
export type ReplayStep =
  | { readonly type: 'forms'; readonly changes: readonly ReplayedForms[] }
  | { readonly type: 'deed'; readonly change: PastTransaction; readonly deed: JournalDeed };

type FormsStep = Extract<ReplayStep, { type: 'forms' }>;

export interface ReplayedForms {
  readonly change: PastTransaction;
  readonly forms: readonly PlannedForm[];
}

export interface Skipped {
  readonly change: PastTransaction;
  readonly reason: string;
}

export interface Replay {
  readonly steps: readonly ReplayStep[];
  /** What was asked for and cannot be done, or need not be. */
  readonly skipped: readonly Skipped[];
}

/**
 * @param wanted transactions of the journal; undefined: all that the image lacks
 * @throws HotlispError `invalid-arguments` for a transaction that the journal does not have
 */
export async function findReplay(
  desk: Desk,
  image: Image,
  wanted: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Replay> {
  const past = transactionsOf(await desk.deps.journal().read());
  const skipped: Skipped[] = [];
  const skip = (change: PastTransaction, reason: string) => skipped.push({ change, reason });
  const present = presentIn(past, image.hello.image);
  const asked = wanted && expand(past, wanted);
  const candidates = past.filter(change => {
    if (change.replayed || (asked && !asked.has(change.id))) return false;
    if (present.has(change.id)) {
      if (asked) skip(change, 'The image has it: it was made there, or replayed.');
      return false;
    }
    if (change.state === 'undone') {
      if (asked) skip(change, 'It was rolled back.');
      return false;
    }
    if (change.state === 'unknown' && !asked) {
      skip(change, 'How it ended was never recorded. Name the transaction to replay it all the same.');
      return false;
    }
    return true;
  });
  const deeds = new Map<string, JournalDeed>();
  for (const change of candidates) {
    if (!change.deed) continue;
    const why = await whyNot(desk, image, change.deed, candidates, signal);
    if (why === undefined) deeds.set(change.id, change.deed);
    else if (why !== HAS || asked) skip(change, why);
  }
  const timeline = past.filter(change => candidates.includes(change) || present.has(change.id));
  const firstDeed = timeline.findIndex(change => deeds.has(change.id));
  const judged = await judgeForms(
    desk,
    image,
    {
      changes: timeline,
      isPresent: change => present.has(change.id),
      undone: past.filter(({ state }) => state === 'undone'),
      comesAfterDeed: change => firstDeed >= 0 && timeline.indexOf(change) > firstDeed,
      asked: asked !== undefined,
    },
    signal,
  );
  for (const { change, reason } of judged.skipped) if (reason !== HAS || asked) skip(change, reason);
  return { steps: stepsOf(candidates, judged.forms, deeds), skipped };
}

/** The changes that are in force in an image: made there, or brought there by a replay that is in force. */
function presentIn(past: readonly PastTransaction[], image: string): Set<string> {
  const here = past.filter(each => each.image === image);
  return new Set(
    here.flatMap(({ id, state, replayed }) =>
      state === 'undone' || (replayed && state !== 'applied') ? [] : (replayed ?? [id]),
    ),
  );
}

function expand(past: readonly PastTransaction[], wanted: readonly string[]): Set<string> {
  return new Set(
    wanted.flatMap((id, index) => {
      const known = past.find(each => each.id === id);
      if (!known)
        throw new HotlispError(
          'invalid-arguments',
          `The journal has no change ${oneLine(id)} that was applied. See hotlisp.history.`,
          { path: `transactions.${index}` },
        );
      return known.replayed ?? [id];
    }),
  );
}

/** Why a change that is no matter of forms cannot be done again as it was; undefined when it can. */
async function whyNot(
  desk: Desk,
  image: Image,
  deed: JournalDeed,
  candidates: readonly PastTransaction[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    switch (deed.type) {
      case 'fasl': {
        const fasl = await image.call('fasl', { path: deed.path }, { signal });
        if (fasl.mismatch !== undefined) return fasl.mismatch;
        if (!fasl.complete) return `${deed.path} is truncated.`;
        return fasl.digest === deed.digest ? undefined : `${deed.path} was written since: load it itself.`;
      }
      case 'system': {
        const other = deed.sources.find(({ file, digest }) => digestOfFile(file) !== digest);
        if (other)
          return `${other.file} is gone or says something else since: hotlisp.code_reload_system loads what ${deed.system} is today.`;
        const { loaded, files } = await systemOf(image, deed, signal);
        return loaded && files.every(each => each.loaded && !each.stale) ? HAS : undefined;
      }
      case 'removal': {
        const made = candidates.some(({ source }) => source.length > 0);
        const { definitions } = await image.call('removal', wireRemoval(deed), { signal });
        return definitions.length === 0 && !made ? HAS : undefined;
      }
    }
  } catch (error) {
    if (!(error instanceof HotlispError) || ['image-lost', 'cancelled'].includes(error.kind)) throw error;
    if (deed.type === 'removal' && error.kind === 'unknown-package') return HAS;
    return error.message;
  }
}

/** What the image knows of the system; where it knows nothing, its definition is loaded first. @throws HotlispError `unknown-system` */
export async function systemOf(
  image: Image,
  { system, force, asd }: Extract<JournalDeed, { type: 'system' }>,
  signal: AbortSignal,
): Promise<Pick<Result<'system'>, 'registered' | 'loaded' | 'files'>> {
  try {
    return await image.call('system', { name: system, force }, { signal });
  } catch (error) {
    if (
      error instanceof HotlispError &&
      error.kind === 'unknown-system' &&
      asd !== undefined &&
      existsSync(asd)
    )
      return { registered: false, loaded: false, files: [] };
    throw error;
  }
}

export const wireRemoval = (deed: Extract<JournalDeed, { type: 'removal' }>) => ({
  definitions: [...deed.definitions],
  package: deed.package,
});

function stepsOf(
  candidates: readonly PastTransaction[],
  judged: readonly JudgedForm[],
  deeds: ReadonlyMap<string, JournalDeed>,
): ReplayStep[] {
  const steps: ReplayStep[] = [];
  for (const change of candidates) {
    const deed = deeds.get(change.id);
    if (deed) steps.push({ type: 'deed', change, deed });
    const forms = judged.filter(each => each.change === change).map(({ form }) => form);
    if (forms.length === 0) continue;
    const last = steps.at(-1);
    if (last?.type === 'forms')
      steps.splice(-1, 1, { type: 'forms', changes: [...last.changes, { change, forms }] });
    else steps.push({ type: 'forms', changes: [{ change, forms }] });
  }
  return steps;
}

/** All forms of a step, in order, without functions and methods that a later form defines again. */
export function formsOf({ changes }: FormsStep): PlannedForm[] {
  const forms = changes.flatMap(each => each.forms);
  const isPlain = ({ wire }: PlannedForm) =>
    wire.definitions.length > 0 &&
    wire.definitions.every(({ kind }) => kind === 'function' || kind === 'method');
  const last = new Map(forms.map((form, index) => [formKey(form), index]));
  return forms.filter((form, index) => !isPlain(form) || last.get(formKey(form)) === index);
}

export const formsPlan = (forms: readonly PlannedForm[]): ChangePlan => ({
  type: 'change',
  title: 'replay',
  forms,
  onlyChanged: false,
  broken: [],
  buffers: [],
});
