/** Reading a file as its forms: signatures, with what is looked for in full. */
import { z } from 'zod';
import { HotlispError } from '../errors.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';
import { isInPackage, formName } from './forms.ts';
import { operation } from './operation.ts';

/** Lines answered at most where no limit is given. */
const defaultLimit = 2000;

export const lispReadFile = operation({
  name: 'lisp_read_file',
  title: 'Read file',
  documentation:
    'The text of a file. Collapsed: every form as its signature, IN-PACKAGE and the forms that match a pattern in full; else lines from `offset` on.',
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
      .describe('0-based number of the first line, where not collapsed'),
    limit: z.number().int().positive().default(defaultLimit).describe('how many lines at most'),
  }),
  async plan(args, context) {
    const snapshot = await context.snapshot(context.uriOf(args.path));
    const base = {
      path: context.fileOf(snapshot.uri),
      uri: snapshot.uri,
      total_lines: lineCount(snapshot.text),
    };
    if (!args.collapsed)
      return {
        type: 'answer',
        value: { ...base, mode: 'full', ...lines(snapshot.text, args.offset, args.limit) },
      };
    const name = pattern('name_pattern', args.name_pattern);
    const content = pattern('content_pattern', args.content_pattern);
    const forms = snapshot.forms.map(form => describeForm(snapshot, form, name, content));
    const text = forms.map(({ shown }) => shown).join('\n');
    const cut = lines(text, 0, args.limit);
    return {
      type: 'answer',
      value: {
        ...base,
        mode: 'collapsed',
        content: cut.content,
        truncated: cut.truncated,
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

function pattern(key: string, source: string | undefined): RegExp | undefined {
  try {
    return source === undefined ? undefined : new RegExp(source, 'i');
  } catch (error) {
    throw new HotlispError(
      'invalid-arguments',
      `hotlisp.lisp_read_file: ${key} is not a regular expression (${(error as Error).message}).`,
      { path: key },
    );
  }
}

/** `line` and `end_line` are 1-based. */
function describeForm(
  snapshot: Snapshot,
  form: TopLevelForm,
  name: RegExp | undefined,
  content: RegExp | undefined,
) {
  const text = snapshot.text.slice(form.span.start, form.span.end);
  const matches = form.definitions.some(each => name?.test(each.name)) || content?.test(text) === true;
  const expanded = matches || isInPackage(form) || !/[\r\n]/.test(text);
  return {
    type: form.operator ?? null,
    name: form.definitions.length > 0 ? formName(form) : null,
    line: lineOf(snapshot, form.span.start),
    end_line: lineOf(snapshot, form.span.end),
    package: form.package ?? null,
    active: form.active,
    broken: form.broken,
    expanded,
    shown: expanded ? text : signature(text, form),
  };
}

/** `(defun price (job &key discount) …)` */
function signature(text: string, form: TopLevelForm): string {
  const [definition] = form.definitions;
  if (!definition) return `${text.split(/\r\n|\r|\n/, 1)[0]} …)`;
  const { operator, name, qualifiers = [], lambdaList } = definition;
  return `(${[operator, name, ...qualifiers, ...(lambdaList === undefined ? [] : [lambdaList.replace(/\s+/g, ' ')])].join(' ')} …)`;
}

const lineOf = (snapshot: Snapshot, offset: number) => snapshot.positionAt(offset, 'utf-16').line + 1;
const lineCount = (text: string) => text.split(/\r\n|\r|\n/).length;

function lines(text: string, offset: number, limit: number): { content: string; truncated: boolean } {
  const all = text.split(/(?<=\r\n|\r(?!\n)|\n)/);
  return { content: all.slice(offset, offset + limit).join(''), truncated: offset + limit < all.length };
}
