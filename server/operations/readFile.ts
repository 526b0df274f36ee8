/** Reading a file as its forms: signatures, with what is looked for in full. */
import vm from 'node:vm';
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import { inSlices } from '../source/slices.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import { documentAt } from './fileArgument.ts';
import { isInPackage, formName } from './forms.ts';
import { operation } from './operation.ts';

/** Lines answered at most where no limit is given. */
const defaultLimit = 2000;
/** Milliseconds for which a caller's regular expression may run at a stretch, and over a whole file. */
const patternWithin = 500;
const patternsWithin = 5000;
/** So many forms are searched without others getting a turn. */
const together = 64;

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
    const matching = await inSlices(formsMatching(snapshot, args.name_pattern, args.content_pattern));
    const { forms, shown } = await inSlices(describing(snapshot, matching));
    return {
      type: 'answer',
      value: {
        ...base,
        mode: 'collapsed',
        ...lines(shown.join('\n'), args.offset, args.limit),
        forms,
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
function* formsMatching(
  snapshot: Snapshot,
  name: string | undefined,
  content: string | undefined,
): Generator<void, ReadonlySet<TopLevelForm>> {
  const { forms } = snapshot;
  const named = name === undefined ? undefined : matcher('name_pattern', name);
  const holding = content === undefined ? undefined : matcher('content_pattern', content);
  const found = new Set<TopLevelForm>();
  for (let from = 0; (named ?? holding) && from < forms.length; from += together) {
    const some = forms.slice(from, from + together);
    const byName = named?.(some.map(form => form.definitions.map(each => each.name)));
    const byContent = holding?.(some.map(({ span }) => [snapshot.slice(span.start, span.end)]));
    for (const [i, form] of some.entries()) if (byName?.[i] || byContent?.[i]) found.add(form);
    yield;
  }
  return found;
}

/**
 * Tells which lists hold a text that matches, whatever the case.
 * @throws HotlispError `invalid-arguments` when the pattern does not parse; what is answered, when all of it takes too long
 */
function matcher(key: string, pattern: string): (lists: readonly (readonly string[])[]) => boolean[] {
  const fail = (why: string) =>
    new HotlispError('invalid-arguments', `hotlisp.lisp_read_file: ${key} ${why}.`, { path: key });
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'i');
  } catch (error) {
    throw fail(`is not a regular expression (${(error as Error).message})`);
  }
  // A pattern like (a+)+$ may run for ever; in a context of its own it can be stopped.
  const room = vm.createContext({ expression, lists: [] as readonly (readonly string[])[] });
  let left = patternsWithin;
  return lists => {
    const begun = performance.now();
    room['lists'] = lists;
    try {
      return searching.runInContext(room, {
        timeout: Math.max(1, Math.ceil(Math.min(patternWithin, left))),
      }) as boolean[];
    } catch (error) {
      const { name, code } = error as NodeJS.ErrnoException;
      // Compiled when it is first used; `error` is the context's own, and no instance of SyntaxError here.
      if (name === 'SyntaxError') throw fail('is too long for a regular expression');
      if (code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw fail(
        `takes longer than ${patternWithin} ms over forms of this file; write it without nested repetitions`,
      );
    } finally {
      left -= performance.now() - begun;
    }
  };
}

const searching = new vm.Script('lists.map(texts => texts.some(text => expression.test(text)))');

function* describing(snapshot: Snapshot, matching: ReadonlySet<TopLevelForm>) {
  const forms: ReturnType<typeof describeForm>[] = [];
  const shown: string[] = [];
  for (const form of snapshot.forms) {
    const text = snapshot.slice(form.span.start, form.span.end);
    const expanded = matching.has(form) || isInPackage(form) || !/[\r\n]/.test(text);
    forms.push(describeForm(snapshot, form, expanded));
    shown.push(expanded ? text : collapsed(snapshot, form));
    yield;
  }
  return { forms, shown };
}

/** `line` and `end_line` are 1-based. */
function describeForm(snapshot: Snapshot, form: TopLevelForm, expanded: boolean) {
  return {
    type: form.operator ?? null,
    name: form.definitions.length > 0 ? formName(form) : null,
    line: lineOf(snapshot, form.span.start),
    end_line: lineOf(snapshot, form.span.end),
    package: form.package ?? null,
    active: form.active,
    broken: form.broken,
    expanded,
  };
}

/** `(defun price (job &key discount) …)`; what a form around definitions holds is shown below its first line. */
function collapsed(snapshot: Snapshot, form: TopLevelForm): string {
  const { span, bodyStart, definitions } = form;
  const guard = snapshot.slice(span.start, bodyStart).replace(/\s+/g, ' ');
  const [first] = definitions;
  if (first?.span.start === bodyStart) return guard + signature(first);
  const body = snapshot.slice(bodyStart, span.end);
  const head = body.split(/[\r\n]/, 1)[0]!.trimEnd();
  if (definitions.length === 0) return `${guard}${head}${body.startsWith('(') ? ' …)' : ' …'}`;
  const inner = definitions.map(each => `  ${signature(each)}`);
  const opening = snapshot
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
