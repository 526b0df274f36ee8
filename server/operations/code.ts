/** Changing the image from code that a caller holds as a string. */
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import type { Location } from '../image/protocol.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import { arguments_, operation, type ChangePlan, type PlanContext, type PlannedForm } from './operation.ts';
import { matches } from './locate.ts';
import { functionName, spelling, withoutPackage, type FunctionName } from './names.ts';
import {
  brokenForm,
  formName,
  plannedForm,
  surroundingsAt,
  surroundingsOf,
  syntaxOf,
  type Place,
} from './forms.ts';

export const codeCompileString = operation({
  name: 'code_compile_string',
  title: 'Compile and load string',
  documentation:
    'Compiles and loads code. With `filename`, its definitions take the place of those of the same name in that file: package and source location come from there.',
  approval: 'compile-file',
  args: z.strictObject({
    code: z.string().min(1).describe('one form or several'),
    filename: z
      .string()
      .min(1)
      .optional()
      .describe('a source file, relative ones from the workspace folder; it is not changed by this'),
    package: arguments_.package
      .describe('read in this one; else in that of its place in the file, in CL-USER where there is none')
      .optional(),
    position: arguments_.position.optional(),
  }),
  async plan(args, context) {
    const code = context.scratch(args.code);
    const file = args.filename === undefined ? undefined : await existing(context, args.filename);
    return codePlan(
      code,
      'compile',
      args.filename === undefined ? undefined : context.fileOf(context.uriOf(args.filename)),
      args.package,
      form => placeIn(file, form, args.position, context),
      file,
    );
  },
});

export const codeReplaceFunction = operation({
  name: 'code_replace_function',
  title: 'Replace function',
  documentation: 'Compiles one defining form and swaps the function of that name for it, atomically.',
  approval: 'modify-running-code',
  args: z.strictObject({ function: arguments_.symbol, new_code: z.string().min(1) }),
  async plan(args, context) {
    const code = context.scratch(args.new_code);
    const asked = functionName(args.function);
    const { form, definition } = soleDefinition(code, args.function, asked);
    const written = definition && functionName(definition.name);
    const inCode = written?.package ?? form.package;
    const locations = await context.locate(asked.token, asked.package === undefined ? inCode : undefined);
    if (written && asked.package !== undefined && inCode !== undefined && inCode !== asked.package)
      await refuseOtherSymbol(context, args.function, locations, written, form.package);
    const location = locationOf(locations, asked, definition);
    const file = location?.file === undefined ? undefined : await existing(context, location.file);
    const packageName = asked.package ?? inCode ?? location?.package;
    if (packageName === undefined)
      throw new HotlispError(
        'unknown-package',
        `Which package is ${args.function} in? Write it with its prefix, as in my-app:${asked.token}.`,
        {
          path: 'function',
        },
      );
    const place = (each: TopLevelForm) => placeIn(file, each, undefined, context);
    return codePlan(code, 'replace', location?.file, packageName, place, file);
  },
});

/** Where the image has what is to be replaced: that very definition, else the function. */
function locationOf(
  locations: readonly Location[],
  asked: FunctionName,
  definition: SourceDefinition | undefined,
): Location | undefined {
  const name = withoutPackage(asked);
  return (
    locations.find(each => each.kind === definition?.kind && matches(definition, each.name)) ??
    locations.find(
      each =>
        ['function', 'macro', 'generic-function'].includes(each.kind) &&
        spelling({ name: each.name }) === name,
    )
  );
}

/** @throws HotlispError `invalid-arguments` unless the name in the code is, in another package, the symbol asked for */
async function refuseOtherSymbol(
  context: PlanContext,
  asked: string,
  locations: readonly Location[],
  written: FunctionName,
  packageName: string | undefined,
): Promise<void> {
  const own = await context.locate(written.token, packageName).catch(() => []);
  if (own.some(one => locations.some(each => each.package === one.package && each.name === one.name))) return;
  throw new HotlispError(
    'invalid-arguments',
    `new_code defines ${written.token} in ${written.package ?? packageName}, but the function to replace is ${asked}.`,
    { path: 'new_code' },
  );
}

function codePlan(
  code: Snapshot,
  verb: string,
  file: string | undefined,
  packageName: string | undefined,
  placeOf: (form: TopLevelForm) => (Place & { readonly offset: number }) | undefined,
  text: Snapshot | undefined,
): ChangePlan {
  const active = code.forms.filter(form => form.active);
  const forms = active.filter(form => form.operator !== 'in-package' && !form.broken);
  const broken = active.filter(form => form.broken).map(form => brokenForm(code, form));
  const strays =
    broken.length === 0 ? code.problems.map(({ span, message }) => ({ snapshot: code, span, message })) : [];
  if (forms.length + broken.length + strays.length === 0)
    throw new HotlispError('invalid-arguments', 'There is no form in the code.', { path: 'code' });
  const placed = forms.map(form => ({ form, place: placeOf(form) }));
  const last = Math.max(0, ...placed.map(({ place }) => place?.offset ?? 0));
  // What the file runs before that place, for what follows to be read as it is there.
  const syntax: readonly PlannedForm[] = text
    ? syntaxOf(text, [{ span: { start: last, end: last } }], file)
    : [];
  return {
    type: 'change',
    title: `${verb} ${forms.length === 1 ? formName(forms[0]!) : `${forms.length} forms`}`,
    onlyChanged: false,
    forms: [
      ...syntax,
      ...placed.map(({ form, place }) => {
        const { offset: _offset, ...spot } = place ?? { ...start, offset: 0 };
        const inPackage = packageName ?? spot.package;
        const planned = plannedForm(code, form, file, {
          ...spot,
          ...(inPackage !== undefined && { package: inPackage }),
        });
        return { ...planned, ...standing(text, place, planned), wire: { ...planned.wire, unsaved: true } };
      }),
    ],
    broken: [...broken, ...strays],
    buffers: [],
  };
}

/** Where the file has the very text of a form, which its notes belong to then. */
function standing(
  file: Snapshot | undefined,
  place: { readonly offset: number } | undefined,
  { wire, span }: PlannedForm,
): Pick<PlannedForm, 'snapshot' | 'span'> | undefined {
  if (!file || !place) return undefined;
  // Code that a caller placed may have several forms; a definition of the file's stands for itself.
  const found = [place.offset, place.offset + span.start].find(at => file.text.startsWith(wire.text, at));
  return found === undefined
    ? undefined
    : { snapshot: file, span: { start: found, end: found + wire.text.length } };
}

const start: Place = { byteOffset: 0, line: 0, column: 0, index: 0 };

/** The file's snapshot; undefined where there is no such file yet. */
async function existing(context: PlanContext, file: string): Promise<Snapshot | undefined> {
  try {
    return await context.snapshot(context.uriOf(file));
  } catch (error) {
    if (error instanceof HotlispError && error.kind === 'invalid-arguments') return undefined;
    throw error;
  }
}

/** Where `form` belongs in `file`, and at which offset: the definition of the same name there, else the position asked for, else the end. */
function placeIn(
  file: Snapshot | undefined,
  form: TopLevelForm,
  position: { line: number; character: number } | undefined,
  context: PlanContext,
): (Place & { readonly offset: number }) | undefined {
  if (!file)
    return (
      position && {
        ...start,
        offset: 0,
        line: position.line,
        column: position.character,
        byteOffset: position.line + position.character,
      }
    );
  const same = position ? undefined : file.forms.find(each => each.active && sameDefinition(each, form));
  if (same) {
    const { file: _file, ...place } = plannedForm(file, same, undefined).wire;
    return { ...place, surroundings: surroundingsOf(place), offset: same.span.start };
  }
  const offset = position ? file.offsetAt(position, context.encoding) : file.text.length;
  const before = file.forms.filter(each => each.span.end <= offset);
  const packageName = file.packageAt(offset);
  const text = file.text.slice(0, offset);
  return {
    offset,
    ...(packageName !== undefined && { package: packageName }),
    surroundings: surroundingsAt(file, offset),
    byteOffset: Buffer.byteLength(text),
    line: file.positionAt(offset, 'utf-16').line,
    column: Array.from(text.slice(Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1)).length,
    index: before.filter(each => each.active).length,
  };
}

function sameDefinition(one: TopLevelForm, other: TopLevelForm): boolean {
  const [a] = one.definitions;
  const [b] = other.definitions;
  return a !== undefined && b !== undefined && a.kind === b.kind && spelling(a) === spelling(b);
}

/**
 * The only form and what it defines; no definition where the form does not parse.
 * @throws HotlispError `invalid-arguments` unless `code` is exactly one form and defines the function of that name
 */
function soleDefinition(
  code: Snapshot,
  asked: string,
  name: FunctionName,
): { readonly form: TopLevelForm; readonly definition?: SourceDefinition } {
  const fail = (message: string) => new HotlispError('invalid-arguments', message, { path: 'new_code' });
  const forms = code.forms.filter(form => form.active && form.operator !== 'in-package');
  const [form] = forms;
  if (!form || forms.length !== 1)
    throw fail(`new_code must be exactly one form that defines ${asked}; it has ${forms.length} forms.`);
  if (form.broken) return { form };
  const [definition] = form.definitions;
  if (
    !definition ||
    form.definitions.length !== 1 ||
    !['function', 'macro', 'generic-function', 'method'].includes(definition.kind)
  )
    throw fail(
      `new_code must define the function ${asked}; it is ${definition ? `a ${definition.operator} form` : `a call of ${form.operator ?? 'nothing'}`}.`,
    );
  if (spelling({ name: definition.name }) !== withoutPackage(name))
    throw fail(`new_code defines ${definition.name}, but the function to replace is ${asked}.`);
  return { form, definition };
}
