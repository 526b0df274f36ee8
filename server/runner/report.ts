/** What people and programs are told of an operation: pure functions from plans and the image's answers. */
import path from 'node:path';
import { displayDefinition, displayName, listed, oneLine, plural } from '../display.ts';
import { isScratch } from '../documents.ts';
import type { Assessment, Change, Definition, Migration, Note, ThreadInside } from '../image/protocol.ts';
import type { ChangePlan, PlannedForm } from '../operations/operation.ts';
import type { ReportedNote } from '../ports.ts';
import type { PositionEncoding, Range, Snapshot, Span } from '../source/types.ts';
import type { Assessed } from './assess.ts';
import { noDependents, type Dependents, type ReportedDependent } from './dependents.ts';
import { settersSaid } from './setters.ts';

export interface ReportedDefinition extends Definition {
  readonly class?: Assessment['class'];
  readonly hazard?: NonNullable<Assessment['hazard']>;
  readonly migration?: Migration;
  /** Functions that the new definition does not make, and that stay in the image. */
  readonly leaves?: readonly string[];
}

export interface ReportedThread {
  readonly id: number;
  readonly name: string;
}

/** The result of an operation, as the public contract has it. */
export interface OperationResult {
  readonly status: 'applied' | 'failed' | 'rolled-back' | 'partial' | 'unchanged';
  readonly transaction?: string;
  readonly definitions: readonly ReportedDefinition[];
  readonly dependents: readonly ReportedDependent[];
  readonly notes: readonly ReportedNote[];
  /** Forms that were not run although they may have changed: each has a note. */
  readonly left_out?: readonly Pick<ReportedNote, 'uri' | 'range'>[];
  readonly threads: readonly ReportedThread[];
  /** Of which it cannot be told whether they still run replaced code; absent where it can be told of all. */
  readonly threads_unknown?: readonly ReportedThread[];
  readonly output: string;
  readonly values?: readonly string[];
  readonly duration_ms: number;
  readonly [further: string]: unknown;
}

export const emptyResult = { definitions: [], dependents: [], notes: [], threads: [], output: '' } as const;

export const isInside = ({ runs }: ThreadInside): boolean => runs === 'yes';

/** Threads as a result has them: those that are inside, and apart from them those of which that cannot be told. */
export function reportedThreads(
  threads: readonly ThreadInside[],
): Pick<OperationResult, 'threads' | 'threads_unknown'> {
  const reported = (some: readonly ThreadInside[]) => some.map(({ id, name }) => ({ id, name }));
  const unknown = threads.filter(each => !isInside(each));
  return {
    threads: reported(threads.filter(isInside)),
    ...(unknown.length > 0 && { threads_unknown: reported(unknown) }),
  };
}

/** `redefines function APP::COMPUTE (safe), makes macro APP::WITH-JOB (new)`. */
function describeAssessments(assessments: readonly Assessment[], forms: readonly PlannedForm[]): string {
  const verbs = {
    new: 'defines',
    redefined: 'redefines',
    unchanged: 'compiles again',
    removed: 'removes',
  } as const;
  const parts = assessments.map(({ definition, class: effect, migration, file, form, leaves = [] }) => {
    const note = definition.change === 'new' && effect === 'safe' ? 'new' : effect;
    const slots = migration ? `: ${describeMigration(migration)}` : '';
    const here = forms[form]?.wire.file;
    const [now, then] = [here, file].map(each => each && path.basename(each));
    // One file may have several paths, but hardly two names.
    const from = then && now && then !== now ? `, so far that of ${oneLine(then, 60)}` : '';
    const left = leaves.length > 0 ? `; leaves ${listed(leaves.map(each => oneLine(each, 60)))} behind` : '';
    return `${verbs[definition.change]} ${displayDefinition(definition)} (${note}${slots}${from}${left})`;
  });
  return listed(parts);
}

/** `adds slot OWNER, drops slots A and B`: what happens to every instance. */
function describeMigration({ added, dropped }: Migration): string {
  const slots = (verb: string, names: readonly string[]) =>
    names.length > 0
      ? [`${verb} ${names.length === 1 ? 'slot' : 'slots'} ${listed(names.map(each => oneLine(each, 60)))}`]
      : [];
  return [...slots('adds', added), ...slots('drops', dropped)].join(', ');
}

/** `recompiles 3 users: APP::A, APP::B and APP::C; 1 possible user is only listed`; nothing where there are none. */
export function describeDependents({ reported }: Dependents): string {
  const names = (list: readonly ReportedDependent[]) => listed(list.map(displayName));
  const recompiled = reported.filter(({ status }) => status === 'recompiled');
  const only = (certainty: 'certain' | 'possible') =>
    reported.filter(each => each.status === 'listed' && each.certainty === certainty);
  const [certain, possible] = [only('certain'), only('possible')];
  const areOnlyListed = (list: readonly ReportedDependent[], noun: string) =>
    list.length > 0
      ? `${plural(list.length, noun)} ${list.length === 1 ? 'is' : 'are'} only listed: ${names(list)}`
      : '';
  const parts = [
    recompiled.length > 0 ? `recompiles ${plural(recompiled.length, 'user')}: ${names(recompiled)}` : '',
    areOnlyListed(certain, 'stale user'),
    areOnlyListed(possible, 'possible user'),
  ].filter(Boolean);
  return parts.length > 0 && recompiled.length === 0
    ? `recompiles no user; ${parts.join('; ')}`
    : parts.join('; ');
}

/** Dependents of a change that is not in force. */
export const listedOnly = (dependents: readonly ReportedDependent[], reason: string): ReportedDependent[] =>
  dependents.map(each => (each.status === 'recompiled' ? { ...each, status: 'listed', reason } : each));

/** Of forms that are run for what follows to be read as it is meant. */
export const runsFirst = (forms: readonly string[]): string =>
  `It first runs ${listed(forms.map(each => oneLine(each, 100)))}, which says how the rest is read.`;

/** The question that a prompt asks, on one line. */
export function changeQuestion(
  request: number,
  plan: ChangePlan,
  image: string,
  { assessments, threads, dependents, setters }: Omit<Assessed, 'forms' | 'generation'>,
): string {
  const users = describeDependents(dependents);
  const does = plan.dependentsOf
    ? ''
    : assessments.length > 0
      ? describeAssessments(assessments, plan.forms)
      : 'defines nothing by name';
  const hazards = assessments.flatMap(({ hazard }) => (hazard ? [oneLine(hazard.message, 300)] : []));
  const syntax = plan.forms.filter(form => form.syntax).map(({ wire }) => wire.text);
  const runsCode = plan.forms.some(form => form.wire.evaluates && !form.syntax);
  return [
    `#${request} ${capitalised(oneLine(plan.title))} in ${oneLine(image)}?`,
    does && `It ${does}${runsCode ? ', and runs code while it loads' : ''}.`,
    users && `It ${users}.`,
    !does && runsCode ? 'It runs code while it loads.' : '',
    syntax.length > 0 ? runsFirst(syntax) : '',
    hazards.length > 0 ? `Hazard: ${listed(hazards, 4)}` : '',
    settersSaid(setters),
    ...threadsAffected(threads),
  ]
    .filter(Boolean)
    .join(' ');
}

function threadsAffected(threads: readonly ThreadInside[]): string[] {
  const names = (some: readonly ThreadInside[]) => listed(some.map(({ name }) => oneLine(name, 60)));
  const inside = threads.filter(isInside);
  const unknown = threads.filter(each => !isInside(each));
  return [
    ...(inside.length > 0
      ? [`${capitalised(plural(inside.length, 'thread'))} in the code it replaces: ${names(inside)}.`]
      : []),
    ...(unknown.length > 0
      ? [`Of ${plural(unknown.length, 'thread')} it is unknown whether in that code: ${names(unknown)}.`]
      : []),
  ];
}

/** What is said of an operation as a whole, and stands at no place. */
export const placelessNote = (
  message: string,
  severity: ReportedNote['severity'] = 'error',
): ReportedNote => ({
  severity,
  message,
  uri: null,
  range: null,
});

/** The image's notes at their places in the buffers. */
export function reportedNotes(
  forms: readonly PlannedForm[],
  notes: readonly Note[],
  encoding: PositionEncoding,
): ReportedNote[] {
  return notes.map(({ severity, message, form, start, end }) => {
    const planned = forms[form];
    return {
      severity,
      message,
      ...(planned ? placeOf(planned, start, end, encoding) : { uri: null, range: null }),
    };
  });
}

/** Notes on evaluated code, the span `code` of a snapshot. */
export function codeNotes(
  snapshot: Snapshot,
  code: Span,
  notes: readonly Note[],
  encoding: PositionEncoding,
): ReportedNote[] {
  const text = snapshot.slice(code.start, code.end);
  return notes.map(({ severity, message, start, end }) => {
    const within = start === undefined ? undefined : utf16Span(text, start, end ?? start);
    const span = within ? { start: code.start + within.start, end: code.start + within.end } : code;
    return { severity, message, uri: uriOf(snapshot), range: snapshot.rangeOf(span, encoding) };
  });
}

/** `start` and `end` are code points within the form. */
function placeOf(
  form: PlannedForm,
  start: number | undefined,
  end: number | undefined,
  encoding: PositionEncoding,
): { uri: string | null; range: Range } {
  const span = noteSpan(form, start, end);
  return { uri: uriOf(form.snapshot), range: form.snapshot.rangeOf(span, encoding) };
}

/** The UTF-16 span of a note in its snapshot; the form's whole span where the note has no place. */
export function noteSpan(
  { span, wire }: PlannedForm,
  start: number | undefined,
  end: number | undefined,
): { start: number; end: number } {
  if (start === undefined) return span;
  const within = utf16Span(wire.text, start, end ?? start);
  return { start: span.start + within.start, end: span.start + within.end };
}

/** UTF-16 offsets of two code points of `text`; the end is never before the start. */
export function utf16Span(text: string, start: number, end: number): Span {
  const from = utf16Length(text, start);
  return { start: from, end: Math.max(from, utf16Length(text, end)) };
}

/** UTF-16 units that the first `points` code points of `text` take. */
function utf16Length(text: string, points: number): number {
  let at = 0;
  for (let n = 0; n < points && at < text.length; n++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** Null for code that stands in no document. */
const uriOf = ({ uri }: Snapshot) => (isScratch(uri) ? null : uri);

const brokenNotes = ({ broken }: ChangePlan, encoding: PositionEncoding): ReportedNote[] =>
  broken.map(({ snapshot, span, message }) => ({
    severity: 'error',
    message,
    uri: uriOf(snapshot),
    range: snapshot.rangeOf(span, encoding),
  }));

/** The forms that a change leaves out although they may have changed. */
const leftOutNotes = (assessed: Assessed | undefined, encoding: PositionEncoding): ReportedNote[] =>
  (assessed?.leftOut ?? []).map(({ snapshot, span }) => ({
    severity: 'note',
    message:
      'This form defines nothing by name, and is not known to have been run as it stands: it is left out. Reload it by itself, or the file.',
    uri: snapshot.uri,
    range: snapshot.rangeOf(span, encoding),
  }));

/** The same as keys of a result. @param others the notes before them */
export function toldLeftOut(
  assessed: Assessed | undefined,
  encoding: PositionEncoding,
  others: readonly ReportedNote[] = [],
): Pick<OperationResult, 'notes' | 'left_out'> {
  const notes = leftOutNotes(assessed, encoding);
  return {
    notes: [...others, ...notes],
    ...(notes.length > 0 && { left_out: notes.map(({ uri, range }) => ({ uri, range })) }),
  };
}

/** What a change that does not parse answers, without asking anybody. */
export const brokenResult = (
  plan: ChangePlan,
  encoding: PositionEncoding,
  started: number,
): OperationResult => ({
  ...emptyResult,
  status: 'failed',
  step: 'read',
  notes: brokenNotes(plan, encoding),
  duration_ms: since(started),
});

/** What a change would do, in the words of its result. @param assessed undefined where the text does not parse, so that nothing would be done */
export const changePreview = (
  plan: ChangePlan,
  assessed: Assessed | undefined,
  encoding: PositionEncoding,
) => ({
  title: plan.title,
  definitions: (assessed?.assessments ?? []).map((assessment): ReportedDefinition => ({
    ...assessment.definition,
    ...assessedAs(assessment),
  })),
  dependents: assessed?.dependents.reported ?? [],
  ...toldLeftOut(assessed, encoding, brokenNotes(plan, encoding)),
  ...reportedThreads(assessed?.threads ?? []),
  ...toldSetters(assessed),
  runs_code: assessed?.forms.some(({ wire }) => wire.evaluates) ?? false,
});

const toldSetters = (assessed: Assessed | undefined) =>
  assessed && assessed.setters.length > 0 && { setters: assessed.setters };

const assessedAs = ({ class: effect, hazard, migration, leaves }: Assessment) => ({
  class: effect,
  ...(hazard && { hazard }),
  ...(migration && { migration }),
  ...(leaves && { leaves }),
});

/** @param forms everything that was installed, the dependents' forms after those of the change itself */
export function changeResult(
  change: Change,
  forms: readonly PlannedForm[],
  assessed: Assessed | undefined,
  encoding: PositionEncoding,
  started: number,
): OperationResult {
  const { assessments = [], dependents = noDependents } = assessed ?? {};
  // The image lists the definitions form by form; those of the dependents are told of as such.
  const own = dependents.forms.length > 0 ? definitionsIn(assessed!.forms) : undefined;
  const told = new Map<string, Assessment>();
  for (const each of assessments)
    if (!told.has(definitionKey(each.definition))) told.set(definitionKey(each.definition), each);
  const definitions = change.definitions.slice(0, own).map((definition, index) => {
    const assessment = told.get(definitionKey(definition)) ?? samePlace(definition, assessments[index]);
    const change = assessment?.definition.change === 'unchanged' ? 'unchanged' : definition.change;
    return { ...definition, change, ...(assessment && assessedAs(assessment)) };
  });
  return {
    status: change.status,
    transaction: change.transaction,
    definitions,
    dependents:
      change.status === 'applied'
        ? dependents.reported
        : listedOnly(dependents.reported, 'the change failed'),
    ...toldLeftOut(assessed, encoding, reportedNotes(forms, change.notes, encoding)),
    ...reportedThreads(change.threads),
    output: change.output,
    ...(change.step && { step: change.step }),
    ...(change.condition && { condition: change.condition }),
    ...(change.remains.length > 0 && { remains: change.remains }),
    ...toldSetters(assessed),
    duration_ms: since(started),
  };
}

const definitionsIn = (forms: readonly PlannedForm[]) =>
  forms.reduce((count, { wire }) => count + wire.definitions.length, 0);

/** The image knows the package by its name, once it is there; before, it is called as the text does, which may be a nickname. */
const samePlace = ({ kind, name }: Definition, assessment: Assessment | undefined) =>
  assessment?.definition.kind === kind && assessment.definition.name === name ? assessment : undefined;

const definitionKey = ({ kind, name, package: home }: Definition) => JSON.stringify([kind, name, home]);

/** Milliseconds since `started` (performance.now()), to a microsecond. */
export const since = (started: number) => Math.round((performance.now() - started) * 1000) / 1000;

/** One line for the person after a background operation. */
export function summary(
  title: string,
  result: unknown,
): { severity: 'error' | 'warning' | 'info'; message: string } | undefined {
  if (typeof result !== 'object' || result === null || !('status' in result)) return undefined;
  const {
    status,
    definitions = [],
    notes = [],
    dependents = [],
    threads = [],
    threads_unknown: unknown = [],
    left_out: leftOut = [],
    values,
    remains,
    duration_ms,
  } = result as Partial<OperationResult> & { remains?: string[] };
  const what = definitions.length > 0 ? listed(definitions.map(displayDefinition), 4) : title;
  const recompiled = dependents.filter(each => each.status === 'recompiled').length;
  const others = dependents.length - recompiled;
  const users = [
    recompiled > 0 ? `${plural(recompiled, 'user')} recompiled` : '',
    others > 0 ? `${plural(others, 'user')} that may be stale ${others === 1 ? 'is' : 'are'} listed` : '',
  ].filter(Boolean);
  const firstError = notes.find(({ severity }) => severity === 'error') ?? notes[0];
  const why = firstError ? `: ${place(firstError)}${oneLine(firstError.message, 300)}` : '';
  const rest =
    leftOut.length > 0
      ? ` Left out, since ${leftOut.length === 1 ? 'it defines' : 'they define'} nothing by name: ${plural(leftOut.length, 'form')} (${listed(leftOut.map(lineOf))}). Reload ${leftOut.length === 1 ? 'it' : 'each'} by itself, or the file.`
      : '';
  switch (status) {
    case 'applied': {
      if (values)
        return {
          severity: 'info',
          message: `=> ${values.length > 0 ? oneLine(values.join(', '), 500) : 'no values'}`,
        };
      const warnings = notes.filter(({ severity }) => severity === 'error' || severity === 'warning').length;
      const old = [
        threads.length > 0 ? ` ${capitalised(plural(threads.length, 'thread'))} still in the old code.` : '',
        unknown.length > 0
          ? ` Of ${plural(unknown.length, 'thread')} it is unknown whether in the old code.`
          : '',
      ].join('');
      return {
        severity: warnings > 0 ? 'warning' : 'info',
        message: `${capitalised(title)}: ${definitions.length > 0 ? what : 'done'} in ${Math.max(1, Math.round(duration_ms ?? 0))} ms.${users.length > 0 ? ` ${capitalised(users.join(', '))}.` : ''}${warnings > 0 ? ` ${capitalised(plural(warnings, 'warning'))}${why}` : ''}${old}${rest}`,
      };
    }
    case 'unchanged':
      if (users.length > 0)
        return {
          severity: 'info',
          message: `${capitalised(title)}: nothing was changed; ${users.join(', ')}.${rest}`,
        };
      if (rest) return { severity: 'info', message: `${capitalised(title)}: no definition differs.${rest}` };
      return { severity: 'info', message: `${capitalised(title)}: nothing to do, the image runs this text.` };
    case 'failed':
      return { severity: 'error', message: `${capitalised(title)} failed, nothing was changed${why}` };
    case 'rolled-back':
      return { severity: 'error', message: `${capitalised(title)} was rolled back${why}` };
    case 'partial':
      return {
        severity: 'error',
        message: `${capitalised(title)} failed in part${why}${why.endsWith('.') ? '' : '.'} What remains: ${listed((remains ?? []).map(each => oneLine(each, 200)))}`,
      };
    case undefined:
      return undefined;
  }
}

const lineOf = ({ range }: Pick<ReportedNote, 'range'>) => (range ? `line ${range.start.line + 1}` : '');

const place = (note: ReportedNote) => (note.range ? `${lineOf(note)}: ` : '');

export const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
