/** What a macro form of a buffer expands to. */
import { z } from 'zod';
import { HotlispError } from '../errors.ts';
import type { Snapshot, Span, SyntaxNode } from '../source/types.ts';
import { initialPackage } from './forms.ts';
import { arguments_, operation, type QueryPlan } from './operation.ts';

/** Seconds that expanding may take: an expander can loop. */
const patience = 10;

const query = <O extends QueryPlan['op']>(plan: QueryPlan<O>): QueryPlan => plan;

export const macroexpand = operation({
  name: 'macroexpand',
  title: 'Expand macro',
  documentation:
    'The expansion of the innermost form at a position, once or, with `all`, with everything inside it, in the null lexical environment. Macros of loaded code are run on it; nothing of the buffer is evaluated, and no symbol is made.',
  args: z.strictObject({
    uri: arguments_.uri,
    version: arguments_.version.optional(),
    position: arguments_.position,
    all: z.boolean().default(false),
  }),
  async plan(args, context) {
    const snapshot = await context.snapshot(args.uri, args.version);
    const offset = snapshot.offsetAt(args.position, context.encoding);
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
    return query({
      type: 'query',
      op: 'macroexpand',
      args: {
        text: snapshot.slice(span.start, span.end),
        package: snapshot.packageAt(span.start) ?? initialPackage,
        all: args.all,
      },
      seconds: patience,
      report: async answer => ({ ...answer, range: snapshot.rangeOf(span, context.encoding) }),
    });
  },
  shown: result => {
    const { expansion, changed } = result as { expansion: string; changed: boolean };
    return changed ? `${expansion}\n` : `;; Not a macro form: it stands for itself.\n${expansion}\n`;
  },
});

/** The innermost list around an offset, or ending there, and its operator as written where that is a symbol. */
export function innermostForm(
  snapshot: Snapshot,
  offset: number,
): { span: Span; operator: string | undefined } | undefined {
  let found: SyntaxNode | undefined;
  let node: SyntaxNode | undefined = snapshot.root;
  while (node) {
    if (node.type === 'list_lit') found = node;
    node =
      node.children.find(({ span }) => span.start <= offset && offset < span.end) ??
      node.children.find(({ span }) => span.end === offset);
  }
  if (!found) return undefined;
  const [head] = found.children.filter(({ type }) => !type.endsWith('comment'));
  const operator =
    head && (head.type === 'sym_lit' || head.type === 'package_lit')
      ? snapshot.slice(head.span.start, head.span.end)
      : undefined;
  return { span: found.span, operator };
}
