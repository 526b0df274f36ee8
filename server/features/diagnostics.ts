/** Syntax problems as LSP diagnostics. */
import type { PositionEncoding, Range, Snapshot } from '../source/types.ts';

/** LSP's Diagnostic, as far as it is used here. */
export interface SyntaxDiagnostic {
  readonly range: Range;
  /** 1: error. */
  readonly severity: 1;
  readonly code: string;
  readonly source: 'hotlisp';
  readonly message: string;
}

export function syntaxDiagnostics(snapshot: Snapshot, encoding: PositionEncoding): SyntaxDiagnostic[] {
  return snapshot.problems.map(({ span, message, code }) => ({
    range: snapshot.rangeOf(span, encoding),
    severity: 1,
    code,
    source: 'hotlisp',
    message,
  }));
}
