/**
 * The users that a change leaves stale: those that the image knows of, with the forms that make them anew, and forms
 * that may be users, found by the names they mention.
 */
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Assessment, Definition, Dependent, Mention, PlacedName } from '../image/protocol.ts';
import { initialPackage, plannedForm, syntaxOf } from '../operations/forms.ts';
import { findForm, matches, writtenAs } from '../operations/locate.ts';
import { printedName } from '../operations/names.ts';
import type { ChangePlan, PlanContext, PlannedForm } from '../operations/operation.ts';
import type { PositionEncoding, Range, Snapshot, TopLevelForm } from '../source/types.ts';
import { assessmentsOf, loadedForm, runsThisText } from './loaded.ts';
import { mentioning, type Found } from './mentioning.ts';

/** A user of what changes, as the public contract has it. */
export interface ReportedDependent {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
  readonly uri: string | null;
  readonly range: Range | null;
  readonly status: 'recompiled' | 'listed';
  readonly certainty: 'certain' | 'possible';
  /** Why it is only listed. */
  readonly reason?: string;
}

export interface Dependents {
  /** To be installed after what changes, in this order. */
  readonly forms: readonly PlannedForm[];
  readonly reported: readonly ReportedDependent[];
  /** Documents whose later change makes the plan stale. */
  readonly buffers: ChangePlan['buffers'];
}

export const noDependents: Dependents = { forms: [], reported: [], buffers: [] };

export interface DependentsContext {
  readonly image: Image;
  readonly documents: Documents;
  readonly encoding: PositionEncoding;
  readonly mode: 'recompile' | 'list';
  /** The form without a file that was installed with this digest, where there was one. */
  readonly installed: (digest: string) => PlannedForm | undefined;
  readonly written: PlanContext['written'];
  readonly signal: AbortSignal;
}

/** Kinds whose users were compiled with what the definition said. */
const used: ReadonlySet<string> = new Set([
  'macro',
  'function',
  'compiler-macro',
  'symbol-macro',
  'setf-expander',
  'constant',
  'structure',
  'type',
  'method-combination',
  'declaration',
]);
/** Whether somebody may be stale once the assessed definition is installed. */
export const leavesStale = ({ definition: { kind, change }, class: effect }: Assessment) =>
  used.has(kind) &&
  (change === 'new' ? effect === 'dependents' : change === 'redefined' && effect !== 'safe');

interface Located {
  readonly snapshot: Snapshot;
  readonly form: TopLevelForm;
}

const keyOf = ({ snapshot, form }: { snapshot: Snapshot; form: Pick<TopLevelForm, 'span'> }) =>
  `${form.span.start} ${snapshot.uri}`;

/**
 * Who becomes stale when `changed` is changed by `forms`, those aside.
 * @throws HotlispError when the image is lost or the call cancelled
 */
export async function findDependents(
  context: DependentsContext,
  changed: readonly PlacedName[],
  forms: readonly PlannedForm[],
  definitions: readonly Definition[],
): Promise<Dependents> {
  const known = new Set(forms.map(({ snapshot, span }) => keyOf({ snapshot, form: { span } })));
  const recompiled = new Map<string, PlannedForm>();
  const certain: ReportedDependent[] = [];
  const possible = new Map<string, ReportedDependent>();
  const named = new Set(definitions.map(keyOfName));
  // Who is found by its text alone may be inlined where the image knows of: another round for those.
  for (let asked = changed; asked.length > 0;) {
    const { users, mentions } = await usersOf(context, asked, named);
    // One form may define several of them.
    const others = users.filter(({ located }) => !located || !known.has(keyOf(located)));
    for (const { planned, located, reported } of others) {
      if (located) known.add(keyOf(located));
      certain.push(reported);
      if (planned) recompiled.set(located ? keyOf(located) : planned.wire.digest, planned);
    }
    const beside = [...forms, ...recompiled.values()].flatMap(({ wire: { file } }) => file ?? []);
    const found = (await mentioning(context.documents, mentions, beside)).filter(
      each => !known.has(keyOf(each)),
    );
    const next: PlacedName[] = [];
    for (const { each, planned } of await withRunning(context, found)) {
      const key = keyOf(each);
      if (!planned) possible.set(key, reportOf(each, context.encoding, mentionOf(each)));
      else {
        known.add(key);
        possible.delete(key);
        certain.push(reportOf(each, context.encoding, verdictOf(context)));
        if (context.mode === 'recompile') recompiled.set(key, planned);
        for (const definition of planned.wire.definitions)
          if (definition.kind === 'function' || definition.kind === 'declaration')
            next.push({ definition, package: planned.wire.package });
      }
    }
    asked = next;
  }
  const again = typesBeforeUsers([...recompiled.values()]);
  return {
    forms: [...syntaxBefore(context.documents, again), ...again],
    reported: [...certain, ...possible.values()],
    buffers: buffersOf(context.documents, again),
  };
}

/** Types are found by their texts alone, after what the image knows of: macros may make them, and all else may be compiled with them. */
function typesBeforeUsers(forms: readonly PlannedForm[]): readonly PlannedForm[] {
  const rank = ({ wire: { definitions } }: PlannedForm) => {
    const ranks = definitions.map(({ kind }) => ['macro', 'type'].indexOf(kind));
    return ranks.length > 0 && ranks.every(each => each === ranks[0] && each >= 0) ? ranks[0]! : 2;
  };
  return forms.some(form => rank(form) === 1) ? [...forms].sort((a, b) => rank(a) - rank(b)) : forms;
}

/** What has to be run before forms of several documents. */
function syntaxBefore(documents: Documents, forms: readonly PlannedForm[]): readonly PlannedForm[] {
  return [...new Set(forms.map(({ snapshot }) => snapshot))].flatMap(snapshot =>
    syntaxOf(
      snapshot,
      forms.filter(form => form.snapshot === snapshot),
      documents.fileOf(snapshot.uri),
    ),
  );
}

/** What the image knows of the users of `changed`, without those `named`, and which names its records leave out. */
async function usersOf(
  context: DependentsContext,
  changed: readonly PlacedName[],
  named: ReadonlySet<string>,
): Promise<{ users: readonly Judged[]; mentions: readonly Mention[] }> {
  const { image, signal } = context;
  const answer = await image.call('dependents', { definitions: [...changed] }, { signal });
  const users = answer.dependents.filter(user => !named.has(keyOfName(user)));
  const dates = datesOf(users);
  return {
    users: await Promise.all(users.map(user => judge(context, user, dates))),
    mentions: answer.mentions,
  };
}

/** What was found by its text, with how it is compiled again where it is a user and the image runs just that text. */
async function withRunning(
  { image, documents, signal }: DependentsContext,
  found: readonly Found[],
): Promise<{ each: Found; planned?: PlannedForm }[]> {
  const users = found.flatMap(each => {
    const { snapshot, form, uses } = each;
    return uses && !form.broken && !form.packageUnknown && !runsCode(form)
      ? [{ each, planned: plannedForm(snapshot, form, documents.fileOf(snapshot.uri)) }]
      : [];
  });
  if (users.length === 0) return found.map(each => ({ each }));
  const { assessments } = await image.call(
    'check',
    {
      forms: [...users.map(({ planned }) => planned), ...datingForms(users, documents)].map(
        ({ wire }) => wire,
      ),
      threads: false,
    },
    { signal },
  );
  const running = await Promise.all(
    users.map(async ({ planned }, index) => {
      const own = assessmentsOf(assessments, index);
      const runs = await Promise.all(own.map(each => runsThisText(each, planned, assessments, documents)));
      return own.length > 0 && runs.every(Boolean);
    }),
  );
  const plans = new Map(
    users.filter((_, index) => running[index]).map(({ each, planned }) => [each, planned]),
  );
  return found.map(each => {
    const planned = plans.get(each);
    return planned ? { each, planned } : { each };
  });
}

/** Functions by which the image dates files of which it is asked about declamations alone. */
function datingForms(users: readonly { readonly each: Found }[], documents: Documents): PlannedForm[] {
  const files = new Set(users.map(({ each }) => each.snapshot));
  return [...files].flatMap(snapshot => {
    const form = snapshot.forms.find(
      ({ active, broken, packageUnknown, definitions: [first] }) =>
        active && !broken && !packageUnknown && first?.kind === 'function',
    );
    return form ? [plannedForm(snapshot, form, documents.fileOf(snapshot.uri))] : [];
  });
}

const keyOfName = ({ kind, name, package: home }: { kind: string; name: string; package: string }) =>
  `${kind} ${home} ${name}`;

/** SBCL dates some definitions only, so the oldest of a file speaks for all of it. */
function datesOf(users: readonly Dependent[]): ReadonlyMap<string, number> {
  const dates = new Map<string, number>();
  for (const { file, fileWriteDate, digest } of users) {
    // What an operation installed is dated by that operation, not by its file.
    if (file === undefined || fileWriteDate === undefined || digest !== undefined) continue;
    dates.set(file, Math.min(fileWriteDate, dates.get(file) ?? Infinity));
  }
  return dates;
}

interface Judged {
  readonly located?: Located;
  readonly planned?: PlannedForm;
  readonly reported: ReportedDependent;
}

/** Finds the form of a user and decides whether it can be compiled again as the image has it. */
async function judge(
  context: DependentsContext,
  user: Dependent,
  dates: ReadonlyMap<string, number>,
): Promise<Judged> {
  const { kind, name, package: home, file } = user;
  const base = { kind, name, package: home, uri: null, range: null };
  const listed = (reason: string, certainty: 'certain' | 'possible' = 'certain'): Judged => ({
    reported: { ...base, status: 'listed', certainty, reason },
  });
  const recompiled = (planned: PlannedForm): Pick<Judged, 'planned'> =>
    context.mode === 'recompile' ? { planned } : {};
  const verdict = verdictOf(context);
  if (file === undefined) {
    const installed = user.digest === undefined ? undefined : context.installed(user.digest);
    if (!installed) return listedWhereWritten(context, listed('its source is not known'));
    return { ...recompiled(installed), reported: { ...base, ...verdict } };
  }
  const { documents, encoding } = context;
  const uri = documents.uriOf(file);
  const snapshot = await documents.snapshot(uri).catch(() => undefined);
  if (!snapshot) return listed('its file cannot be read');
  const running =
    user.digest === undefined
      ? await loadedForm(documents, uri, user.fileWriteDate ?? dates.get(file), user)
      : { digest: user.digest };
  const same = running && snapshot.forms.find(each => isForm(each, running));
  const form = same ?? findForm(snapshot, user).form;
  if (!form) return listed('its file does not have it any more', 'possible');
  const located = { snapshot, form };
  const span = form.definitions.find(each => matches(each, name))?.span ?? form.span;
  const there = { ...base, uri, range: snapshot.rangeOf(span, encoding) };
  const only = (reason: string, certainty: 'certain' | 'possible' = 'certain'): Judged => ({
    located,
    reported: { ...there, status: 'listed', certainty, reason },
  });
  if (!same) return only('its text was edited since the image loaded it', 'possible');
  if (form.broken || form.packageUnknown) return only('its form cannot be read as it stands', 'possible');
  if (runsCode(form)) return only('loading its form again would run more than the definition');
  return {
    located,
    ...recompiled(plannedForm(snapshot, form, documents.fileOf(uri))),
    reported: { ...there, ...verdict },
  };
}

/** The image's file is not on this host, or there is none: where a text has the same definition, a person may look. */
async function listedWhereWritten(context: DependentsContext, { reported }: Judged): Promise<Judged> {
  const same = await writtenAs(reported, context);
  if (!same) return { reported };
  const { uri, definition } = same;
  const reason = 'the image does not say which text it runs; here it is written, and may differ';
  return { reported: { ...reported, uri, range: definition.range, reason } };
}

const recompiledVerdict = { status: 'recompiled', certainty: 'certain' } as const;
const listedBySetting = {
  status: 'listed',
  certainty: 'certain',
  reason: 'the setting hotlisp.reload.dependents is "list"',
} as const;

const isForm = (form: TopLevelForm, { digest, package: home }: { digest: string; package?: string }) =>
  form.active && form.digest === digest && (home === undefined || home === (form.package ?? initialPackage));

/** A definer of the user's own is taken to define; a LET around a definition, or a call, does more. */
const runsCode = ({ evaluates, operator }: TopLevelForm) => evaluates && !/^def/.test(operator ?? '');

type Verdict = Pick<ReportedDependent, 'status' | 'certainty' | 'reason'>;

const verdictOf = ({ mode }: DependentsContext): Verdict =>
  mode === 'recompile' ? recompiledVerdict : listedBySetting;

const mentionOf = ({ name, declares }: Found): Verdict => ({
  status: 'listed',
  certainty: 'possible',
  reason: declares ? declared[declares](name) : `it mentions ${name}`,
});

/** Why what a changed type is declared of is not done again by itself: there are values that were made and compiled for what it was. */
const declared: Readonly<Record<NonNullable<Found['declares']>, (type: string) => string>> = {
  slots: type =>
    `slots are of the type ${type}: they take what it was, for the structures that there are, until this is reloaded, which SBCL refuses where they would be stored otherwise`,
  names: type => `it declares names to be of the type ${type}, as it was until this is reloaded`,
};

function reportOf(
  { snapshot, form }: Found,
  encoding: PositionEncoding,
  verdict: Verdict,
): ReportedDependent {
  const [definition] = form.definitions;
  return {
    kind: definition?.kind ?? 'other',
    name: definition ? printedName(definition) : (form.operator ?? 'form').toUpperCase(),
    package: form.package ?? initialPackage,
    uri: snapshot.uri,
    range: snapshot.rangeOf(definition?.span ?? form.span, encoding),
    ...verdict,
  };
}

function buffersOf(documents: Documents, forms: readonly PlannedForm[]): ChangePlan['buffers'] {
  const uris = new Set(forms.map(({ snapshot }) => snapshot.uri));
  return [...uris].flatMap(uri => {
    const open = documents.get(uri);
    return open ? [{ uri, version: open.version }] : [];
  });
}
