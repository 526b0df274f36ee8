/** Editing one form of a file as an undoable edit of its buffer. */
import { z } from 'zod';
import { HotlispError } from '../errors.ts';
import type { Snapshot, Span, TopLevelForm } from '../source/types.ts';
import { definitionName } from './forms.ts';
import { definitionsCalled } from './names.ts';
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
      file_path: z.string().min(1),
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
    const snapshot = await context.snapshot(context.uriOf(args.file_path));
    const form = soleForm(snapshot, args.form_type, args.form_name);
    const content = args.content === undefined ? '' : soleContent(args.content, context);
    const { span, text } = editOf(snapshot, form, args.operation, withLineEndings(content, snapshot.text));
    const range = snapshot.rangeOf(span, context.encoding);
    return {
      type: 'edit',
      dryRun: args.dry_run,
      label: `${args.operation} ${args.form_name}`,
      uri: snapshot.uri,
      version: context.isOpen(snapshot.uri) ? snapshot.version : null,
      edits: [{ range, newText: text }],
      report: {
        operation: args.operation,
        path: context.fileOf(snapshot.uri),
        uri: snapshot.uri,
        range,
        before: snapshot.text.slice(span.start, span.end),
        after: text,
      },
    };
  },
});

/** @throws HotlispError `invalid-arguments` unless exactly one form has that type and name */
function soleForm(snapshot: Snapshot, type: string, name: string): TopLevelForm {
  const found = definitionsCalled(snapshot.forms, type, name);
  const fail = (message: string) =>
    new HotlispError('invalid-arguments', `hotlisp.lisp_edit_form: ${message}`, { path: 'form_name' });
  const lines = (forms: readonly TopLevelForm[]) =>
    forms.map(form => snapshot.positionAt(form.span.start, 'utf-16').line + 1).join(', ');
  if (found.length === 0) {
    const other = definitionsCalled(snapshot.forms, undefined, name).map(
      ({ definition }) => `(${definition.operator} ${definitionName(definition)})`,
    );
    throw fail(
      `there is no ${type} ${name} in ${snapshot.uri}.${other.length > 0 ? ` Did you mean ${other.join(' or ')}?` : ''}`,
    );
  }
  if (found.length > 1) {
    const spelled = found.map(({ definition }) => definitionName(definition));
    throw fail(
      `${name} names ${found.length} forms (lines ${lines(found.map(({ form }) => form))}): say which one, as ${[...new Set(spelled)].join(' or ')}.`,
    );
  }
  const { form } = found[0]!;
  if (form.broken)
    throw fail(
      `the form ${name} at line ${lines([form])} does not parse, so its end is not certain. Mend it by hand first.`,
    );
  if (form.definitions.length > 1)
    throw fail(
      `the form at line ${lines([form])} defines ${form.definitions.length} things, ${name} among them; edit it by hand.`,
    );
  return form;
}

/** @throws HotlispError `invalid-arguments` unless `content` is exactly one whole form */
function soleContent(content: string, context: PlanContext): string {
  const { forms, problems } = context.scratch(content);
  const fail = (message: string) =>
    new HotlispError('invalid-arguments', `hotlisp.lisp_edit_form: content ${message}`, { path: 'content' });
  const [problem] = problems;
  if (problem) throw fail(`cannot be read: ${problem.message}`);
  if (forms.length !== 1)
    throw fail(forms.length === 0 ? 'holds no form.' : `holds ${forms.length} forms; give exactly one.`);
  return content.trim();
}

/** The content with the line ends of the file it goes into. */
function withLineEndings(content: string, text: string): string {
  const ending = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
  return content.replace(/\r\n|\r|\n/g, ending);
}

function editOf(
  snapshot: Snapshot,
  form: TopLevelForm,
  what: (typeof operations)[number],
  content: string,
): { span: Span; text: string } {
  const { text } = snapshot;
  const { start, end } = form.span;
  const newline = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
  switch (what) {
    case 'replace':
      return { span: form.span, text: content };
    case 'insert_before': {
      const above = startOfComments(text, start);
      return { span: { start: above, end: above }, text: content + newline + newline };
    }
    case 'insert_after':
      return { span: { start: end, end }, text: newline + newline + content };
    case 'delete': {
      // The form's line goes with it, and one of the blank lines around it; comments stay.
      const rest = /^[ \t]*(?:\r\n|\n|\r)?(?:[ \t]*(?:\r\n|\n|\r))?/.exec(text.slice(end))![0];
      const alone = /(^|[\r\n])[ \t]*$/.test(text.slice(0, start));
      return { span: { start, end: alone ? end + rest.length : end }, text: '' };
    }
  }
}

/** Where the comment lines directly above a form begin; the form's own start where there are none or it does not begin its line. */
function startOfComments(text: string, start: number): number {
  const above = /(?:^|(?<=[\r\n]))(?:;[^\r\n]*(?:\r\n|\n|\r))+$/.exec(text.slice(0, start));
  return above ? above.index : start;
}
