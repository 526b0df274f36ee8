/** What a macro form of a buffer expands to. */
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import { readtableAt } from '../source/readtables.ts';
import type { Snapshot, Span } from '../source/types.ts';
import { initialPackage } from './forms.ts';
import { newlineOf } from './formEdit.ts';
import { arguments_, operation, query, type PlanContext } from './operation.ts';

/** Seconds that expanding may take: an expander can loop. */
const patience = 10;

const args = z.strictObject({
  uri: arguments_.uri,
  version: arguments_.version.optional(),
  position: arguments_.position,
  all: z.boolean().default(false),
});

/** The form at a position and what the image is asked about it. @throws HotlispError */
async function expandable({ uri, version, position, all }: z.infer<typeof args>, context: PlanContext) {
  const snapshot = await context.snapshot(uri, version);
  const offset = snapshot.offsetAt(position, context.encoding);
  const span = innermostForm(snapshot, offset)?.span;
  const form = snapshot.formAt(offset);
  if (!span || form?.broken)
    throw new HotlispError(
      'invalid-arguments',
      span
        ? 'The form at the position does not parse.'
        : 'There is no form at the position. Put the cursor into one.',
      { path: 'position' },
    );
  if (form?.packageUnknown)
    throw new HotlispError(
      'unknown-package',
      'The package of this form cannot be told: the IN-PACKAGE before it does not name one literally.',
    );
  const readtable = readtableAt(snapshot, span.start);
  const question = {
    text: snapshot.slice(span.start, span.end),
    package: snapshot.packageAt(span.start) ?? initialPackage,
    ...(readtable !== undefined && { readtable }),
    all,
  };
  return { snapshot, span, question };
}

export const macroexpand = operation({
  name: 'macroexpand',
  title: 'Expand macro',
  documentation:
    'The expansion of the innermost form at a position, once or, with `all`, with everything inside it, in the null lexical environment. Macros of loaded code are run on it; nothing of the buffer is evaluated, and no symbol is made.',
  args,
  async plan(given, context) {
    const { snapshot, span, question } = await expandable(given, context);
    return query({
      type: 'query',
      op: 'macroexpand',
      args: question,
      seconds: patience,
      report: async answer => ({ ...answer, range: snapshot.rangeOf(span, context.encoding) }),
    });
  },
  page: result => {
    const { expansion, changed } = result as { expansion: string; changed: boolean };
    const lines = [...(changed ? [] : [';; Not a macro form: it stands for itself.']), expansion];
    return { name: 'expansion', extension: 'lisp', lines };
  },
});

export const expandInPlace = operation({
  name: 'expand_in_place',
  title: 'Expand macro in place',
  documentation:
    "Puts the expansion of the innermost form at a position, as hotlisp.macroexpand answers it, in the form's place in the buffer; the editor can undo it.",
  args,
  async plan(given, context) {
    const { snapshot, span, question } = await expandable(given, context);
    const { expansion, changed } = await context.ask('macroexpand', question, patience);
    if (!changed)
      throw new HotlispError('invalid-arguments', 'It is not a macro form: it stands for itself.', {
        path: 'position',
      });
    const margin = ' '.repeat(snapshot.positionAt(span.start, 'utf-32').character);
    const newText = expansion.split('\n').join(newlineOf(snapshot.text) + margin);
    return {
      type: 'edit',
      dryRun: false,
      label: 'Expand macro',
      uri: snapshot.uri,
      version: context.isOpen(snapshot.uri) ? snapshot.version : null,
      edits: [{ range: snapshot.rangeOf(span, context.encoding), newText }],
      report: { expansion },
    };
  },
});

/** The innermost list around an offset, or ending there, and its operator as written where that is a symbol. */
export function innermostForm(
  snapshot: Snapshot,
  offset: number,
): { span: Span; operator: string | undefined } | undefined {
  const found = snapshot.nodesAt(offset).findLast(({ type }) => type === 'list_lit');
  if (!found) return undefined;
  const [head] = found.children.filter(({ type }) => !type.endsWith('comment'));
  const operator =
    head && (head.type === 'sym_lit' || head.type === 'package_lit')
      ? snapshot.slice(head.span.start, head.span.end)
      : undefined;
  return { span: found.span, operator };
}
