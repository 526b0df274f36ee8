/** One image per workspace folder: which manager serves a document, and what the person is told about connections. */
import { realpathSync } from 'node:fs';
import { HotlispError } from './errors.ts';
import {
  attaches,
  type Image,
  type ImageManager,
  type ImageManagerEvents,
  type ImageSettings,
} from './image/image.ts';
import type { Editor } from './ports.ts';
import type { Settings } from './settings.ts';

export interface ImagesOptions {
  readonly editor: Editor;
  readonly createManager: (events: ImageManagerEvents) => ImageManager;
  /** The features of an image that was connected or whose features have changed, for reader conditionals. */
  readonly onFeatures: (features: readonly string[]) => void;
  /** An image was connected, lost or let go. */
  readonly onChanged: () => void;
}

export class Images {
  /** By the real path of the folder; '' where there is none. */
  readonly #managers = new Map<string, ImageManager>();
  /** The workspace's folders as the editor writes them, each with its real path. */
  #folders: ReadonlyMap<string, string> = new Map();
  #trace: Settings['trace.server'] = 'off';
  #settings: ImageSettings | undefined;

  constructor(private readonly options: ImagesOptions) {}

  /** @param folders absolute paths; the first one is used for what belongs to none */
  async configure(settings: Settings, folders: readonly string[]): Promise<void> {
    this.#settings = {
      mode: settings['image.mode'],
      command: settings['image.command'],
      address: settings['image.address'],
      init: settings['image.init'],
    };
    this.#trace = settings['trace.server'];
    this.#folders = new Map(folders.map(folder => [folder, realPath(folder)]));
    for (const [folder, manager] of this.#managers) {
      if (folder === '' ? folders.length === 0 : [...this.#folders.values()].includes(folder))
        await manager.configure(this.#settings, this.#rootsOf(folder));
      else {
        this.#managers.delete(folder);
        await manager.dispose();
      }
    }
    if (attaches(this.#settings)) void this.connect(undefined).catch(() => undefined); // the failure was told by onState
  }

  /** The manager for a file (absolute path), made at first need. */
  async manager(file: string | undefined): Promise<ImageManager> {
    const folder = this.#folderOf(file);
    let manager = this.#managers.get(folder);
    if (!manager) {
      manager = this.options.createManager(this.#events());
      this.#managers.set(folder, manager);
      if (this.#settings) await manager.configure(this.#settings, this.#rootsOf(folder));
    }
    return manager;
  }

  /** The connected image for a file (absolute path), without connecting one. */
  current(file: string | undefined): Image | undefined {
    return this.#managers.get(this.#folderOf(file))?.current;
  }

  /** @throws HotlispError `no-image`, `cancelled` */
  async connect(file: string | undefined, signal?: AbortSignal): Promise<Image> {
    if (!this.#settings) throw new HotlispError('no-image', 'The server is not initialized yet.');
    const manager = await this.manager(file);
    const connected = manager.current;
    const image = await manager.connect(signal ? { signal } : {});
    if (image !== connected) this.options.onFeatures(image.features);
    return image;
  }

  /** @throws HotlispError `no-image` */
  async restart(file: string | undefined): Promise<Image> {
    const image = await (await this.manager(file)).restart();
    this.options.onFeatures(image.features);
    return image;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#managers.values()].map(manager => manager.dispose()));
    this.#managers.clear();
  }

  #folderOf(file: string | undefined): string {
    const inside = [...this.#folders].filter(
      ([folder]) => file !== undefined && (file === folder || file.startsWith(folder + '/')),
    );
    const [nearest = [...this.#folders][0]] = inside.sort(([a], [b]) => b.length - a.length);
    return nearest?.[1] ?? '';
  }

  /** A folder that is open by several paths has one image, which has its root as it is written first. */
  #rootsOf(real: string): string[] {
    const root = [...this.#folders].find(([, each]) => each === real)?.[0];
    return root === undefined ? [] : [root];
  }

  #events(): ImageManagerEvents {
    const { editor } = this.options;
    return {
      onState: (state, { title, reason }) => {
        if (state !== 'connecting') this.options.onChanged();
        if (state === 'connected') editor.log('info', `Connected to ${title ?? 'an image'}.`);
        else if (state === 'lost')
          editor.tell(
            'warning',
            `The image is gone${reason ? ` (${reason})` : ''}. The next operation connects again.`,
          );
        else if (state !== 'connecting')
          editor.log('info', `Image: ${state}${reason ? ` (${reason})` : ''}.`);
      },
      onFeatures: ({ features }) => this.options.onFeatures(features),
      onLog: line => editor.log('info', line),
      traceLevel: () => this.#trace,
    };
  }
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
