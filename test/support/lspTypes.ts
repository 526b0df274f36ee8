/** What of LSP and of Hotlisp's results the tests look at. */

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export interface TextEdit {
  readonly range: Range;
  readonly newText: string;
}

export interface WorkspaceEdit {
  readonly changes?: Record<string, readonly TextEdit[]>;
  readonly documentChanges?: readonly {
    readonly textDocument: { readonly uri: string; readonly version: number | null };
    readonly edits: readonly TextEdit[];
  }[];
}

export interface Registration {
  readonly method: string;
  readonly registerOptions?: unknown;
}

export interface Location {
  readonly uri: string;
  readonly range: Range;
}

export interface Command {
  readonly title: string;
  readonly command: string;
  readonly arguments?: readonly unknown[];
}

export interface CodeAction {
  readonly title: string;
  readonly kind?: string;
  readonly command?: Command;
  readonly diagnostics?: readonly Diagnostic[];
  readonly edit?: WorkspaceEdit;
}

export interface Diagnostic {
  readonly range: Range;
  readonly severity?: number;
  readonly source?: string;
  readonly code?: string | number;
  readonly message: string;
}

export interface PublishedDiagnostics {
  readonly uri: string;
  readonly version?: number;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ProgressValue {
  readonly kind: 'begin' | 'report' | 'end';
  readonly title?: string;
  readonly message?: string;
}

export type ServerCapabilities = Record<string, unknown> & {
  readonly positionEncoding?: string;
  readonly executeCommandProvider?: { readonly commands: readonly string[] };
};

export interface Note {
  readonly severity: string;
  readonly message: string;
  readonly uri: string | null;
  readonly range: Range | null;
}

export interface DefinitionChange {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
  readonly change: string;
  readonly hazard?: unknown;
}

/** What operations answer (contract, "Results"). */
export interface OperationResult {
  readonly status:
    'applied' | 'failed' | 'rolled-back' | 'partial' | 'unchanged' | 'pending' | 'evaluated' | (string & {});
  readonly transaction?: string;
  readonly definitions: readonly DefinitionChange[];
  readonly notes: readonly Note[];
  readonly threads: readonly { readonly id: number; readonly name: string }[];
  readonly output: string;
  readonly values?: string[];
  readonly duration_ms: number;
  readonly step?: string;
  /** Of a reload of a system: what became of each file. */
  readonly files?: readonly {
    readonly file: string;
    readonly uri: string;
    readonly compiled: boolean;
    readonly loaded: boolean;
    readonly duration_ms: number;
  }[];
  readonly remains?: readonly string[];
  readonly definitions_total?: number;
}

export interface SourceLocation {
  readonly kind: string;
  readonly name: string;
  readonly package: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly uri: string | null;
  readonly range: Range | null;
  readonly stale: boolean;
}
