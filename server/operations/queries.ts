/** Operations that read the image and change nothing. */
import * as z from 'zod';
import { HotlispError, type ErrorKind } from '../errors.ts';
import type { Location, Thread } from '../image/protocol.ts';
import { initialPackage } from './forms.ts';
import { locationsPage } from './listings.ts';
import { findForm, matches, writtenAs } from './locate.ts';
import { functionName, printedName } from './names.ts';
import { flat } from './page.ts';
import { arguments_, operation, query, type PlanContext, type WrittenDefinition } from './operation.ts';

export const sourceLocation = operation({
  name: 'source_location',
  title: 'Source location',
  documentation:
    'Every definition of a symbol that the image knows, else those of the workspace: kind, name, file, line, column, uri, range, and whether its text was edited since the image loaded it.',
  args: z.strictObject({ symbol: arguments_.symbol, package: arguments_.package.optional() }),
  plan: async ({ symbol, package: packageName }, context) => ({
    type: 'answer',
    value: await locations(symbol, packageName, context),
  }),
  page: locationsPage,
});

/** What an image says that has nothing of that name, or that is not there; one that was lost on the way might have had it. */
const knowsNone: ReadonlySet<ErrorKind> = new Set(['no-image', 'unknown-symbol', 'unknown-package']);

/** Those that the image knows; where it knows none, those of the texts. @throws HotlispError as the image does where there are none either */
async function locations(
  symbol: string,
  packageName: string | undefined,
  context: PlanContext,
): Promise<unknown> {
  const { token, setf } = functionName(symbol);
  const isMeant = (name: string) => !setf || /^\(SETF /i.test(name);
  let failure: HotlispError | undefined;
  try {
    const known = (await context.locate(token, packageName)).filter(({ name }) => isMeant(name));
    if (known.length > 0) return await Promise.all(known.map(each => described(each, context)));
  } catch (error) {
    if (!(error instanceof HotlispError && knowsNone.has(error.kind))) throw error;
    failure = error;
  }
  const written = (await context.written(token, packageName)).filter(({ definition: { name } }) =>
    isMeant(name),
  );
  if (written.length === 0 && failure) throw failure;
  return Promise.all(written.map(each => describeWritten(each, context)));
}

/** Where the texts have what the image has from no file of this host: another definition than it runs, perhaps. */
async function described(location: Location, context: PlanContext): Promise<unknown> {
  const written = location.file === undefined && (await writtenAs(location, context));
  return written
    ? { ...(await describeWritten(written, context)), stale: true }
    : describe(location, context);
}

export const threadList = operation({
  name: 'thread_list',
  title: 'List threads',
  documentation:
    "The image's threads; with `symbol`, which of them run its code (`yes`, `no`, `unknown`): `replaced` marks those in what an operation has replaced since.",
  args: z.strictObject({ symbol: arguments_.symbol.optional() }),
  plan: ({ symbol }) =>
    query({
      type: 'query',
      op: 'threads',
      args: symbol === undefined ? {} : { symbol },
      report: async ({ threads }) => ({ threads }),
    }),
  told: result => {
    const { threads } = result as { threads: readonly Thread[] };
    const inside = threads.filter(({ runs }) => runs === 'yes');
    const unknown = threads.filter(({ runs }) => runs === 'unknown');
    const names = (list: readonly Thread[]) =>
      list.map(({ name, replaced }) => `${flat(name, 60)}${replaced ? ' (replaced code)' : ''}`).join(', ');
    const asked = threads.some(({ runs }) => runs !== undefined);
    if (!asked) return `Threads (${threads.length}): ${names(threads)}.`;
    const said = (what: string, some: readonly Thread[]) =>
      `${what}${some.length > 0 ? `: ${names(some)}` : ''}.`;
    return [
      said(`Threads inside (${inside.length} of ${threads.length})`, inside),
      ...(unknown.length > 0 ? [said(`Unknown (${unknown.length})`, unknown)] : []),
    ].join(' ');
  },
});

/** Kinds of what no symbol names. */
const isDesignated: ReadonlySet<string> = new Set(['package', 'system']);

/** One definition as the contract has it: `line` and `column` are 1-based, as in `file:line:column` (column in units of the negotiated encoding), `range` is LSP's; null where the image knows no file. */
async function describe(location: Location, context: PlanContext): Promise<unknown> {
  const { kind, name, package: packageName, file } = location;
  const base = { kind, name, package: packageName, file: file ?? null };
  const nowhere = { ...base, line: null, column: null, uri: null, range: null, stale: false };
  if (file === undefined) return nowhere;
  const uri = context.uriOf(file);
  const snapshot = await context.snapshot(uri).catch(() => undefined);
  if (!snapshot) return { ...nowhere, uri, stale: true };
  const digest = await context.loadedDigest(uri, location);
  const { form, stale } = findForm(snapshot, digest === undefined ? location : { ...location, digest });
  if (!form) return { ...nowhere, uri, stale: true };
  const definition = form.definitions.find(each => matches(each, name));
  const range = snapshot.rangeOf(definition?.span ?? form.span, context.encoding);
  return { ...base, line: range.start.line + 1, column: range.start.character + 1, uri, range, stale };
}

async function describeWritten({ uri, definition }: WrittenDefinition, context: PlanContext) {
  const { kind, name, range } = definition;
  const inEffect = definition.package ?? initialPackage;
  // An image names the package at which the symbol is at home, by its name; a text is in one that may have others.
  const home = isDesignated.has(kind) ? undefined : await context.homeOf(functionName(name).token, inEffect);
  return {
    kind,
    name: printedName(definition),
    package: home ?? inEffect,
    file: context.fileOf(uri),
    line: range.start.line + 1,
    column: range.start.character + 1,
    uri,
    range,
    stale: false,
  };
}
