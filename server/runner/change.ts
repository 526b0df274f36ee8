/** Carrying out a change: assess, approve, apply, verify, record, report. */
import { randomUUID } from 'node:crypto';
import { byPerson, type Approval } from '../approval/approver.ts';
import type { JournalSource } from '../approval/journal.ts';
import { wireKind } from '../image/connection.ts';
import type { Image } from '../image/image.ts';
import type { Args, Assessment, Change, Form } from '../image/protocol.ts';
import { surroundingsOf } from '../operations/forms.ts';
import { printedName } from '../operations/names.ts';
import type { Call, ChangePlan, PlannedForm } from '../operations/operation.ts';
import { assess, type Assessed } from './assess.ts';
import { noDependents } from './dependents.ts';
import { inTurns } from '../source/slices.ts';
import { digested, digestOfDeed, type Deed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { assessmentsOf, compared, loadedDate, once } from './loaded.ts';
import { diffOf } from './previous.ts';
import * as report from './report.ts';
import { settersOf } from './setters.ts';
import { conclude } from './verify.ts';

/** @throws HotlispError; nothing in the image changed then, unless it is `image-lost` */
export async function runChange(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: ChangePlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  if (plan.broken.length > 0) {
    desk.deps.showBroken(plan.broken);
    return report.brokenResult(plan, desk.encoding, started);
  }
  if (plan.forms.length === 0 && !plan.nameless?.length && !plan.dependentsOf)
    return { ...report.emptyResult, status: 'unchanged', duration_ms: report.since(started) };
  const image = await desk.imageFor(plan, call.signal);
  desk.refuseReadOnly(image);
  const transaction = randomUUID();
  if (desk.isAllowed(kind) && !plan.onlyChanged && !plan.dependentsOf) {
    const done = await desk.changing(() =>
      changeAtOnce(desk, operation, kind, plan, image, transaction, call, started),
    );
    if (done) return done;
  }
  const { deeds } = desk.deps;
  /** What it would do to the image as it is, and the deed that this makes of it; none where that is nothing. */
  const look = async (): Promise<{ assessed: Assessed; deed?: Deed }> => {
    const assessed = await assess(desk, image, plan, call.signal);
    if (installed(assessed).length === 0) return { assessed };
    return {
      assessed,
      deed: await changeDeed(desk, operation, kind, plan, assessed, image, transaction, call),
    };
  };
  let granted: { approval: Approval; digest: string; deed: Deed } | undefined;
  for (;;) {
    const { assessed, deed } = await look().catch(async (error: unknown) => {
      if (granted) await deeds.recordUnused(granted.deed, call, 'failed', (error as Error).message);
      throw error;
    });
    if (!deed) {
      if (granted) await deeds.recordUnused(granted.deed, call, 'unchanged');
      return {
        ...report.emptyResult,
        status: 'unchanged',
        dependents: assessed.dependents.reported,
        ...report.toldLeftOut(assessed, desk.encoding),
        duration_ms: report.since(started),
      };
    }
    const digest = await digested(deed);
    // Others changed the image meanwhile: what was approved still stands only if it would do exactly the same.
    if (granted?.digest !== digest) {
      const asked = granted
        ? { ...deed, message: `${deed.message} The image has changed since you were asked.` }
        : deed;
      const approval = await deeds.approve(asked, call);
      approval.consume(digest);
      granted = { approval, digest, deed };
      // A person takes time, in which clients other than Hotlisp may change the image: the agent counts only its own changes.
      if (byPerson(approval)) continue;
    }
    const { generation } = assessed;
    const forms = installed(assessed).map(({ wire }) => wire);
    const result = await desk.changing(async () => {
      const change = await apply(desk, deed, { generation, forms }, call);
      return change && finishChange(desk, plan, deed, assessed, change, call, started);
    });
    if (result) return result;
  }
}

/**
 * Where the policy allows without asking, one call assesses and applies; undefined when the change turns out not to be
 * safe, and nothing was done: then its users, hazards and instances are looked at first.
 */
async function changeAtOnce(
  desk: Desk,
  operation: Approved['name'],
  kind: Approved['approval'],
  plan: ChangePlan,
  image: Image,
  transaction: string,
  call: Call,
  started: number,
): Promise<report.OperationResult | undefined> {
  const unseen = {
    forms: plan.forms,
    assessments: [],
    generation: 0,
    threads: [],
    dependents: noDependents,
    setters: await settersOf(image, plan.forms, call.signal),
  };
  const about = await changeDeed(desk, operation, kind, plan, unseen, image, transaction, call);
  const deed = { ...about, definitions: namedDefinitions(plan) };
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  const forms = plan.forms.map(({ wire }) => wire);
  const change = await apply(desk, deed, { forms, onlySafe: true }, call);
  if (!change) return undefined;
  const assessments = await compared(change.assessments ?? [], plan.forms, desk.deps.documents);
  // What was there before is known only now.
  const source = journalSources(await sourcesOf(desk, image, plan.forms, assessments));
  const seen = { ...deed, definitions: assessments.map(({ definition }) => definition), source };
  return finishChange(desk, plan, seen, { ...unseen, assessments }, change, call, started);
}

/** What the text says that it defines, for the journal until the image has told. */
const namedDefinitions = ({ forms }: ChangePlan): NonNullable<Deed['definitions']> =>
  forms.flatMap(({ wire }) =>
    wire.definitions.map(({ kind, name, qualifiers = [], specializers = [] }) => ({
      kind,
      name: printedName(kind === 'method' ? { name, qualifiers, specializers } : { name }),
      package: wire.package,
    })),
  );

/** Everything that is installed, in order: what changes, then its users. */
export const installed = ({ forms, dependents }: Assessed) => [...forms, ...dependents.forms];

export function journalSource(wire: Form, before: string | null): JournalSource {
  const { text, file, byteOffset, line, column, index } = wire;
  const place = { byteOffset, line, column, index };
  return {
    before,
    after: text,
    file: file ?? null,
    package: wire.package,
    ...surroundingsOf(wire),
    place,
  };
}

/** Each form, and the text that it takes the place of; null where there is none, or none is known. */
async function sourcesOf(
  desk: Desk,
  image: Image,
  forms: readonly PlannedForm[],
  assessments: readonly Assessment[],
): Promise<{ form: PlannedForm; before: string | null }[]> {
  const { documents } = desk.deps;
  const uriOf = once((file: string) => documents.uriOf(file));
  const textsAt = once((uri: string, second: number) => documents.textsAt(uri, second));
  const onDisk = once((uri: string) => documents.onDisk(uri).catch(() => undefined));
  return inTurns(forms, async (form, index) => {
    const own = assessmentsOf(assessments, index);
    if (own.length > 0 && own.every(({ definition }) => definition.change === 'new'))
      return { form, before: null };
    // Code that stands in no document takes the place of what a file defines.
    const file = own.find(each => each.file !== undefined)?.file ?? form.wire.file;
    const uri = () => (file === undefined ? form.snapshot.uri : uriOf(file));
    const date = loadedDate(assessments, file);
    const running = own.find(each => each.installed !== undefined)?.installed;
    const before = await desk.previousSources(image).of(form, running, {
      loaded: async () => (date === undefined ? [] : textsAt(uri(), date)),
      saved: () => onDisk(uri()),
    });
    return { form, before };
  });
}

const journalSources = (sources: Awaited<ReturnType<typeof sourcesOf>>): JournalSource[] =>
  sources.map(({ form: { wire }, before }) => journalSource(wire, before));

async function changeDeed(
  desk: Desk,
  operation: Approved['name'],
  kind: Approved['approval'],
  plan: ChangePlan,
  assessed: Assessed,
  image: Image,
  transaction: string,
  call: Call,
): Promise<Deed> {
  const { assessments, dependents, setters } = assessed;
  const forms = installed(assessed);
  const sources = await sourcesOf(desk, image, forms, assessments);
  return {
    operation,
    kind,
    image,
    bound: {
      forms: forms.map(({ wire }) => wire),
      effects: assessments.map(({ definition, class: effect, hazard, installed: replaced }) => ({
        definition,
        effect,
        hazard,
        replaced,
      })),
      setters,
    },
    message: report.changeQuestion(call.request, { ...plan, forms }, image.title, assessed),
    hazardous: assessments.some(each => each.class === 'hazardous'),
    buffers: [...plan.buffers, ...dependents.buffers],
    transaction,
    definitions: assessments.map(({ definition }) => definition),
    source: journalSources(sources),
    diff: async () => diffOf(sources),
  };
}

/** The image's answer; undefined when nothing was done: the image changed since it was assessed, or the change is not as safe as asked for. */
export async function apply(
  desk: Desk,
  deed: Deed,
  args: Omit<Args<'apply'>, 'transaction'>,
  call: Call,
): Promise<Change | undefined> {
  try {
    return await desk.call(deed.image, 'apply', { transaction: deed.transaction!, ...args }, call.signal);
  } catch (error) {
    const kind = wireKind(error);
    if (kind === 'stale-generation' || kind === 'not-safe') return undefined;
    await desk.deps.deeds.recordFailure(deed, call, error);
    throw error;
  }
}

async function finishChange(
  desk: Desk,
  plan: ChangePlan,
  deed: Deed,
  assessed: Assessed,
  change: Change,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const forms = installed(assessed);
  const result = report.changeResult(change, forms, assessed, desk.encoding, started);
  // A form may define names of other packages than the one it is read in, or write its package's nickname.
  const file = forms.length === 1 ? forms[0]!.wire.file : undefined;
  const places = [
    ...forms.map(({ wire }) => wire),
    ...change.definitions.map(each => ({ package: each.package, file })),
  ];
  // Where the text names nothing, the image tells what it has defined.
  const done = deed.definitions?.length === 0 ? { ...deed, definitions: change.definitions } : deed;
  const { status, failure, told } = await conclude(desk, done, change, places, call);
  desk.deps.showNotes(forms, change.notes);
  if (status === 'applied') {
    await desk.previousSources(deed.image).remember(forms);
    if (change.threads.length > 0) desk.deps.onOldCode(deed.image, plan.title, change);
  }
  const takenBack = failure !== undefined && {
    status,
    dependents: report.listedOnly(assessed.dependents.reported, 'the change was rolled back'),
    notes: [...result.notes, report.placelessNote(failure)],
  };
  return {
    ...result,
    ...takenBack,
    ...told,
    duration_ms: report.since(started),
  };
}
