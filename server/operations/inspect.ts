/** Looking at objects of the image, and at variables of a stopped evaluation. */
import * as z from 'zod';
import type { Inspected, Result } from '../image/protocol.ts';
import { arguments_, operation, type ToolPlan } from './operation.ts';
import { commented, flat, type Page, type PageAction } from './page.ts';

/** Keeps the link between a tool's operation and its report while plans are handled alike. */
export const tool = <O extends ToolPlan['op']>(plan: ToolPlan<O>): ToolPlan => plan;

const number = z.number().int().nonnegative();

export const inspect = operation({
  name: 'inspect',
  title: 'Inspect',
  documentation:
    'What an object consists of: the first value of `code`, what `symbol` names, or the object of an earlier answer by its number, or a `part` of it. The image keeps few objects alive for this.',
  approval: 'eval',
  args: z
    .strictObject({
      code: z.string().min(1).optional(),
      symbol: arguments_.symbol.optional(),
      package: arguments_.package.optional(),
      object: number.describe('number of an object that was inspected').optional(),
      part: number.describe('number of a part of that object').optional(),
    })
    .refine(
      ({ code, symbol, object }) => [code, symbol, object].filter(each => each !== undefined).length === 1,
      'takes one of code, symbol and object',
    )
    .refine(({ object, part }) => part === undefined || object !== undefined, {
      message: 'is a part of an object: give that, too',
      path: ['part'],
    }),
  plan({ code, symbol, object, part, package: packageName }) {
    if (code !== undefined) return { type: 'eval', code, package: packageName, inspects: true };
    return tool({
      type: 'tool',
      op: 'inspect',
      args: {
        ...(symbol !== undefined && { symbol }),
        ...(object !== undefined && { object }),
        ...(part !== undefined && { part }),
        ...(packageName !== undefined && { package: packageName }),
      },
      code:
        symbol !== undefined
          ? `(inspect '${symbol})`
          : `(inspect object #${object}${part === undefined ? '' : `, part ${part}`})`,
      report: ({ inspected }: Result<'inspect'>) => ({ inspected }),
    });
  },
  page: result => {
    const { inspected } = result as { inspected?: Inspected };
    return inspected && inspectedPage(inspected);
  },
});

function inspectedPage({ object, type, text, parts, total }: Inspected): Page {
  const head = [
    `;; ${flat(type)}`,
    ...commented(text),
    ';;',
    `;; ${total} part${total === 1 ? '' : 's'}${total > parts.length ? `, of which the first ${parts.length}` : ''}.` +
      ` The link or a code action at its line inspects a part; so does hotlisp.inspect {"object": ${object}, "part": …}.`,
  ];
  const actions: PageAction[] = [{ line: 0, title: 'Inspect again', operation: 'inspect', args: { object } }];
  const lines = [...head];
  for (const { number: part, label, value, opens } of parts) {
    const before = `;; ${String(part).padStart(4)} ${opens ? '>' : ' '} `;
    const shown = flat(label, 200);
    if (opens)
      actions.push({
        line: lines.length,
        title: `Inspect part ${part} (${flat(label, 40)})`,
        operation: 'inspect',
        args: { object, part },
        link: { start: before.length, end: before.length + shown.length },
      });
    lines.push(`${before}${shown} = ${flat(value)}`);
  }
  return { name: 'inspect', extension: 'lisp', lines, actions };
}

export const frameLocals = operation({
  name: 'frame_locals',
  title: 'Frame locals',
  documentation:
    'The variables of a frame of an evaluation that waits for a restart to be chosen: `request` is its number, `frame` that of the backtrace.',
  args: z.strictObject({ request: arguments_.request, frame: number }),
  serve: ({ request, frame }, session) => session.frameLocals(request, frame),
});

export const untrace = operation({
  name: 'untrace',
  title: 'Untrace',
  documentation: 'Ends the trace of a function, by its name as hotlisp.trace answered it, or of all.',
  args: z.strictObject({ function: arguments_.symbol.optional() }),
  serve: ({ function: name }, session) => session.untrace(name),
});

export const trace = operation({
  name: 'trace',
  title: 'Trace',
  documentation:
    "Has every call of a function and what it returned told in the log, with its thread, until hotlisp.untrace or the end of the session; of too many at once some are only counted. The function's definition can be changed meanwhile.",
  approval: 'eval',
  args: z.strictObject({
    function: arguments_.symbol.describe('a function as written in code: a symbol or (setf symbol)'),
    package: arguments_.package.optional(),
  }),
  plan: ({ function: name, package: packageName }) => ({
    type: 'trace',
    function: name,
    package: packageName,
  }),
});
