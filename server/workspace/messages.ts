/** What the server and the index's thread say to each other. */
import type { PositionEncoding } from '../source/types.ts';
import type { Workspace } from './fileReading.ts';
import type { Params, QueryName } from './types.ts';

export interface WorkerData {
  /** Paths of web-tree-sitter.wasm and of tree-sitter-commonlisp.wasm. */
  readonly runtimeWasm: string;
  readonly grammarWasm: string;
  readonly encoding: PositionEncoding;
  readonly version: string;
}

export type ToWorker =
  | { readonly type: 'configure'; readonly workspace: Workspace }
  | { readonly type: 'features'; readonly features: readonly string[] }
  /** The whole text of an open buffer; undefined: closed. */
  | { readonly type: 'buffer'; readonly uri: string; readonly text: string | undefined }
  /** What has changed of it since. UTF-16 offsets. */
  | {
      readonly type: 'edit';
      readonly uri: string;
      readonly start: number;
      readonly end: number;
      readonly text: string;
    }
  | { readonly type: 'files'; readonly uris: readonly string[] }
  | {
      readonly type: 'query';
      readonly id: number;
      readonly name: QueryName;
      readonly params: Params<QueryName>;
    }
  | { readonly type: 'cancel'; readonly id: number }
  /** Read no more of the files that wait. */
  | { readonly type: 'stop' }
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly message: string }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'log'; readonly message: string }
  | { readonly type: 'closed' };
