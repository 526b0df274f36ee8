/** The workspace's one image: its states, and who waits for it. */
import { isDeepStrictEqual } from 'node:util';
import { HotlispError } from '../errors.ts';
import { parseAddress } from './address.ts';
import { unlessAborted } from './deadline.ts';
import { discover } from './discovery.ts';
import {
  attaches,
  type Image,
  type ImageManager,
  type ImageManagerEvents,
  type ImageSettings,
  type ImageState,
} from './image.ts';
import { openSocket, openSpawned, openSwank, type OpenOptions } from './open.ts';
import type { Environment } from './runDirectory.ts';

export interface ImageManagerOptions {
  /** Where the agent's sources are. */
  readonly lispDir: string;
  readonly events: ImageManagerEvents;
  /** Names this server to the image, for people: "hotlisp 0.1.0 (Neovim)". */
  readonly clientName: string;
  /** What stands for the process's environment; spawned images get it too. */
  readonly environment?: Environment;
}

/** A manager in state `idle`, with the default settings: auto, "sbcl", no folders. */
export function createImageManager(options: ImageManagerOptions): ImageManager {
  return new Manager(options);
}

interface Attempt {
  readonly image: Promise<Image>;
  readonly controller: AbortController;
  /** The settings changed under it: who waits for it wants the next one. */
  superseded: boolean;
}

class Manager implements ImageManager {
  state: ImageState = 'idle';
  current: Image | undefined;
  readonly #options: ImageManagerOptions;
  readonly #environment: Environment;
  /** What is still being closed; dispose waits for it. */
  readonly #endings = new Set<Promise<unknown>>();
  #settings: ImageSettings = { mode: 'auto', command: 'sbcl', init: [] };
  #roots: readonly string[] = [];
  #attempt: Attempt | undefined;
  #disposed = false;

  constructor(options: ImageManagerOptions) {
    this.#options = options;
    this.#environment = options.environment ?? process.env;
  }

  async connect({ signal }: { signal?: AbortSignal } = {}): Promise<Image> {
    for (;;) {
      if (this.#disposed)
        throw new HotlispError('no-image', 'The server is ending; it connects to no image any more.');
      if (this.current) return this.current;
      if (this.#settings.mode === 'off')
        throw new HotlispError(
          'no-image',
          'There is no image: the setting image.mode is "off". Set it to "auto", "spawn" or "attach".',
        );
      const attempt = (this.#attempt ??= this.#begin());
      try {
        return await unlessAborted(attempt.image, signal, 'Connecting to the image');
      } catch (error) {
        if (!attempt.superseded || signal?.aborted) throw error;
      }
    }
  }

  async configure(settings: ImageSettings, roots: readonly string[]): Promise<void> {
    this.#roots = [...roots];
    if (isDeepStrictEqual(normal(settings), normal(this.#settings))) return;
    this.#settings = settings;
    if (this.#attempt) this.#attempt.superseded = true;
    await this.disconnect();
  }

  async disconnect(): Promise<void> {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.controller.abort();
    const image = this.current;
    this.current = undefined;
    if (!this.#disposed) this.#enter(this.#settings.mode === 'off' ? 'off' : 'idle');
    if (image) await this.#end(image);
  }

  async restart(): Promise<Image> {
    await this.disconnect();
    return this.connect();
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const attempt = this.#attempt?.image.catch(() => undefined);
    await this.disconnect();
    await attempt;
    await Promise.allSettled([...this.#endings]);
  }

  #begin(): Attempt {
    const controller = new AbortController();
    const attempt: Attempt = { controller, superseded: false, image: this.#open(controller.signal) };
    // Each caller hears of a failure by itself; there may be none left.
    attempt.image.catch(() => undefined);
    this.#enter('connecting');
    void attempt.image.then(
      image => this.#connected(attempt, image),
      (error: unknown) => {
        if (this.#attempt !== attempt) return;
        this.#attempt = undefined;
        this.#enter('idle', { reason: error instanceof Error ? error.message : String(error) });
      },
    );
    return attempt;
  }

  /** Runs before those who await the attempt go on, being the first to have asked. */
  #connected(attempt: Attempt, image: Image): void {
    if (this.#attempt !== attempt) {
      void this.#end(image);
      return;
    }
    this.#attempt = undefined;
    this.current = image;
    this.#enter('connected', { title: image.title });
    image.onFeatures(() => this.current === image && this.#options.events.onFeatures(image));
    void image.lost.then(reason => {
      if (this.current !== image) return;
      this.current = undefined;
      this.#enter('lost', { reason });
      void this.#end(image);
    });
  }

  async #open(signal: AbortSignal): Promise<Image> {
    const opening = this.#openByMode(signal);
    void this.#track(opening.catch(() => undefined));
    const image = await opening;
    if (!signal.aborted) return image;
    await this.#end(image);
    throw new HotlispError('cancelled', 'Connecting to the image was cancelled.');
  }

  async #openByMode(signal: AbortSignal): Promise<Image> {
    const { mode, command, address, init } = this.#settings;
    const { lispDir, clientName, events } = this.#options;
    const onLog = (line: string) => events.onLog(line);
    const options: OpenOptions = {
      lispDir,
      clientName,
      roots: this.#roots,
      environment: this.#environment,
      onLog,
      traceLevel: () => events.traceLevel?.() ?? 'off',
      signal,
    };
    if (attaches(this.#settings)) {
      if (address === undefined)
        throw new HotlispError(
          'no-image',
          'The setting image.mode is "attach", but image.address is not set: give host:port of a Swank or Slynk, or unix:PATH.',
        );
      const parsed = parseAddress(address);
      return parsed.type === 'unix' ? openSocket(parsed.path, options) : openSwank(parsed, options);
    }
    if (mode === 'auto') {
      const [found, ...others] = await discover(options);
      if (found && others.length === 0) return found.image;
      if (found) {
        const all = [found, ...others];
        onLog(
          `Several images of this workspace serve: ${all.map(({ path, image }) => `unix:${path} (pid ${image.hello.pid})`).join(', ')}. A new one is started; to use one of them, set image.address to it.`,
        );
        await Promise.all(all.map(({ image }) => this.#end(image)));
      }
      if (signal.aborted) throw new HotlispError('cancelled', 'Connecting to the image was cancelled.');
    }
    return openSpawned(command, init, options);
  }

  async #end(image: Image): Promise<void> {
    await this.#track(
      image
        .close()
        .catch((error: unknown) => this.#options.events.onLog(`Closing ${image.title}: ${String(error)}`)),
    );
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    const tracked = promise.finally(() => this.#endings.delete(tracked));
    this.#endings.add(tracked);
    return tracked;
  }

  #enter(state: ImageState, detail: { title?: string; reason?: string } = {}): void {
    if (this.state === state && state !== 'lost' && detail.reason === undefined) return;
    this.state = state;
    this.#options.events.onState(state, detail);
  }
}

const normal = ({ mode, command, address, init }: ImageSettings) => ({
  mode,
  command,
  address,
  init: [...init],
});
