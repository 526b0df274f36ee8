/** From a place that the image recorded to the form that stands there now. */
import type { Documents } from '../documents.ts';
import type { Location } from '../image/protocol.ts';
import { findForm, matches } from '../operations/locate.ts';
import { loadedForm } from '../runner/loaded.ts';
import type {
  PositionEncoding,
  Range,
  Snapshot,
  SourceDefinition,
  Span,
  TopLevelForm,
} from '../source/types.ts';
import { realFile, within } from './places.ts';

export interface Recorded {
  readonly uri: string;
  readonly snapshot: Snapshot;
  readonly form: TopLevelForm;
  /** Absent where the form makes the definition without naming it. */
  readonly definition: SourceDefinition | undefined;
}

/**
 * Undefined where there is no file, or nothing of it. A definition is found by its name; one that a macro makes, by the text that the
 * image loaded, as far as that is known.
 */
export async function recorded(documents: Documents, location: Location): Promise<Recorded | undefined> {
  if (location.file === undefined) return undefined;
  const uri = documents.uriOf(location.file);
  const snapshot = await documents.snapshot(uri).catch(() => undefined);
  if (!snapshot) return undefined;
  await snapshot.ready();
  const found = findForm(snapshot, location).form;
  const definition = found?.definitions.find(each => matches(each, location.name));
  if (found && definition) return { uri, snapshot, form: found, definition };
  const loaded = await loadedForm(documents, uri, location.fileWriteDate, location);
  const form = loaded
    ? (snapshot.forms.find(each => each.active && each.digest === loaded.digest) ?? found)
    : found;
  return form && { uri, snapshot, form, definition: undefined };
}

export interface NewPlace extends Recorded {
  /** All of the definition, or of the form that makes it. */
  readonly whole: Range;
  readonly location: Location;
}

/** All of a recorded definition; where the form does not name it, all of the form. */
const extentOf = ({ definition, form }: Recorded): Span => definition?.span ?? form.span;

/** The places of what the image recorded in whose extent nothing of `known` stands: each place once, in order. */
export async function recordedBeyond<L extends Location>(
  { documents, encoding }: { documents: Documents; encoding: () => PositionEncoding },
  locations: readonly L[],
  known: readonly { readonly uri: string; readonly range: Range }[],
  extent: (place: Recorded) => Span = extentOf,
): Promise<(NewPlace & { location: L })[]> {
  const places = known.map(({ uri, range }) => ({ file: realFile(uri), range }));
  const out: (NewPlace & { location: L })[] = [];
  for (const location of locations) {
    const place = await recorded(documents, location);
    if (!place) continue;
    const { uri, snapshot } = place;
    const whole = snapshot.rangeOf(extent(place), encoding());
    const file = realFile(uri);
    if (places.some(each => each.file === file && within(each.range, whole))) continue;
    places.push({ file, range: whole });
    out.push({ ...place, whole, location });
  }
  return out.sort(
    (a, b) =>
      (a.uri < b.uri ? -1 : a.uri > b.uri ? 1 : 0) ||
      a.whole.start.line - b.whole.start.line ||
      a.whole.start.character - b.whole.start.character,
  );
}

/** Where the name of a recorded definition stands; where the form does not name it, the form's start. */
export const nameSpanIn = ({ definition, form }: Recorded) =>
  definition?.nameSpan ?? { ...form.span, end: form.span.start };
