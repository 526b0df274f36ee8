/** What a change would do to the image, and which of its forms the image runs already. */
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Assessment, PlacedName, Result, Setter } from '../image/protocol.ts';
import { initialPackage } from '../operations/forms.ts';
import type { ChangePlan, PlannedForm } from '../operations/operation.ts';
import { inTurns } from '../source/slices.ts';
import { findDependents, leavesStale, type Dependents, type DependentsContext } from './dependents.ts';
import type { BareForms } from './bareForms.ts';
import type { Desk } from './desk.ts';
import { assessmentsOf, compared, loadedDate, once, runsThisText, wasLoaded } from './loaded.ts';
import type { PreviousSources } from './previous.ts';
import { settersOf } from './setters.ts';

export interface Assessed {
  /** The forms that the change consists of; `assessments[].form` indexes them. */
  readonly forms: readonly PlannedForm[];
  readonly assessments: readonly Assessment[];
  readonly generation: number;
  /** Threads that are, or may be, inside code that the change replaces, its dependents' included. */
  readonly threads: Result<'check'>['threads'];
  readonly dependents: Dependents;
  /** What functions set that the change calls. */
  readonly setters: readonly Setter[];
  /** Forms that are left out since they define nothing by name, and that are not known to have been run as they stand. */
  readonly leftOut?: readonly PlannedForm[];
}

/** Asks the image what the plan would do, and to whom besides; installs nothing. */
export async function assess(
  desk: Desk,
  image: Image,
  plan: ChangePlan,
  signal: AbortSignal,
): Promise<Assessed> {
  const check = (forms: readonly PlannedForm[]) =>
    image.call('check', { forms: forms.map(({ wire }) => wire), threads: true }, { signal });
  const checked = await check(plan.forms);
  const assessments = await compared(checked.assessments, plan.forms, desk.deps.documents);
  const whole = { ...checked, forms: plan.forms, assessments };
  const previous = desk.previousSources(image);
  const kept = plan.onlyChanged ? await onlyChanged(whole, desk.deps.documents, previous) : whole;
  // Syntax that the kept forms need is run for them.
  const runs = new Set(kept.forms.map(({ span }) => span.start));
  const nameless = (plan.nameless ?? []).filter(({ span }) => !runs.has(span.start));
  const leftOut = await changedNameless(desk, image, nameless, assessments, signal);
  const change = { ...kept, leftOut };
  const context = dependentsContext(
    desk,
    image,
    // Who asks for the users of a name wants them compiled.
    plan.dependentsOf ? 'recompile' : desk.deps.settings()['reload.dependents'],
    signal,
  );
  const changed = await changedNames(change, desk.deps.documents);
  const dependents = await findDependents(
    context,
    [...changed, ...(plan.dependentsOf ?? [])],
    change.forms,
    change.assessments.map(({ definition }) => definition),
  );
  const setters = await settersOf(image, change.forms, signal);
  if (dependents.forms.length === 0) return { ...change, dependents, setters };
  const { threads } = await check([...change.forms, ...dependents.forms]);
  return { ...change, threads, dependents, setters };
}

export const dependentsContext = (
  desk: Desk,
  image: Image,
  mode: DependentsContext['mode'],
  signal: AbortSignal,
): DependentsContext => ({
  image,
  documents: desk.deps.documents,
  encoding: desk.encoding,
  mode,
  written: desk.deps.written,
  installed: digest => desk.previousSources(image).scratch(digest),
  signal,
});

type Checked = Omit<Assessed, 'dependents' | 'setters'>;

/** Of forms that define nothing by name, those that are not known to be what was run last in their place. */
async function changedNameless(
  desk: Desk,
  image: Image,
  forms: readonly PlannedForm[],
  assessments: readonly Assessment[],
  signal: AbortSignal,
): Promise<readonly PlannedForm[]> {
  const { bare } = desk.previousSources(image);
  const waiting = forms.filter(form => !bare.hasRun(form));
  const [first] = waiting;
  if (!first) return [];
  const second = loadedDate(assessments, first.wire.file) ?? (await dateOfFile(image, first, signal));
  const texts = { textsAt: once((of: string, at: number) => desk.deps.documents.textsAt(of, at)) };
  const found = await inTurns(waiting, async form =>
    (await wasRun(bare, form, texts, second)) ? [] : [form],
  );
  return found.flat();
}

/** Whether the form is known to be what was run last in its place. */
async function wasRun(
  bare: BareForms,
  form: PlannedForm,
  texts: Pick<Documents, 'textsAt'>,
  second: number | undefined,
): Promise<boolean> {
  if (bare.hasRun(form)) return true;
  const { digest, package: home } = form.wire;
  return (
    !bare.mayBeReplaced(form) && wasLoaded(texts, second, { uri: form.snapshot.uri, digest, package: home })
  );
}

/** When what the image loaded of the form's file was written, also where nothing that it defines by name tells: the form is asked about as if it did. */
async function dateOfFile(
  image: Image,
  { wire }: PlannedForm,
  signal: AbortSignal,
): Promise<number | undefined> {
  const asked = {
    ...wire,
    package: initialPackage,
    definitions: [{ kind: 'other' as const, name: '"file"' }],
  };
  const { assessments } = await image.call('check', { forms: [asked], threads: false }, { signal });
  return loadedDate(assessments, wire.file);
}

/** Kinds of which a later definition of the same name does not take the place of an earlier one. */
const adding: ReadonlySet<string> = new Set(['declaration', 'package', 'other']);

/**
 * Leaves out the forms that the image runs already: those whose definitions a later form, which it runs, takes the place of, and of
 * several forms of the program's own definers that share a name, of which an image knows the last, those that were run or loaded, too.
 */
async function onlyChanged(
  checked: Checked,
  documents: Documents,
  previous: PreviousSources,
): Promise<Checked> {
  const { forms, assessments } = checked;
  const running = await Promise.all(
    assessments.map(each => runsThisText(each, forms[each.form]!, assessments, documents)),
  );
  const nameOf = ({ definition: { kind, name, package: home } }: Assessment) => `${kind} ${home} ${name}`;
  const runsLast = new Map(assessments.map((each, at) => [nameOf(each), running[at]! ? each.form : -1]));
  const texts = { textsAt: once((uri: string, second: number) => documents.textsAt(uri, second)) };
  const isThere = async (each: Assessment, at: number) => {
    if (running[at]!) return true;
    const { definition, installed } = each;
    if (definition.kind !== 'other')
      return !adding.has(definition.kind) && runsLast.get(nameOf(each))! > each.form;
    const form = forms[each.form]!;
    if (installed === undefined || !previous.isLast(form, installed)) return false;
    return wasRun(previous.bare, form, texts, loadedDate(assessments, form.wire.file));
  };
  const there = new Map(
    await inTurns(assessments, async (each, at) => [each, await isThere(each, at)] as const),
  );
  const changed = forms.map((_, index) => !assessmentsOf(assessments, index).every(each => there.get(each)));
  const kept = forms.flatMap((form, index) => {
    const later = form.syntax && changed.some((each, n) => each && n > index);
    return later || (changed[index] && !form.syntax) ? [{ form, index }] : [];
  });
  return {
    ...checked,
    forms: kept.map(({ form }) => form),
    assessments: kept.flatMap(({ index }, position) =>
      assessmentsOf(assessments, index).map(each => ({ ...each, form: position })),
    ),
  };
}

/** The definitions whose users will be stale: those that say another thing than the image runs. */
async function changedNames(
  { forms, assessments }: Checked,
  documents: Documents,
): Promise<readonly PlacedName[]> {
  const names = await Promise.all(
    forms.map(async (form, index) => {
      const own = assessmentsOf(assessments, index);
      const stale = await Promise.all(
        own.map(async each => leavesStale(each) && !(await runsThisText(each, form, assessments, documents))),
      );
      // The assessments of a form come in the order of its definitions.
      return form.wire.definitions
        .filter((_, at) => stale[at])
        .map(definition => ({
          definition,
          package: form.wire.package,
        }));
    }),
  );
  return names.flat();
}
