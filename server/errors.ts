/** The errors a user can meet: one class, the kinds of the public contract, and nothing of LSP (server.ts maps them). */

export type ErrorKind =
  | 'invalid-arguments'
  | 'no-image'
  | 'image-lost'
  | 'approval-denied'
  | 'approval-timeout'
  | 'stale'
  | 'read-only'
  | 'unknown-package'
  | 'unknown-system'
  | 'unknown-symbol'
  | 'fasl-mismatch'
  | 'timeout'
  | 'cancelled'
  | 'debugger-aborted'
  | 'internal';

export class HotlispError extends Error {
  override readonly name = 'HotlispError';
  /**
   * @param kind what a program may branch on; becomes `data.kind` of the LSP error
   * @param message what failed and what to do about it, one or two sentences
   * @param details further keys of `data` (a path, a condition, a backtrace); JSON values only
   */
  constructor(
    readonly kind: ErrorKind,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}
