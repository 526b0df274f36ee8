/** What the rest of the server sees of an image: typed calls that always settle. How it is reached is image/'s own matter. */
import type { Args, Event, Op, Result } from './protocol.ts';

export interface CallOptions {
  /** Aborting asks the agent to unwind the request; the call then rejects with `cancelled` once the agent confirmed it, or with `timeout` when it did not within 5 s. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Event) => void;
}

/** One connection to one image; lives until `lost` settles. */
export interface Image {
  /** The agent's answer to hello. `hello.image` identifies the image across connections. */
  readonly hello: Result<'hello'>;
  /** The image's *FEATURES* as far as it has told, in the form of hello's. */
  readonly features: readonly string[];
  /** For people: "sbcl 2.2.9 (pid 4711, spawned)", "swank 127.0.0.1:4005 (pid 12)". */
  readonly title: string;
  readonly kind: 'spawned' | 'socket' | 'swank' | 'slynk';
  /** @throws HotlispError `image-lost` when the connection ends before the reply, and the kinds of the wire's error replies */
  call<O extends Op>(op: O, args: Args<O>, options?: CallOptions): Promise<Result<O>>;
  /** Settles (never rejects) with the reason once the connection is gone. */
  readonly lost: Promise<string>;
  /** Has `listener` called each time that the features have changed. */
  onFeatures(listener: () => void): void;
  /** Ends the connection: an attached image goes on as it was, a spawned one is ended. Idempotent. */
  close(): Promise<void>;
}

export type ImageMode = 'auto' | 'spawn' | 'attach' | 'off';

export interface ImageSettings {
  readonly mode: ImageMode;
  /** Program and arguments; a string is split at white space, with "double quotes" respected. */
  readonly command: string;
  /** `host:port` (Swank or Slynk) or `unix:PATH`. */
  readonly address?: string | undefined;
  /** Forms evaluated in a spawned image once the agent is loaded. */
  readonly init: readonly string[];
}

/** Whether an image is attached to: by mode, or because of an address where the mode leaves it open. */
export const attaches = ({ mode, address }: ImageSettings): boolean =>
  mode === 'attach' || (mode === 'auto' && address !== undefined);

export type ImageState = 'off' | 'idle' | 'connecting' | 'connected' | 'lost';

export interface ImageManagerEvents {
  /** Called on every change of state; `title` while connected, `reason` after a loss. */
  onState(state: ImageState, detail: { title?: string; reason?: string }): void;
  /** The features of the current image have changed. */
  onFeatures(image: Image): void;
  /** A line of output of a spawned image, or of the wire's own trace. */
  onLog(line: string): void;
  /** What of the traffic with the image goes to onLog; nothing where it is absent. */
  traceLevel?(): 'off' | 'messages' | 'verbose';
}

/** Owns the workspace's one image: connects at need, reconnects after a loss, tells who listens. */
export interface ImageManager {
  readonly state: ImageState;
  /** The connected image, without connecting. */
  readonly current: Image | undefined;
  /**
   * The image, connecting first where needed; concurrent callers share one attempt.
   * @throws HotlispError `no-image` (mode off, nothing to attach to, SBCL not installed: the message says what to do)
   */
  connect(options?: { signal?: AbortSignal }): Promise<Image>;
  /** Changes what the next connection uses; a connected image whose settings changed is closed. */
  configure(settings: ImageSettings, roots: readonly string[]): Promise<void>;
  disconnect(): Promise<void>;
  /** Ends the image and starts it again (spawned), or reconnects (attached). */
  restart(): Promise<Image>;
  dispose(): Promise<void>;
}
