/** Bringing an image up to the journal: what it lacks is asked about as a whole, and done as a whole or not at all. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Approval } from '../approval/approver.ts';
import { displayDefinition, listed, oneLine, plural } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Call, ReplayPlan } from '../operations/operation.ts';
import { assess, type Assessed } from './assess.ts';
import { installed, journalSource } from './change.ts';
import { digestOfDeed, remainsOf, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { findReplay, formsOf, formsPlan, type Replay, type ReplayStep, type Skipped } from './replayPlan.ts';
import { carryOutReplay, type Done } from './replaySteps.ts';
import * as report from './report.ts';
import { takeBack } from './takeBack.ts';
import type { Place } from './rules.ts';
import { statusOf, verify, type Verification } from './verify.ts';

/** @throws HotlispError; nothing in the image changed then, unless it is `image-lost` */
export async function runReplay(
  desk: Desk,
  approved: Approved,
  plan: ReplayPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  let granted: { approval: Approval; digest: string; transaction: string } | undefined;
  for (;;) {
    const replay = await findReplay(desk, image, plan.transactions, call.signal);
    const told = {
      replayed: changesOf(replay).map(describeChange),
      skipped: replay.skipped.map(describeSkipped),
    };
    if (replay.steps.length === 0)
      return { ...report.emptyResult, status: 'unchanged', ...told, duration_ms: report.since(started) };
    const first = await assessFirst(desk, image, replay, call.signal);
    const transaction = granted?.transaction ?? randomUUID();
    const deed = replayDeed(approved, image, replay, first, transaction, call);
    const digest = digestOfDeed(deed);
    if (granted?.digest !== digest) {
      const approval = await desk.deps.deeds.approve(deed, call);
      approval.consume(digest);
      granted = { approval, digest, transaction };
    }
    let done: Done | undefined;
    try {
      done = await carryOutReplay(desk, image, replay.steps, first, transaction, call);
    } catch (error) {
      // Stopped before what nobody has approved: it was taken back, which is no unknown outcome.
      if (error instanceof HotlispError && error.kind === 'approval-denied')
        await desk.deps.deeds.recordOutcome(deed, call, { ...remainsOf(error), message: error.message });
      else await desk.deps.deeds.recordFailure(deed, call, error);
      throw error;
    }
    // Another server changed the image meanwhile: what was approved still stands only if it would do exactly the same.
    if (done) return { ...(await finish(desk, deed, done, call, started)), ...told };
  }
}

/** What a replay would do. */
export async function describeReplay(
  desk: Desk,
  plan: ReplayPlan,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const image = await desk.deps.images.connect(undefined, signal);
  const replay = await findReplay(desk, image, plan.transactions, signal);
  const first = await assessFirst(desk, image, replay, signal);
  return {
    changes: changesOf(replay).map(describeChange),
    skipped: replay.skipped.map(describeSkipped),
    ...(first && {
      assessments: first.assessments,
      dependents: first.dependents.reported,
      ...(first.setters.length > 0 && { setters: first.setters }),
      ...report.reportedThreads(first.threads),
    }),
  };
}

async function assessFirst(
  desk: Desk,
  image: Image,
  { steps: [first] }: Replay,
  signal: AbortSignal,
): Promise<Assessed | undefined> {
  return first?.type === 'forms' ? assess(desk, image, formsPlan(formsOf(first)), signal) : undefined;
}

const changesOf = ({ steps }: Replay) =>
  steps.flatMap(step => (step.type === 'deed' ? [step.change] : step.changes.map(({ change }) => change)));

const describeChange = ({ id, operation, time, definitions }: Skipped['change']) => ({
  transaction: id,
  operation,
  time,
  definitions,
});

const describeSkipped = ({ change, reason }: Skipped) => ({ ...describeChange(change), reason });

function replayDeed(
  { name: operation, approval: kind }: Approved,
  image: Image,
  replay: Replay,
  first: Assessed | undefined,
  transaction: string,
  call: Call,
): Deed {
  const changes = changesOf(replay);
  const forms = replay.steps.flatMap(step => (step.type === 'forms' ? formsOf(step) : []));
  const users = first?.dependents.forms ?? [];
  const deeds = replay.steps.flatMap(step => (step.type === 'deed' ? [step.deed] : []));
  const assessments = onePerDefinition(first?.assessments ?? []);
  const definitions = [
    ...assessments.map(({ definition }) => definition),
    ...changes.slice(first ? firstChanges(replay) : 0).flatMap(each => each.definitions),
  ];
  const source = [...forms, ...users].map(({ wire }) => journalSource(wire, null));
  return {
    operation,
    kind,
    image,
    bound: {
      replayed: changes.map(({ id }) => id),
      forms: [...forms, ...users].map(({ wire }) => wire),
      deeds,
      effects: assessments.map(({ definition, class: effect, hazard }) => ({ definition, effect, hazard })),
      setters: first?.setters ?? [],
    },
    message: question(call.request, image, replay, first, assessments),
    hazardous: assessments.some(each => each.class === 'hazardous'),
    buffers: first?.dependents.buffers ?? [],
    transaction,
    definitions,
    source,
    replayed: changes.map(({ id }) => id),
    diff: async () =>
      [
        ...changes.map(each => `;; ${each.time} ${each.operation} ${each.id}: ${namesOf(each)}`),
        ...[...forms, ...users].map(
          ({ wire }) => `\n;; ${wire.file ?? `code in ${wire.package}`}\n${wire.text}`,
        ),
      ].join('\n') + '\n',
  };
}

const firstChanges = ({ steps: [first] }: Replay) => (first?.type === 'forms' ? first.changes.length : 0);

const onePerDefinition = (assessments: Assessed['assessments']) => [
  ...new Map(
    assessments.map(each => [
      JSON.stringify([each.definition.kind, each.definition.name, each.definition.package]),
      each,
    ]),
  ).values(),
];

function question(
  request: number,
  image: Image,
  replay: Replay,
  first: Assessed | undefined,
  assessments: Assessed['assessments'],
): string {
  const title = `replay ${plural(changesOf(replay).length, 'journalled change')}`;
  const start = first
    ? report.changeQuestion(request, { ...formsPlan(installed(first)), title }, image.title, {
        ...first,
        assessments,
      })
    : `#${request} ${report.capitalised(title)} in ${oneLine(image.title)}?`;
  const rest = replay.steps.slice(first ? 1 : 0).map(describeStep);
  const { skipped } = replay;
  return [
    start,
    rest.length > 0 ? `${first ? 'Then it' : 'It'} ${listed(rest)}.` : '',
    skipped.length > 0
      ? `Not replayed: ${listed(skipped.map(({ change, reason }) => `${namesOf(change)} (${oneLine(reason, 160)})`))}`
      : '',
  ]
    .filter(Boolean)
    .join(' ');
}

function describeStep(step: ReplayStep): string {
  if (step.type === 'forms') {
    const what = listed(step.changes.map(({ change }) => namesOf(change)));
    return `compiles and installs ${what}, judged once that is there`;
  }
  const { deed } = step;
  switch (deed.type) {
    case 'fasl':
      return `loads the compiled file ${oneLine(path.basename(deed.path))}, which runs code`;
    case 'system':
      return `has ASDF load system ${oneLine(deed.system)}, which runs code`;
    case 'removal':
      return `removes ${namesOf(step.change)}`;
  }
}

const namesOf = ({ definitions, operation, deed }: Skipped['change']) =>
  definitions.length > 0
    ? listed(definitions.map(displayDefinition), 4)
    : deed?.type === 'fasl'
      ? oneLine(path.basename(deed.path))
      : deed?.type === 'system'
        ? `system ${oneLine(deed.system)}`
        : operation;

async function finish(
  desk: Desk,
  approvedDeed: Deed,
  done: Done,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const parts = done.parts.map(({ change }) => change.transaction);
  const deed: Deed = { ...approvedDeed, parts };
  const outcome = await settle(desk, deed, done, call);
  await desk.deps.deeds.recordOutcome(deed, call, {
    status: outcome.status,
    ...(outcome.message !== undefined && { message: outcome.message }),
    ...(outcome.remains.length > 0 && { remains: outcome.remains }),
    ...(outcome.status === 'applied' && parts.join() !== deed.transaction && { parts }),
  });
  const previous = desk.previousSources(deed.image);
  const everything = [...done.parts, ...(done.failed ? [done.failed] : [])];
  for (const { change, forms } of everything) desk.deps.showNotes(forms, change.notes);
  if (outcome.status === 'applied')
    for (const { change, forms } of done.parts) {
      if (forms.length === 0) previous.forget();
      await previous.remember(forms);
      if (change.threads.length > 0) desk.deps.onOldCode(deed.image, 'replay', change);
    }
  const results = everything.map(({ change, forms, assessed }) =>
    report.changeResult(change, forms, assessed, desk.encoding, started),
  );
  const dependents = results.flatMap(each => each.dependents);
  return {
    ...report.emptyResult,
    status: outcome.status,
    transaction: deed.transaction!,
    definitions: done.failed ? [] : results.flatMap(({ definitions }) => definitions),
    dependents:
      outcome.status === 'applied' ? dependents : report.listedOnly(dependents, 'the replay was taken back'),
    notes: [
      ...results.flatMap(({ notes }) => notes),
      ...(outcome.message === undefined ? [] : [report.placelessNote(outcome.message)]),
    ],
    ...report.reportedThreads(everything.flatMap(({ change }) => change.threads)),
    output: results.map(({ output }) => output).join(''),
    ...(done.failed?.change.step && { step: done.failed.change.step }),
    ...(done.failed?.change.condition && { condition: done.failed.change.condition }),
    ...(outcome.remains.length > 0 && { remains: outcome.remains }),
    ...(outcome.verification.length > 0 && { verification: outcome.verification }),
    duration_ms: report.since(started),
  };
}

/** What became of it in the end: what failed in part, or does not hold, is taken back as a whole. */
async function settle(
  desk: Desk,
  deed: Deed,
  { parts, failed }: Done,
  call: Call,
): Promise<{
  status: report.OperationResult['status'];
  message?: string;
  remains: readonly string[];
  verification: readonly Verification[];
}> {
  if (failed) {
    const remains = [...failed.change.remains, ...(await takeBack(deed))];
    return {
      status: remains.length > 0 ? 'partial' : 'failed',
      message: failed.why,
      remains,
      verification: [],
    };
  }
  const places: Place[] = parts.flatMap(({ change, forms }) =>
    forms.length > 0
      ? forms.map(({ wire }) => wire)
      : [...new Set(change.definitions.map(each => each.package))].map(name => ({ package: name })),
  );
  const verified = await verify(desk, deed, places, call);
  const { failure, remains, verification } = verified;
  return {
    status: statusOf(parts.length > 0 ? 'applied' : 'unchanged', verified),
    ...(failure !== undefined && { message: failure }),
    remains,
    verification,
  };
}
