/** The difference between what an image runs of a definition and what a buffer says. */
import type { Documents } from '../documents.ts';
import { HotlispError } from '../errors.ts';
import { wholeName } from '../operations/names.ts';
import type { DiffPlace } from '../operations/operation.ts';
import type { PositionEncoding } from '../source/types.ts';
import type { Drifts } from './drifts.ts';
import { patchOf } from '../patch.ts';
import { entriesOf } from './entries.ts';
import type { Drift } from './judge.ts';

export type DiffRequest = DiffPlace;

export interface ShownDiff {
  readonly definition: string;
  /** What the image runs; null where that is not known to the letter. */
  readonly image: string | null;
  /** What the buffer says; null where it has no such definition. */
  readonly text: string | null;
  readonly diff: string;
}

/** @throws HotlispError `invalid-arguments` where there is no such definition, `stale` at another version */
export async function diffAt(
  drifts: Drifts,
  documents: Documents,
  request: DiffRequest,
  encoding: PositionEncoding,
): Promise<ShownDiff> {
  const snapshot = await documents.snapshot(request.uri, request.version);
  await snapshot.ready();
  const entries = await entriesOf(snapshot);
  const offset = request.position && snapshot.offsetAt(request.position, encoding);
  const drift = drifts.of(snapshot).find(each => each.what && isMeant(each, request, offset));
  const entry = entries.find(({ asked, form }) =>
    offset === undefined
      ? wholeName(asked.definition) === request.definition
      : form.span.start <= offset && offset <= form.span.end,
  );
  const what = drift?.what ?? entry?.asked;
  if (!what)
    throw new HotlispError(
      'invalid-arguments',
      `There is no definition ${request.definition ?? 'at the position'} in ${request.uri}.`,
      { path: request.position ? 'position' : 'definition' },
    );
  const form = drift ? drift.form : entry?.form;
  const text = form ? snapshot.text.slice(form.span.start, form.span.end) : null;
  const image = (await drifts.textInImage(request.uri, what)) ?? drift?.text ?? null;
  const file = documents.fileOf(request.uri);
  const was = image === null ? 'the image (its text is not known)' : 'the image';
  const is = text === null ? 'the buffer (it has no such definition)' : 'the buffer';
  return { definition: wholeName(what.definition), image, text, diff: patchOf(file, image, text, was, is) };
}

function isMeant({ name, form }: Drift, { definition }: DiffRequest, offset: number | undefined): boolean {
  if (offset === undefined) return name === definition;
  return form !== undefined && form.span.start <= offset && offset <= form.span.end;
}
