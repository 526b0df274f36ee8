/** Operations that read the image and change nothing. */
import { z } from 'zod';
import type { Location } from '../image/protocol.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';
import { arguments_, operation, type PlanContext, type QueryPlan } from './operation.ts';

/** Keeps the link between a query's operation and its report while plans are handled alike. */
const query = <O extends QueryPlan['op']>(plan: QueryPlan<O>): QueryPlan => plan;

export const sourceLocation = operation({
  name: 'source_location',
  title: 'Source location',
  documentation:
    'Every definition of a symbol: kind, name, file, line, column, uri, range, and whether the file was edited since.',
  args: z.strictObject({ symbol: arguments_.symbol, package: arguments_.package.optional() }),
  plan: ({ symbol, package: packageName }) =>
    query({
      type: 'query',
      op: 'source',
      args: { symbol, ...(packageName !== undefined && { package: packageName }) },
      report: ({ locations }, context) => Promise.all(locations.map(location => describe(location, context))),
    }),
});

export const threadList = operation({
  name: 'thread_list',
  title: 'List threads',
  documentation: "The image's threads; with `symbol`, which of them run its code.",
  args: z.strictObject({ symbol: arguments_.symbol.optional() }),
  plan: ({ symbol }) =>
    query({
      type: 'query',
      op: 'threads',
      args: symbol === undefined ? {} : { symbol },
      report: async ({ threads }) => ({ threads }),
    }),
});

/** One definition as the contract has it: `line` and `column` are 1-based, as in `file:line:column` (column in units of the negotiated encoding), `range` is LSP's; null where the image knows no file. */
async function describe(location: Location, context: PlanContext): Promise<unknown> {
  const { kind, name, package: packageName, file } = location;
  const base = { kind, name, package: packageName, file: file ?? null };
  const nowhere = { ...base, line: null, column: null, uri: null, range: null, stale: false };
  if (file === undefined) return nowhere;
  const uri = context.uriOf(file);
  const snapshot = await context.snapshot(uri).catch(() => undefined);
  if (!snapshot) return { ...nowhere, uri, stale: true };
  const { form, stale } = findForm(snapshot, location);
  if (!form) return { ...nowhere, uri, stale: true };
  const definition = form.definitions.find(each => matches(each.name, name));
  const range = snapshot.rangeOf(definition?.span ?? form.span, context.encoding);
  return { ...base, line: range.start.line + 1, column: range.start.character + 1, uri, range, stale };
}

/** The form that a location means: by its name where the text moved, else at its offset. */
function findForm(
  snapshot: Snapshot,
  location: Location,
): { form: TopLevelForm | undefined; stale: boolean } {
  const offset =
    location.byteOffset === undefined ? undefined : offsetOfByte(snapshot.text, location.byteOffset);
  // SBCL records an offset for functions and macros only, and where a file was loaded as source it is the place after the
  // form before: white space or a comment. The number of the form is there for all.
  const there = snapshot.forms.find(form =>
    offset === undefined ? form.active && form.index === location.form : form.span.end > offset,
  );
  const named = snapshot.forms.filter(
    form => form.active && form.definitions.some(each => matches(each.name, location.name)),
  );
  const changed = (form: TopLevelForm) => location.digest !== undefined && location.digest !== form.digest;
  const exact = named.find(form => location.digest === form.digest);
  const form =
    exact ??
    (there && (named.length === 0 || named.includes(there)) ? there : (nearest(named, offset) ?? there));
  return {
    form,
    stale: form === undefined || changed(form) || (location.digest === undefined && form !== there),
  };
}

function nearest(forms: readonly TopLevelForm[], offset = 0): TopLevelForm | undefined {
  return [...forms].sort((a, b) => Math.abs(a.span.start - offset) - Math.abs(b.span.start - offset))[0];
}

/** `written` is a name of the text, `printed` one of the image ("COMPUTE", "AREA :AROUND (CIRCLE)"). */
function matches(written: string, printed: string): boolean {
  const bare = written.replace(/^[^():|]*::?/, '').toUpperCase();
  const image = printed.toUpperCase();
  return image === bare || image.startsWith(`${bare} `);
}

/** UTF-16 offset of the byte-th UTF-8 byte of `text`. */
function offsetOfByte(text: string, byte: number): number {
  return Buffer.from(text).subarray(0, byte).toString().length;
}
