/** Diagnostics of the notes that the last reload of a form left. */
import type { PlacedNote } from '../notes.ts';
import type { PositionEncoding, Range, Snapshot } from '../source/types.ts';

export interface NoteDiagnostic {
  readonly range: Range;
  /** LSP's: 1 error, 2 warning, 3 information, 4 hint. */
  readonly severity: 1 | 2 | 3 | 4;
  readonly source: 'sbcl';
  /** The condition's type. */
  readonly code: string;
  readonly message: string;
}

const severities = { error: 1, warning: 2, 'style-warning': 3, note: 4 } as const;

export function noteDiagnostics(
  snapshot: Snapshot,
  notes: readonly PlacedNote[],
  encoding: PositionEncoding,
): NoteDiagnostic[] {
  return notes.map(({ severity, condition, message, span }) => ({
    range: snapshot.rangeOf(span, encoding),
    severity: severities[severity],
    source: 'sbcl',
    code: condition,
    message,
  }));
}
