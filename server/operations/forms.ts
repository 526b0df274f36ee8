/** From forms of a snapshot to forms of the wire. */
import { HotlispError } from '../errors.ts';
import type { DefinitionName, Form } from '../image/protocol.ts';
import { policyAt } from '../source/policy.ts';
import { readtableAt, syntaxForms } from '../source/readtables.ts';
import type { Snapshot, SourceDefinition, Span, TopLevelForm } from '../source/types.ts';
import type { ChangePlan, PlanContext, PlannedForm } from './operation.ts';

/** Wire kinds are those that an image knows; a test or system is "other" to it, and so is what exists only while a file is compiled. */
const wireKind = ({ kind, compileOnly }: SourceDefinition): DefinitionName['kind'] =>
  kind === 'test' || kind === 'system' || compileOnly ? 'other' : kind;

export function wireDefinition(definition: SourceDefinition): DefinitionName {
  return {
    kind: wireKind(definition),
    name: definition.name,
    ...(definition.qualifiers && { qualifiers: [...definition.qualifiers] }),
    ...(definition.specializers && { specializers: [...definition.specializers] }),
  };
}

/** The package of forms before any IN-PACKAGE: what LOAD and COMPILE-FILE start in, by convention. */
export const initialPackage = 'COMMON-LISP-USER';

/** What the text before a form says of how it is read and compiled. */
export type Surroundings = Pick<Form, 'readtable' | 'policy'>;

export function surroundingsAt(snapshot: Snapshot, offset: number): Surroundings {
  const readtable = readtableAt(snapshot, offset);
  const policy = policyAt(snapshot, offset);
  return { ...(readtable !== undefined && { readtable }), ...(policy && { policy: [...policy] }) };
}

/** Without what is undefined. */
export const surroundingsOf = ({ readtable, policy }: Surroundings): Surroundings => ({
  ...(readtable !== undefined && { readtable }),
  ...(policy && { policy }),
});

/** Where code without a place of its own is taken to stand. */
export interface Place {
  readonly package?: string;
  readonly surroundings?: Surroundings;
  readonly file?: string;
  readonly byteOffset: number;
  readonly line: number;
  readonly column: number;
  readonly index: number;
}

/**
 * `form` as it stands in `snapshot`; `place` overrides where that is.
 * @throws HotlispError `unknown-package` when an IN-PACKAGE stands before the form but does not name a package literally
 */
export function plannedForm(
  snapshot: Snapshot,
  form: TopLevelForm,
  file: string | undefined,
  place?: Place,
): PlannedForm {
  const { start, end } = form.span;
  if (form.packageUnknown) throw packageUnknown(snapshot, form);
  const packageName = form.package ?? place?.package ?? initialPackage;
  const before = snapshot.text.slice(0, start);
  const lineStart = Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1;
  const here = {
    byteOffset: Buffer.byteLength(before),
    line: snapshot.positionAt(start, 'utf-16').line,
    column: Array.from(before.slice(lineStart)).length,
    index: form.index,
  };
  const { package: _package, surroundings, file: placedFile, ...placed } = place ?? {};
  const shownFile = file ?? placedFile;
  return {
    snapshot,
    span: form.span,
    wire: {
      text: snapshot.text.slice(start, end),
      package: packageName,
      ...surroundings,
      ...surroundingsAt(snapshot, start),
      ...(shownFile !== undefined && { file: shownFile }),
      ...here,
      ...(place && combine(placed as Spot, here)),
      digest: form.digest,
      definitions: form.definitions.map(wireDefinition),
      evaluates: form.evaluates,
    },
  };
}

type Spot = Omit<Place, 'package' | 'surroundings' | 'file'>;

/** A form at `here` within code that itself stands at `place`. */
function combine(place: Spot, here: Spot): Spot {
  return {
    byteOffset: place.byteOffset + here.byteOffset,
    line: place.line + here.line,
    column: here.line === 0 ? place.column + here.column : here.column,
    index: place.index + here.index,
  };
}

function packageUnknown(snapshot: Snapshot, form: TopLevelForm): HotlispError {
  const line = snapshot.positionAt(form.span.start, 'utf-16').line + 1;
  return new HotlispError(
    'unknown-package',
    `The package of the form at line ${line} cannot be told: the IN-PACKAGE before it does not name one literally, and nothing is evaluated to find out.`,
    { line: line - 1 },
  );
}

export const isInPackage = (form: TopLevelForm) => form.operator === 'in-package';

/** The plan that installs `forms` of one document, in order. */
export function changeOf(
  snapshot: Snapshot,
  forms: readonly TopLevelForm[],
  title: string,
  context: PlanContext,
  onlyChanged = false,
): ChangePlan {
  const file = context.fileOf(snapshot.uri);
  const wanted = forms.filter(form => form.active && !isInPackage(form));
  const broken = wanted.filter(form => form.broken);
  const syntax = syntaxOf(snapshot, wanted, file);
  const whole = wanted.filter(
    form => !form.broken && !syntax.some(each => each.span.start === form.span.start),
  );
  const planned = whole.map(form => plannedForm(snapshot, form, file));
  return {
    type: 'change',
    title,
    onlyChanged,
    forms: [...syntax, ...planned].sort((a, b) => a.span.start - b.span.start),
    broken: broken.map(form => brokenForm(snapshot, form)),
    buffers: context.isOpen(snapshot.uri) ? [{ uri: snapshot.uri, version: snapshot.version }] : [],
  };
}

/** What has to be run before `forms` of one document so that they are read as they are meant. */
export function syntaxOf(
  snapshot: Snapshot,
  forms: readonly { readonly span: Span }[],
  file: string | undefined,
): readonly PlannedForm[] {
  const last = Math.max(0, ...forms.map(({ span }) => span.start));
  return syntaxForms(snapshot, last).map(form => ({ ...plannedForm(snapshot, form, file), syntax: true }));
}

export function brokenForm(snapshot: Snapshot, form: TopLevelForm): ChangePlan['broken'][number] {
  const problem = snapshot.problems.find(
    ({ span }) => span.start < form.span.end && span.end > form.span.start,
  );
  return {
    snapshot,
    span: problem?.span ?? form.span,
    message: problem?.message ?? 'This form cannot be read: something in it does not parse.',
  };
}

/** "compute-result", "area :around (circle)", "(setf foo)"; the operator where nothing is named. */
export function formName(form: TopLevelForm): string {
  const [first, ...others] = form.definitions;
  if (!first) return form.operator ? `${form.operator} form` : 'form';
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${definitionName(first)}${more}`;
}

export function definitionName({ name, qualifiers = [], specializers }: SourceDefinition): string {
  return [name, ...qualifiers, ...(specializers ? [`(${specializers.join(' ')})`] : [])].join(' ');
}
