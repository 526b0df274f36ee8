/** What the image says of a symbol, in documents. */
import * as z from 'zod';
import type { Result } from '../image/protocol.ts';
import { findForm } from './locate.ts';
import { tool } from './inspect.ts';
import { arguments_, operation, query, type PlanContext } from './operation.ts';
import { commented, flat, linesOf, type Page } from './page.ts';

/** Characters of a description. */
const outputLimit = 200_000;

const symbolArgs = z.strictObject({ symbol: arguments_.symbol, package: arguments_.package.optional() });
type SymbolArgs = z.infer<typeof symbolArgs>;
const placed = ({ symbol, package: packageName }: SymbolArgs) => ({
  symbol,
  ...(packageName !== undefined && { package: packageName }),
});

const describing = (what: 'describe' | 'disassemble', title: string, documentation: string) =>
  operation({
    name: what,
    title,
    documentation,
    approval: 'eval',
    args: symbolArgs,
    plan: args =>
      tool({
        type: 'tool',
        op: 'describe',
        args: { ...placed(args), what, outputLimit },
        code: `(${what} '${args.symbol})`,
        report: ({ text, complete }: Result<'describe'>) => ({ symbol: args.symbol, text, complete }),
      }),
    page: (result): Page => {
      const { text, complete } = result as { text: string; complete: boolean };
      const cut = complete ? [] : ['', '(It was too long, or took too long: this is not all.)'];
      return { name: what, extension: 'txt', lines: [...linesOf(text), ...cut] };
    },
  });

export const describe = describing(
  'describe',
  'Describe',
  'What DESCRIBE says of a symbol. It prints the values, with the methods of print-object that the program has.',
);

export const disassemble = describing(
  'disassemble',
  'Disassemble',
  "The machine code of a function or macro; of a generic function's methods.",
);

export const apropos = operation({
  name: 'apropos',
  title: 'Apropos',
  documentation:
    'The symbols with a text in their name, in whatever case: the exported ones that name something first. Nothing is printed but names.',
  args: z.strictObject({
    pattern: z.string().min(1).describe('a part of the name, in whatever case'),
    package: arguments_.package.optional(),
  }),
  plan: ({ pattern, package: packageName }) =>
    query({
      type: 'query',
      op: 'apropos',
      args: { pattern, ...(packageName !== undefined && { package: packageName }) },
      seconds: 10,
      report: async ({ total, symbols }) => ({ pattern, total, symbols }),
    }),
  page: (result): Page => {
    const { pattern, total, symbols } = result as { pattern: string } & Result<'apropos'>;
    return {
      name: 'apropos',
      extension: 'txt',
      lines: [
        `${total} symbols have ${JSON.stringify(pattern)} in their name${total > symbols.length ? `; the first ${symbols.length}` : ''}`,
        '',
        ...symbols.map(
          ({ name, external, kinds }) =>
            `${flat(name, 200)}${kinds.length > 0 ? `  ${kinds.join(', ')}` : ''}${external ? '' : '  (internal)'}`,
        ),
      ],
    };
  },
});

interface ReportedUser {
  readonly how: string;
  readonly name: string;
  readonly file: string | null;
  readonly uri: string | null;
  /** 1-based. */
  readonly line: number | null;
}

export const whoCalls = operation({
  name: 'who_calls',
  title: 'Who calls',
  documentation:
    "Who calls, expands, reads, sets, binds or specializes on what a symbol names, by the compiler's records of what is loaded, with their places.",
  args: symbolArgs,
  plan: args =>
    query({
      type: 'query',
      op: 'users',
      args: placed(args),
      seconds: 10,
      report: async ({ users }, context) => ({
        symbol: args.symbol,
        users: (await Promise.all(users.map(user => placedUser(user, context)))).sort(compareUsers),
      }),
    }),
  page: (result): Page => {
    const { symbol, users } = result as { symbol: string; users: ReportedUser[] };
    return {
      name: 'users',
      extension: 'lisp',
      lines: [
        users.length === 0
          ? `The compiler has recorded no user of ${flat(symbol, 200)}.`
          : `${users.length} user${users.length === 1 ? '' : 's'} of ${flat(symbol, 200)}`,
        '',
        ...users.flatMap(({ how, name, file, line }) => [
          `${flat(name, 300)} ${how} it`,
          ...(file === null ? [] : [`    ${file}${line === null ? '' : `:${line}`}`]),
        ]),
      ].flatMap(commented),
    };
  },
});

async function placedUser(
  user: Result<'users'>['users'][number],
  context: PlanContext,
): Promise<ReportedUser> {
  const { how, name, package: home, file } = user;
  const nowhere = { how, name: userName(name, home), file: file ?? null, uri: null, line: null };
  if (file === undefined) return nowhere;
  const uri = context.uriOf(file);
  const snapshot = await context.snapshot(uri).catch(() => undefined);
  if (!snapshot) return { ...nowhere, uri };
  const { form: found } = findForm(snapshot, user);
  return {
    ...nowhere,
    uri,
    line: found ? snapshot.positionAt(found.span.start, context.encoding).line + 1 : null,
  };
}

/** "SHOP::TOTAL", "(SETF SHOP::TOTAL)", "SHOP::AREA (CIRCLE)". */
const userName = (name: string, home: string): string =>
  home === ''
    ? name
    : name.startsWith('(SETF ')
      ? name.replace('(SETF ', `(SETF ${home}::`)
      : `${home}::${name}`;

const userOrder = ['calls', 'expands', 'reads', 'sets', 'binds', 'specializes on'];
const compareUsers = (a: ReportedUser, b: ReportedUser): number =>
  userOrder.indexOf(a.how) - userOrder.indexOf(b.how) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
