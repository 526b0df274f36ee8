/** Editing one form of a file as an undoable edit of its buffer. */
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import { inSlices } from '../source/slices.ts';
import type { Range, Snapshot, TopLevelForm } from '../source/types.ts';
import { editAt, newlineOf, siteOf, withEdit, type Content, type FormEdit } from './formEdit.ts';
import { documentAt } from './fileArgument.ts';
import { definitionName } from './forms.ts';
import { definitionsCalled, functionName, mostMeant, nameAlone, type Named } from './names.ts';
import { operation, type PlanContext } from './operation.ts';

const operations = ['replace', 'insert_before', 'insert_after', 'delete'] as const;

export const lispEditForm = operation({
  name: 'lisp_edit_form',
  title: 'Edit form',
  documentation:
    'Replaces, deletes or adds next to the form that defines a name, as one edit of the buffer; everything else stays byte for byte.',
  args: z
    .strictObject({
      operation: z.enum(operations),
      file_path: z.string().min(1).describe('a path, relative ones from the workspace folder, or a URI'),
      form_type: z.string().min(1).describe('the defining operator ("defun"), or the kind ("function")'),
      form_name: z
        .string()
        .min(1)
        .describe(
          'the name as written; of a method with its qualifiers and specializers where it has several: "area :around (circle)"',
        ),
      content: z.string().optional().describe('exactly one form; not with delete'),
      dry_run: z.boolean().default(false).describe('answer the edit without making it'),
    })
    .refine(args => (args.operation === 'delete') === (args.content === undefined), {
      message: 'goes with replace, insert_before and insert_after, and only with them',
      path: ['content'],
    }),
  async plan(args, context) {
    const snapshot = await documentAt(context, 'file_path', args.file_path);
    const named = await soleForm(snapshot, args.form_type, args.form_name, context);
    const content = args.content === undefined ? undefined : soleContent(args.content, snapshot, context);
    const edit = editAt(snapshot, siteOf(snapshot, named), args.operation, content);
    await verify(snapshot, named, edit, args.operation, context);
    const range = rangeOf(snapshot, edit, context);
    return {
      type: 'edit',
      dryRun: args.dry_run,
      label: `${args.operation} ${args.form_name}`,
      uri: snapshot.uri,
      version: context.isOpen(snapshot.uri) ? snapshot.version : null,
      edits: [{ range, newText: edit.text }],
      report: {
        operation: args.operation,
        path: context.fileOf(snapshot.uri),
        uri: snapshot.uri,
        range,
        before: snapshot.text.slice(edit.span.start, edit.span.end),
        after: edit.text,
      },
    };
  },
});

/** @throws HotlispError `invalid-arguments` unless exactly one form has that type and name */
async function soleForm(
  snapshot: Snapshot,
  type: string,
  name: string,
  context: PlanContext,
): Promise<Named> {
  const called = await inSlices(definitionsCalled(snapshot.forms, type, name));
  const found = mostMeant(await inPackageOf(called, name, context), name);
  const fail = (message: string) =>
    new HotlispError('invalid-arguments', `hotlisp.lisp_edit_form: ${message}`, { path: 'form_name' });
  const line = ({ definition }: Named) => snapshot.positionAt(definition.span.start, 'utf-16').line + 1;
  if (found.length === 0) {
    const alike = await inSlices(definitionsCalled(snapshot.forms, undefined, nameAlone(name)));
    const others = alike.map(
      ({ form, definition }) =>
        `(${definition.operator} ${definitionName(definition)})${called.length > 0 ? ` of ${form.package}` : ''}`,
    );
    throw fail(
      `there is no ${type} ${name} in ${snapshot.uri}.${others.length > 0 ? ` Did you mean ${[...new Set(others)].join(' or ')}?` : ''}`,
    );
  }
  if (found.length > 1) {
    const spelled = new Set(found.map(({ definition }) => definitionName(definition)));
    const lines = found.map(line).join(', ');
    throw fail(
      spelled.size > 1
        ? `${name} names ${found.length} forms (lines ${lines}): say which one, as ${[...spelled].join(' or ')}.`
        : `${name} is defined ${found.length} times (lines ${lines}), and nothing in the names tells them apart. Edit it by hand.`,
    );
  }
  const [named] = found as [Named];
  if (named.form.broken)
    throw fail(
      `the form ${name} at line ${line(named)} does not parse, so its end is not certain. Mend it by hand first.`,
    );
  return named;
}

/** Those whose symbol the name means: a prefix names one package, or another one that exports the symbol, and no other. */
async function inPackageOf(
  called: readonly Named[],
  name: string,
  context: PlanContext,
): Promise<readonly Named[]> {
  const asked = functionName(nameAlone(name));
  if (asked.package === undefined) return called;
  const isMeant = await Promise.all(
    called.map(async ({ form, definition }) => {
      const { token, package: prefix } = functionName(definition.name);
      const home = prefix ?? form.package;
      // of a text without IN-PACKAGE nothing can be said
      if (home === undefined || home === asked.package || form.package === undefined) return true;
      const homes = await Promise.all([asked.token, token].map(each => context.homeOf(each, form.package!)));
      return homes.includes(undefined) || homes[0] === homes[1];
    }),
  );
  return called.filter((_named, i) => isMeant[i]);
}

/** @throws HotlispError `invalid-arguments` unless `content` is exactly one whole form, with comments around it at most */
function soleContent(content: string, target: Snapshot, context: PlanContext): Content {
  const fail = (message: string) =>
    new HotlispError('invalid-arguments', `hotlisp.lisp_edit_form: content ${message}`, { path: 'content' });
  const scratch = context.scratch(content);
  const { forms, problems, root } = scratch;
  const [problem] = problems;
  if (problem) {
    const { line, character } = scratch.positionAt(problem.span.start, 'utf-16');
    throw fail(`cannot be read (line ${line + 1}, column ${character + 1}): ${problem.message}`);
  }
  const [form] = forms;
  if (!form)
    throw fail(/\S/.test(content) ? 'holds comments, and no form.' : 'is empty; give exactly one form.');
  if (forms.length > 1) throw fail(`holds ${forms.length} forms; give exactly one.`);
  const first = root.children[0]!;
  const last = root.children.at(-1)!;
  const newline = newlineOf(target.text);
  return {
    text: content
      .slice(Math.min(first.span.start, form.span.start), Math.max(last.span.end, form.span.end))
      .replace(/\r\n|\r|\n/g, newline),
    guarded: form.bodyStart > form.span.start,
    endsInComment: last.type === 'comment',
  };
}

/**
 * The last look before an edit leaves: read as a whole, the edited text has the same forms but for the one in question.
 * @throws HotlispError `invalid-arguments` when it has not
 */
async function verify(
  snapshot: Snapshot,
  { form, definition }: Named,
  edit: FormEdit,
  what: (typeof operations)[number],
  context: PlanContext,
): Promise<void> {
  const edited = context.scratch(withEdit(snapshot.text, edit));
  await edited.ready();
  const before = await inSlices(soundForms(snapshot));
  const after = await inSlices(soundForms(edited));
  const at = before.indexOf(form);
  const nested = definition.span.start !== form.bodyStart;
  const added = nested || what === 'replace' ? 0 : what === 'delete' ? -1 : 1;
  const first = nested || what !== 'insert_after' ? at : at + 1;
  // how many forms behind `first` the edit made or changed
  const own = nested || what === 'replace' ? 1 : Math.max(0, added);
  const kept = nested || what === 'replace' || what === 'delete' ? at + 1 : first;
  const inBoth = (n: number): readonly [TopLevelForm, TopLevelForm | undefined] | undefined =>
    n < first ? [before[n]!, after[n]] : n < kept ? undefined : [before[n]!, after[n - kept + first + own]];
  const same =
    after.length === before.length + added &&
    edited.problems.length <= snapshot.problems.length &&
    (await inSlices(sameTexts(snapshot, edited, before.length, inBoth)));
  if (!same)
    throw new HotlispError(
      'invalid-arguments',
      `hotlisp.lisp_edit_form: this ${what} would run together with what stands next to the form; edit it by hand.`,
      { path: what === 'delete' ? 'form_name' : 'content' },
    );
}

/** Whether forms of two texts are the same, character for character. Yields after each. */
function* sameTexts(
  before: Snapshot,
  after: Snapshot,
  count: number,
  inBoth: (n: number) => readonly [TopLevelForm, TopLevelForm | undefined] | undefined,
): Generator<void, boolean, void> {
  const textOf = (snapshot: Snapshot, { span }: TopLevelForm) => snapshot.slice(span.start, span.end);
  for (let n = 0; n < count; n++) {
    const [old, now] = inBoth(n) ?? [];
    if (old && (!now || textOf(before, old) !== textOf(after, now))) return false;
    yield;
  }
  return true;
}

/** Yields after each. */
function* soundForms({ forms }: Snapshot): Generator<void, TopLevelForm[], void> {
  const sound: TopLevelForm[] = [];
  for (const form of forms) {
    if (!form.broken) sound.push(form);
    yield;
  }
  return sound;
}

/** Editors leave the byte order mark of a file out of its buffer. */
function rangeOf(snapshot: Snapshot, { span }: FormEdit, context: PlanContext): Range {
  const range = snapshot.rangeOf(span, context.encoding);
  if (context.isOpen(snapshot.uri) || snapshot.text.charCodeAt(0) !== 0xfeff) return range;
  const mark = snapshot.positionAt(1, context.encoding).character;
  const without = ({ line, character }: Range['start']) => ({
    line,
    character: line === 0 ? Math.max(0, character - mark) : character,
  });
  return { start: without(range.start), end: without(range.end) };
}
