/** Carrying out the steps of a replay, each as a transaction of the image. */
import { listed, oneLine } from '../display.ts';
import type { JournalDeed } from '../approval/journal.ts';
import { HotlispError } from '../errors.ts';
import { wireKind } from '../image/connection.ts';
import type { Image } from '../image/image.ts';
import type { Assessment, Change } from '../image/protocol.ts';
import type { Call, PlannedForm } from '../operations/operation.ts';
import { assess, type Assessed } from './assess.ts';
import { installed } from './change.ts';
import type { Desk } from './desk.ts';
import { formsOf, formsPlan, systemOf, wireRemoval, type ReplayStep } from './replayPlan.ts';
import { takeBack } from './takeBack.ts';

export interface Part {
  readonly change: Change;
  /** What was compiled; empty where that was no matter of forms. */
  readonly forms: readonly PlannedForm[];
  readonly assessed: Assessed | undefined;
}

export interface Done {
  /** What was applied, in order. */
  readonly parts: readonly Part[];
  /** The step that failed, after which nothing was done; what was applied before is still there. */
  readonly failed?: Part & { readonly why: string };
}

type FormsStep = Extract<ReplayStep, { type: 'forms' }>;

/** How often a step is judged again because others change the image at the same time. */
const patience = 5;

/**
 * Everything of one step is compiled before any of it is installed; where that fails because a later change needs an earlier one to be
 * in force, the changes are done one by one.
 * @param first what was approved of the first step
 * @returns undefined when the image has changed since the first step was judged; nothing was done then
 * @throws HotlispError; what was applied has been taken back, unless the image is lost; `details.remains` tells what could not be put back
 */
export async function carryOutReplay(
  desk: Desk,
  image: Image,
  steps: readonly ReplayStep[],
  first: Assessed | undefined,
  transaction: string,
  call: Call,
): Promise<Done | undefined> {
  const parts: Part[] = [];
  let tries = 0;
  const nextId = () => (steps.length === 1 && tries++ === 0 ? transaction : `${transaction}/${++tries}`);
  const perform = async (step: ReplayStep, assessed: Assessed | undefined): Promise<Part | undefined> =>
    step.type === 'deed'
      ? { change: await performDeed(desk, image, step.deed, nextId(), call), forms: [], assessed: undefined }
      : performForms(desk, image, formsOf(step), nextId, assessed, hazardsOf(first), call);
  try {
    for (const [index, step] of steps.entries()) {
      const assessed = index === 0 ? first : undefined;
      const part = await perform(step, assessed);
      if (!part) return undefined;
      const one = isCompileFailure(part) && step.type === 'forms' ? oneByOne(step) : [];
      if (one.length < 2) {
        if (hasFailed(part)) return { parts, failed: { ...part, why: whyOf(step, part.change) } };
        if (part.change.status === 'applied') parts.push(part);
        continue;
      }
      for (const single of one) {
        const its = (await perform(single, undefined))!;
        if (hasFailed(its)) return { parts, failed: { ...its, why: whyOf(single, its.change) } };
        parts.push(its);
      }
    }
    return { parts };
  } catch (error) {
    if (!(error instanceof HotlispError && error.kind === 'image-lost'))
      throw remaining(error, await takeBack({ image, parts: parts.map(({ change }) => change.transaction) }));
    throw error;
  }
}

/** `error`, after which what was done was taken back but for what `remains`. */
export const remaining = (error: unknown, remains: readonly string[]): unknown =>
  remains.length > 0 && error instanceof HotlispError
    ? new HotlispError(
        error.kind,
        `${error.message.replace(/ Nothing has changed\.$/, '')} What remains: ${listed(remains)}`,
        { ...error.details, remains },
      )
    : error;

const oneByOne = ({ changes }: FormsStep): FormsStep[] =>
  changes.map(change => ({ type: 'forms', changes: [change] }));

export const hasFailed = ({ change: { status } }: Part) => status === 'failed' || status === 'partial';
const isCompileFailure = ({ change: { status, step } }: Part) =>
  status === 'failed' && (step === 'compile' || step === 'read');

const whyOf = (step: ReplayStep, change: Change) => {
  const ids = step.type === 'deed' ? [step.change.id] : step.changes.map(each => each.change.id);
  const said = change.condition?.text ?? change.notes.find(({ severity }) => severity === 'error')?.message;
  return `The replay failed at ${ids.length === 1 ? 'transaction' : 'transactions'} ${listed(ids)}${said === undefined ? '' : `: ${oneLine(said, 300)}`}`;
};

const keyOf = ({ definition: { kind, name, package: home } }: Assessment) =>
  JSON.stringify([kind, name, home]);
const hazardsOf = (assessed: Assessed | undefined) =>
  new Set((assessed?.assessments ?? []).filter(each => each.class === 'hazardous').map(keyOf));

/** @returns undefined when the image changed since `assessed`, which was approved */
export async function performForms(
  desk: Desk,
  image: Image,
  forms: readonly PlannedForm[],
  nextId: () => string,
  approved: Assessed | undefined,
  hazards: ReadonlySet<string>,
  call: Call,
): Promise<Part | undefined> {
  for (let left = patience; ; left--) {
    const assessed = approved ?? (await assess(desk, image, formsPlan(forms), call.signal));
    const unseen = assessed.assessments.find(each => each.class === 'hazardous' && !hazards.has(keyOf(each)));
    if (unseen)
      throw new HotlispError(
        'approval-denied',
        `The replay was stopped and taken back, because what it would do now was not approved: ${oneLine(unseen.hazard?.message ?? 'it is hazardous', 300)} Replay that transaction by itself.`,
      );
    const all = installed(assessed);
    try {
      const change = await desk.call(
        image,
        'apply',
        { transaction: nextId(), generation: assessed.generation, forms: all.map(({ wire }) => wire) },
        call.signal,
      );
      return { change, forms: all, assessed };
    } catch (error) {
      if (wireKind(error) !== 'stale-generation' || left <= 1) throw error;
      if (approved) return undefined;
    }
  }
}

async function performDeed(
  desk: Desk,
  image: Image,
  deed: JournalDeed,
  transaction: string,
  call: Call,
): Promise<Change> {
  switch (deed.type) {
    case 'fasl':
      return desk.call(
        image,
        'load-fasl',
        { transaction, path: deed.path, digest: deed.digest, ...constantsOf(deed) },
        call.signal,
      );
    case 'system': {
      const { system, force, asd, sources } = deed;
      const { registered } = await systemOf(image, deed, call.signal);
      const args = {
        transaction,
        system,
        force,
        sources: [...sources],
        ...constantsOf(deed),
        ...(!registered && asd !== undefined && { asd }),
      };
      return (await desk.call(image, 'load-system', args, call.signal, call.report)).change;
    }
    case 'removal': {
      const wanted = wireRemoval(deed);
      const { definitions } = await image.call('removal', wanted, { signal: call.signal });
      return definitions.length > 0
        ? desk.call(image, 'remove', { transaction, ...wanted }, call.signal)
        : nothing(transaction);
    }
  }
}

/** What was approved once. */
const constantsOf = ({ constants }: Extract<JournalDeed, { type: 'fasl' | 'system' }>) =>
  constants && { constants: [...constants] };

const nothing = (transaction: string): Change => ({
  status: 'unchanged',
  transaction,
  generation: 0,
  definitions: [],
  notes: [],
  output: '',
  threads: [],
  remains: [],
  elapsed: 0,
});
