/** From a place that the image recorded to the form that stands there now. */
import type { Documents } from '../documents.ts';
import type { Location } from '../image/protocol.ts';
import { findForm, matches } from '../operations/locate.ts';
import { loadedForm } from '../runner/loaded.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';

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
