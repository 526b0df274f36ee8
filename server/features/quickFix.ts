/** Quick fixes: one edit that mends a syntax problem, offered where the problem stands. */
import type { PositionEncoding, Snapshot, Span } from '../source/types.ts';
import { syntaxDiagnostic, type SyntaxDiagnostic } from './diagnostics.ts';
import { documentEdit, type DocumentEdit } from './documentEdit.ts';

export const quickFixKind = 'quickfix';

export interface QuickFix {
  readonly title: string;
  readonly kind: typeof quickFixKind;
  readonly diagnostics: readonly SyntaxDiagnostic[];
  readonly isPreferred: true;
  readonly edit: DocumentEdit;
}

export interface QuickFixRequest {
  readonly snapshot: Snapshot;
  /** UTF-16 offsets: the selection, or the cursor. */
  readonly start: number;
  readonly end: number;
  readonly encoding: PositionEncoding;
  /** The client takes versioned edits (workspace.workspaceEdit.documentChanges). */
  readonly documentChanges: boolean;
}

/** One for each problem with a fix whose place, or the place of its fix, the selection touches; in the order of the text. */
export function quickFixes({ snapshot, start, end, encoding, documentChanges }: QuickFixRequest): QuickFix[] {
  const touched = (span: Span) => span.start <= end && start <= span.end;
  return snapshot.problems.flatMap((problem): QuickFix[] => {
    const { fix } = problem;
    if (!fix || !(touched(problem.span) || touched(fix.span))) return [];
    const edits = [{ range: snapshot.rangeOf(fix.span, encoding), newText: fix.text }];
    const { uri, version } = snapshot;
    return [
      {
        title: fix.title,
        kind: quickFixKind,
        diagnostics: [syntaxDiagnostic(snapshot, problem, encoding)],
        isPreferred: true,
        edit: documentEdit([{ uri, version, edits }], documentChanges),
      },
    ];
  });
}
