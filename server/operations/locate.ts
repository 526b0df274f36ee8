/** From where the image says that a definition comes from to the form of a text. */
import type { Location } from '../image/protocol.ts';
import { literally } from '../source/pattern.ts';
import { readSymbol } from '../source/symbols.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import { functionName, isCalled, nameAlone, spelling } from './names.ts';
import type { PlanContext, WrittenDefinition } from './operation.ts';

/** The form that a location means: by its name where the text moved, else at its offset. */
export function findForm(
  snapshot: Snapshot,
  location: Pick<Location, 'name' | 'byteOffset' | 'form' | 'digest'> & { readonly kind?: string },
): { form: TopLevelForm | undefined; stale: boolean } {
  const offset =
    location.byteOffset === undefined ? undefined : offsetOfByte(snapshot.text, location.byteOffset);
  // SBCL records an offset for functions and macros only, and where a file was loaded as source it is the place after the
  // form before: white space or a comment. The number of the form is there for all.
  const there = snapshot.forms.find(form =>
    offset === undefined ? form.active && form.index === location.form : form.span.end > offset,
  );
  const named = snapshot.forms.filter(
    form => form.active && form.definitions.some(each => matches(each, location.name)),
  );
  const changed = (form: TopLevelForm) => location.digest !== undefined && location.digest !== form.digest;
  const exact = named.find(form => location.digest === form.digest);
  const meant = named.length > 0 ? named : makersOf(snapshot, location);
  const own =
    there && (meant.length === 0 ? !definesOther(there, location.kind) : meant.includes(there))
      ? there
      : undefined;
  const form = exact ?? own ?? nearest(meant, offset);
  return {
    form,
    stale: form === undefined || changed(form) || (location.digest === undefined && form !== there),
  };
}

/** The form that SBCL means by a byte of a file, which is where it began to read: blanks and comments before the form count. */
export function formAtByte(snapshot: Snapshot, byte: number): TopLevelForm | undefined {
  const offset = offsetOfByte(snapshot.text, byte);
  return snapshot.forms.find(({ span }) => span.end > offset);
}

/** Kinds whose forms define what they name, and nothing else. */
const single: ReadonlySet<string> = new Set([
  'function',
  'macro',
  'generic-function',
  'method',
  'variable',
  'constant',
  'type',
  'symbol-macro',
  'compiler-macro',
  'setf-expander',
  'package',
  'declaration',
]);

/** Kinds whose forms define functions besides. */
const withFunctions: ReadonlySet<string> = new Set(['class', 'condition', 'structure']);
const ofFunctions: ReadonlySet<string | undefined> = new Set([
  undefined,
  'function',
  'generic-function',
  'method',
  'other',
]);

/** The classes, structures and conditions that say the name of a function, such as an accessor: they may make it. */
function makersOf(
  snapshot: Snapshot,
  { name, kind }: Pick<Location, 'name'> & { readonly kind?: string },
): TopLevelForm[] {
  if (!ofFunctions.has(kind)) return [];
  const makers = snapshot.forms.filter(
    ({ active, definitions }) => active && definitions.some(each => withFunctions.has(each.kind)),
  );
  const bare = readSymbol(functionName(nameAlone(name)).token).name;
  const said = new RegExp(`(?<![^\\s()':|])${literally(bare)}(?![^\\s()|])`, 'i');
  return makers.filter(({ span }) => said.test(snapshot.slice(span.start, span.end)));
}

/** Whether the form cannot be where something of that kind that it does not name comes from. */
function definesOther({ definitions, bodyStart }: TopLevelForm, kind: string | undefined): boolean {
  const [only] = definitions;
  if (definitions.length !== 1 || only!.span.start !== bodyStart) return false;
  return single.has(only!.kind) || (withFunctions.has(only!.kind) && !ofFunctions.has(kind));
}

function nearest(forms: readonly TopLevelForm[], offset = 0): TopLevelForm | undefined {
  return [...forms].sort((a, b) => Math.abs(a.span.start - offset) - Math.abs(b.span.start - offset))[0];
}

/** Whether a definition of a text, or a method inside a defgeneric, is what the image prints as `printed` ("COMPUTE", "AREA :AROUND (CIRCLE)"). */
export function matches(definition: SourceDefinition, printed: string): boolean {
  return (
    spelling(definition) === spelling({ name: printed }) ||
    (definition.kind === 'package' && isCalled(definition, printed)) ||
    definition.children.some(each => each.kind === 'method' && matches(each, printed))
  );
}

/** What the texts of the workspace have of the kind and the name, as the image prints it, of one of its definitions. */
export async function writtenAs(
  { kind, name, package: home }: Pick<Location, 'kind' | 'name' | 'package'>,
  context: Pick<PlanContext, 'written'>,
): Promise<WrittenDefinition | undefined> {
  const all = await context.written(functionName(nameAlone(name)).token, home);
  return all.find(
    ({ definition }) => definition.kind === kind && spelling(definition) === spelling({ name }),
  );
}

/** UTF-16 offset of the byte-th UTF-8 byte of `text`. */
function offsetOfByte(text: string, byte: number): number {
  return Buffer.from(text).subarray(0, byte).toString().length;
}
