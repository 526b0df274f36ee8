/** Reading a file as its forms: signatures, with what is looked for in full. */
import vm from 'node:vm';
import { z } from 'zod';
import { HotlispError } from '../errors.ts';
import { inSlices } from '../source/slices.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import { documentAt } from './fileArgument.ts';
import { isInPackage, formName } from './forms.ts';
import { operation } from './operation.ts';

/** Lines answered at most where no limit is given. */
const defaultLimit = 2000;
/** Milliseconds for which a caller's regular expression may run over a file. */
const patternWithin = 500;

export const lispReadFile = operation({
  name: 'lisp_read_file',
  title: 'Read file',
  documentation:
    'The text of a file. Collapsed: every form as its signature, IN-PACKAGE and the forms that match a pattern in full; else its lines as they are.',
  args: z.strictObject({
    path: z.string().min(1).describe('a path, relative ones from the workspace folder, or a URI'),
    collapsed: z.boolean().default(true),
    name_pattern: z
      .string()
      .min(1)
      .optional()
      .describe('regular expression: forms whose name matches are shown in full'),
    content_pattern: z
      .string()
      .min(1)
      .optional()
      .describe('regular expression: forms whose text matches are shown in full'),
    offset: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe('how many lines of what would be shown are skipped'),
    limit: z.number().int().positive().default(defaultLimit).describe('how many lines at most'),
  }),
  async plan(args, context) {
    const snapshot = await documentAt(context, 'path', args.path);
    const base = {
      path: context.fileOf(snapshot.uri),
      uri: snapshot.uri,
      total_lines: lineOf(snapshot, snapshot.length),
    };
    if (!args.collapsed)
      return {
        type: 'answer',
        value: { ...base, mode: 'full', ...lines(snapshot.text, args.offset, args.limit) },
      };
    const matching = formsMatching(snapshot, args.name_pattern, args.content_pattern);
    const forms = await inSlices(describing(snapshot, matching));
    return {
      type: 'answer',
      value: {
        ...base,
        mode: 'collapsed',
        ...lines(forms.map(({ shown }) => shown).join('\n'), args.offset, args.limit),
        forms: forms.map(({ shown: _shown, ...form }) => form),
        problems: snapshot.problems.map(({ span, message, code }) => ({
          message,
          code,
          line: lineOf(snapshot, span.start),
        })),
      },
    };
  },
});

/** The forms of which a name matches one pattern, or the text the other. */
function formsMatching(
  snapshot: Snapshot,
  name: string | undefined,
  content: string | undefined,
): ReadonlySet<TopLevelForm> {
  const { forms, text } = snapshot;
  const named = matches('name_pattern', name, () =>
    forms.map(form => form.definitions.map(each => each.name)),
  );
  const holding = matches('content_pattern', content, () =>
    forms.map(({ span }) => [text.slice(span.start, span.end)]),
  );
  return new Set(forms.filter((_form, i) => named[i] || holding[i]));
}

/**
 * Which lists hold a text that matches, whatever the case.
 * @throws HotlispError `invalid-arguments` when the pattern does not parse or takes too long
 */
function matches(
  key: string,
  pattern: string | undefined,
  texts: () => readonly (readonly string[])[],
): boolean[] {
  if (pattern === undefined) return [];
  const fail = (why: string) =>
    new HotlispError('invalid-arguments', `hotlisp.lisp_read_file: ${key} ${why}.`, { path: key });
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'i');
  } catch (error) {
    throw fail(`is not a regular expression (${(error as Error).message})`);
  }
  try {
    // A pattern like (a+)+$ may run for ever; in a context of its own it can be stopped.
    return vm.runInNewContext(
      'texts.map(each => each.some(text => expression.test(text)))',
      { texts: texts(), expression },
      { timeout: patternWithin },
    ) as boolean[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw fail(`takes longer than ${patternWithin} ms over this file; write it without nested repetitions`);
  }
}

function* describing(snapshot: Snapshot, matching: ReadonlySet<TopLevelForm>) {
  const forms: ReturnType<typeof describeForm>[] = [];
  for (const form of snapshot.forms) {
    forms.push(describeForm(snapshot, form, matching.has(form)));
    yield;
  }
  return forms;
}

/** `line` and `end_line` are 1-based. */
function describeForm(snapshot: Snapshot, form: TopLevelForm, matching: boolean) {
  const text = snapshot.slice(form.span.start, form.span.end);
  const expanded = matching || isInPackage(form) || !/[\r\n]/.test(text);
  return {
    type: form.operator ?? null,
    name: form.definitions.length > 0 ? formName(form) : null,
    line: lineOf(snapshot, form.span.start),
    end_line: lineOf(snapshot, form.span.end),
    package: form.package ?? null,
    active: form.active,
    broken: form.broken,
    expanded,
    shown: expanded ? text : collapsed(snapshot, form),
  };
}

/** `(defun price (job &key discount) …)`; what a form around definitions holds is shown below its first line. */
function collapsed(snapshot: Snapshot, form: TopLevelForm): string {
  const { span, bodyStart, definitions } = form;
  const guard = snapshot.text.slice(span.start, bodyStart).replace(/\s+/g, ' ');
  const [first] = definitions;
  if (first?.span.start === bodyStart) return guard + signature(first);
  const body = snapshot.text.slice(bodyStart, span.end);
  const head = body.split(/[\r\n]/, 1)[0]!.trimEnd();
  if (definitions.length === 0) return `${guard}${head}${body.startsWith('(') ? ' …)' : ' …'}`;
  const inner = definitions.map(each => `  ${signature(each)}`);
  const opening = snapshot.text
    .slice(bodyStart, first!.span.start)
    .split(/[\r\n]/, 1)[0]!
    .trimEnd();
  return [`${guard}${opening} …`, ...inner].join('\n') + ')';
}

function signature({ operator, name, qualifiers = [], lambdaList }: SourceDefinition): string {
  const parts = [operator, name, ...qualifiers, ...(lambdaList === undefined ? [] : [lambdaList])];
  return `(${parts.map(part => part.replace(/\s+/g, ' ')).join(' ')} …)`;
}

const lineOf = (snapshot: Snapshot, offset: number) => snapshot.positionAt(offset, 'utf-16').line + 1;

/** `next_offset` is where to go on, null at the end. */
function lines(text: string, offset: number, limit: number) {
  const ends = text.matchAll(/\r\n|\r|\n|$/g);
  let line = 0;
  let from = offset === 0 ? 0 : text.length;
  for (const { index, 0: end } of ends) {
    line++;
    const next = index + end.length;
    if (line === offset) from = next;
    if (line < offset + limit) continue;
    const truncated = end !== '';
    return { content: text.slice(from, next), truncated, next_offset: truncated ? line : null };
  }
  return { content: text.slice(from), truncated: false, next_offset: null };
}
