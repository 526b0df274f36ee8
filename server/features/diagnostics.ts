/** Syntax problems as LSP diagnostics. */
import type { PositionEncoding, Range, Snapshot, SyntaxProblem } from '../source/types.ts';

/** LSP's Diagnostic, as far as it is used here. */
export interface SyntaxDiagnostic {
  readonly range: Range;
  /** 1: error. */
  readonly severity: 1;
  readonly code: string;
  readonly source: 'hotlisp';
  readonly message: string;
}

export const syntaxDiagnostics = (snapshot: Snapshot, encoding: PositionEncoding): SyntaxDiagnostic[] =>
  snapshot.problems.map(problem => syntaxDiagnostic(snapshot, problem, encoding));

export const syntaxDiagnostic = (
  snapshot: Snapshot,
  { span, message, code }: SyntaxProblem,
  encoding: PositionEncoding,
): SyntaxDiagnostic => ({
  range: snapshot.rangeOf(span, encoding),
  severity: 1,
  code,
  source: 'hotlisp',
  message,
});
