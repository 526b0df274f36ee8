/** What the themes of language features share: the way to buffers, index and image, and to the reply. */
import type {
  CancellationToken,
  ClientCapabilities,
  Connection,
  ServerCapabilities,
} from 'vscode-languageserver/node';
import type { Documents } from '../documents.ts';
import type { Images } from '../images.ts';
import type { Image } from '../image/image.ts';
import type { Args, Op, Result } from '../image/protocol.ts';
import type { Editor } from '../ports.ts';
import type { Settings } from '../settings.ts';
import { analysing } from '../source/scope.ts';
import { inSlices } from '../source/slices.ts';
import type { Position } from '../source/types.ts';
import type { PositionEncoding, Snapshot, Source } from '../source/index.ts';
import type { IndexClient } from '../workspace/client.ts';
import type { Answer, Params, QueryName } from '../workspace/types.ts';

export interface BenchParts {
  readonly connection: Connection;
  readonly editor: Editor;
  readonly capabilities: () => ClientCapabilities;
  readonly documents: Documents;
  readonly images: Images;
  readonly settings: () => Settings;
  readonly source: Source;
  readonly encoding: () => PositionEncoding;
  /** The place that a line (0-based) of a document that the server wrote names. */
  readonly pagePlace: (
    uri: string,
    line: number,
  ) => { readonly uri: string; readonly line: number } | undefined;
  /** Runs the work of a request, and maps its errors. */
  readonly answer: <R>(work: () => Promise<R>) => Promise<R>;
}

/** A theme of language features: what it declares, and its handlers. Capabilities of two themes may not share a key. */
export interface FeatureSet {
  readonly capabilities: ServerCapabilities;
  listen(bench: Bench): void;
}

export interface ImageQuestion {
  readonly token?: CancellationToken;
  /** Called when the answer came after all; the question is not withdrawn then. */
  readonly late?: () => void;
  /** Milliseconds after which the question is withdrawn and the answer does without the image. */
  readonly within?: number;
}

/**
 * Milliseconds that an image, or the index, has to say what it knows. HOTLISP_BUDGET_MS sets another one: for machines so busy that even
 * an idle image is late.
 */
export const budget = Number(process.env['HOTLISP_BUDGET_MS']) || 150;

export class Bench {
  /** Questions of each kind that an image was given and that it owes an answer since their time was up. */
  readonly #overdue = new WeakMap<Image, Map<Op, number>>();

  constructor(
    readonly parts: BenchParts,
    private readonly index: () => Promise<IndexClient>,
  ) {}

  /** Asks the index of the workspace, once it knows the folders. */
  async ask<Q extends QueryName>(name: Q, params: Params<Q>, token: CancellationToken): Promise<Answer<Q>> {
    const index = await this.index();
    return index.query(name, params, signalOf(token));
  }

  /** The image of a document, where it is connected. */
  imageOf(uri: string): Image | undefined {
    const { documents, images } = this.parts;
    return images.current(uri.startsWith('file:') ? documents.fileOf(uri) : undefined);
  }

  /**
   * Asks the image of a document what it knows; undefined where none is connected (this never connects one), where it
   * does not answer in time, and where it answers with an error. An image that still owes an answer of that kind is not waited for again.
   * For operations of the wire that only read.
   */
  async image<O extends Op>(
    uri: string,
    op: O,
    args: Args<O>,
    { token, within = budget, late: told }: ImageQuestion = {},
  ): Promise<Result<O> | undefined> {
    const image = this.imageOf(uri);
    if (!image) return undefined;
    const owed = this.#overdue.get(image) ?? new Map<Op, number>();
    this.#overdue.set(image, owed);
    if ((owed.get(op) ?? 0) > 0) return undefined;
    const controller = new AbortController();
    const canceled = token?.onCancellationRequested(() => controller.abort());
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    let overdue = false;
    const answer = image
      .call(op, args, { signal: controller.signal })
      .catch(() => undefined)
      .finally(() => (settled = true));
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(() => {
        if (!settled) {
          overdue = true;
          owed.set(op, (owed.get(op) ?? 0) + 1);
          void answer.then(result => {
            owed.set(op, owed.get(op)! - 1);
            if (result !== undefined) told?.();
          });
        }
        resolve(undefined);
      }, within);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      // nothing happens to a call that was answered
      if (!(overdue && told)) controller.abort();
      canceled?.dispose();
    }
  }

  /**
   * The offset of a place in a buffer that is ready. What its form's symbols stand for is known then: of a long form that takes a while, in
   * which others get their turns.
   */
  async offsetIn(
    snapshot: Snapshot,
    position: Position,
    what: 'forms' | 'definitions' = 'definitions',
  ): Promise<number> {
    await snapshot.ready(what);
    const offset = snapshot.offsetAt(position, this.parts.encoding());
    const form = snapshot.formAt(offset);
    if (form) await inSlices(analysing(form));
    return offset;
  }

  /** A handler that needs the buffer only; null where it is not open. */
  syntactic<P extends { textDocument: { uri: string } }, R>(
    handler: (snapshot: Snapshot, params: P, token: CancellationToken) => Promise<R>,
  ) {
    return (params: P, token: CancellationToken): Promise<R | null> =>
      this.parts.answer(async () => {
        const snapshot = this.parts.documents.get(params.textDocument.uri);
        if (!snapshot) return null;
        await snapshot.ready();
        return handler(snapshot, params, token);
      });
  }
}

/** Of what no client can cancel. */
export const never: CancellationToken = {
  isCancellationRequested: false,
  onCancellationRequested: () => ({ dispose: () => undefined }),
};

export function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}
