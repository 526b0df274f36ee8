/** What the runner needs of an editor, in our own words; editor.ts speaks LSP for it. */
import type { Range } from './source/types.ts';

export type Severity = 'error' | 'warning' | 'info';

export interface Progress {
  report(message: string, fraction?: number): void;
  end(message?: string): void;
  /** Aborted when the person cancels in the editor. */
  readonly signal: AbortSignal;
}

export type Answer =
  | { readonly type: 'title'; readonly title: string }
  /** Dismissed, answered with something else, or with an error. */
  | { readonly type: 'none'; readonly why: string }
  /** The editor cannot ask (it answers MethodNotFound). */
  | { readonly type: 'unsupported' };

export interface Editor {
  /** Settles once what follows the reply to a gesture is sure to arrive apart from it; at once in most editors. */
  afterReply(): Promise<void>;
  /** Asks with a choice of titles; resolves with what the person answered, however late; aborting withdraws the question. Never rejects. */
  ask(message: string, titles: readonly string[], signal: AbortSignal): Promise<Answer>;
  tell(severity: Severity, message: string): void;
  /** Tells what is to stand until it is answered: after each progress that is about to begin, which takes its place in Helix's status line. */
  tellLast(severity: Severity, message: string): Promise<void>;
  log(severity: Severity, message: string): void;
  /** Shows a document (URI) to the person; false when the editor cannot, or does not say. Never rejects. */
  show(uri: string): Promise<boolean>;
  /** Makes an edit in the editor's buffer; answers why not, or undefined when it was made. Never rejects. */
  edit(
    label: string,
    uri: string,
    version: number | null,
    edits: readonly { readonly range: Range; readonly newText: string }[],
  ): Promise<string | undefined>;
  /** Begins a progress that the editor shows; a silent one where it cannot show any. */
  progress(title: string): Progress;
}

/** A compiler note or syntax problem as reported: positions in the negotiated encoding. */
export interface ReportedNote {
  readonly severity: 'error' | 'warning' | 'style-warning' | 'note';
  readonly message: string;
  readonly uri: string | null;
  readonly range: Range | null;
}
