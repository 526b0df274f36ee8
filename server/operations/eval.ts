/** Evaluation on request. */
import * as z from 'zod';
import { readtableAt, syntaxForms } from '../source/readtables.ts';
import type { Snapshot } from '../source/types.ts';
import { nameOfUri } from '../source/uri.ts';
import { initialPackage } from './forms.ts';
import { arguments_, operation, type EvalHome, type EvalPlan, type PlanContext } from './operation.ts';

export const replEval = operation({
  name: 'repl_eval',
  title: 'Evaluate',
  documentation:
    'Evaluates every form of the code in the image, in order, and answers the printed values of the last one. With `uri`, `version` and `range`, where the code stands, its values are shown there as an inlay hint until it is edited. Of output beyond 100,000 characters `output_uri` names a document that holds up to 12 million (3 million through Swank or Slynk). Values are printed to 100 elements of a list and 12 levels, and cut at 10,000 characters; `truncated` says that something was cut, of the output or of a value.',
  approval: 'eval',
  args: z.strictObject({
    code: z.string().min(1).describe('forms, read in `package` (CL-USER without one)'),
    package: arguments_.package.optional(),
    uri: arguments_.uri.optional(),
    version: arguments_.version
      .optional()
      .describe('that of the buffer with `range`; in another one nothing is shown'),
    range: z.strictObject({ start: arguments_.position, end: arguments_.position }).optional(),
  }),
  plan: async ({ code, package: packageName, uri, version, range }, context) => ({
    type: 'eval',
    code,
    package: packageName,
    ...(uri !== undefined && range && (await placeOf(uri, version, range, code, context))),
  }),
});

/** The place, if the code still stands there. */
async function placeOf(
  uri: string,
  version: number | undefined,
  range: { start: z.infer<typeof arguments_.position>; end: z.infer<typeof arguments_.position> },
  code: string,
  context: PlanContext,
): Promise<Pick<EvalPlan, 'home' | 'places' | 'readtable' | 'syntax'> | undefined> {
  if (!context.isOpen(uri)) return undefined;
  const snapshot = await context.snapshot(uri);
  if (version !== undefined && snapshot.version !== version) return undefined;
  const start = snapshot.offsetAt(range.start, context.encoding);
  const end = snapshot.offsetAt(range.end, context.encoding);
  if (snapshot.slice(start, end) !== code) return undefined;
  return {
    readtable: readtableAt(snapshot, start),
    syntax: syntaxForms(snapshot, start).map(form => ({
      text: snapshot.slice(form.span.start, form.span.end),
      package: form.package ?? initialPackage,
    })),
    home: homeOf(snapshot, start, context),
    places: { uri, version: snapshot.version, whole: { start, end }, forms: [] },
  };
}

function homeOf(snapshot: Snapshot, start: number, context: PlanContext): EvalHome {
  const file = context.fileOf(snapshot.uri);
  const next = snapshot.forms.find(({ active, span }) => active && span.end > start);
  if (file === undefined || !next || next.span.start < start) return { snapshot, start };
  const byteOffset = Buffer.byteLength(snapshot.text.slice(0, start));
  return { snapshot, start, inFile: { file, byteOffset, index: next.index } };
}

export const evalBuffer = operation({
  name: 'eval_buffer',
  title: 'Evaluate buffer',
  documentation:
    'Evaluates every form of a buffer or file in the image, in order, each in the package that stands before it; the first error ends it. Unlike a reload, nothing is taken back then.',
  approval: 'eval',
  args: z.strictObject({ uri: arguments_.uri, version: arguments_.version.optional() }),
  async plan({ uri, version }, context) {
    const snapshot = await context.snapshot(uri, version);
    await snapshot.ready();
    const forms = snapshot.forms.filter(({ active }) => active);
    return {
      type: 'eval',
      code: snapshot.text,
      package: undefined,
      title: `every form of ${nameOfUri(uri)}`,
      home: homeOf(snapshot, 0, context),
      places: context.isOpen(uri)
        ? {
            uri,
            version: snapshot.version,
            whole: { start: 0, end: snapshot.text.length },
            forms: forms.map(({ span, definitions, operator }) =>
              definitions.length > 0 || operator === 'in-package' ? undefined : span,
            ),
          }
        : undefined,
    };
  },
});
