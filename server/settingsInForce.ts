/** The settings that hold: what the user has set, made stricter by files of the workspace; they come into force in the order they are sent. */
import type { Editor } from './ports.ts';
import { defaultSettings, parseSettings, type SettingProblem, type Settings } from './settings.ts';
import { WorkspaceSettings } from './workspaceSettings.ts';

export interface SettingsDependencies {
  readonly editor: Editor;
  /** Absolute paths of the workspace's folders. */
  readonly folders: () => readonly string[];
  /** The client's section of settings, null where it has none; undefined: it tells them by notifications alone. */
  readonly pull: () => Promise<unknown> | undefined;
  /** Puts settings into force, which are `current` by then. */
  readonly use: (settings: Settings) => Promise<void>;
}

export class SettingsInForce {
  readonly #workspace: WorkspaceSettings;
  #initial: Settings = defaultSettings;
  /** As the user made them, without what files of the workspace make stricter. */
  #user: Settings = defaultSettings;
  #current: Settings = defaultSettings;
  /** Of the initial ones, until they are told. */
  #problems: readonly SettingProblem[] = [];
  /** Settled once the settings are known; never rejects. */
  #ready: Promise<void> = Promise.resolve();

  constructor(private readonly deps: SettingsDependencies) {
    this.#workspace = new WorkspaceSettings(deps.editor);
  }

  get current(): Settings {
    return this.#current;
  }

  /** Takes the settings that came with the first request: they hold at once, and until the client tells others. */
  begin(initializationOptions: unknown): void {
    const { settings, problems } = parseSettings(initializationOptions ?? {});
    this.#initial = settings;
    this.#current = settings;
    this.#problems = problems;
    this.#resettle(() => this.#useSettings(settings, []));
  }

  /** Asks the client for its settings, where it has them, else takes those of its notification (`{hotlisp: {…}}`). */
  configure(pushed?: unknown): void {
    this.#resettle(() => this.#configure(pushed));
  }

  /** The folders of the workspace have changed. */
  foldersChanged(): void {
    this.#resettle(() => this.#useSettings(this.#user, []));
  }

  /** Resolves when the settings hold that have been sent by now. */
  async settled(): Promise<void> {
    await this.#ready;
    // Not every editor tells of a file that changes, and a policy that was made stricter holds at once.
    if (!this.#workspace.isOutdated(this.deps.folders())) return;
    this.foldersChanged();
    await this.#ready;
  }

  /** What comes after it is done under the settings that `settle` makes. */
  #resettle(settle: () => Promise<void>): void {
    this.#ready = this.#ready.then(settle).catch((error: Error) => {
      this.deps.editor.tell('error', `The settings are not in force as a whole: ${error.message}`);
    });
  }

  async #configure(pushed: unknown): Promise<void> {
    const pulled = this.deps.pull();
    const section = pulled
      ? await pulled
      : typeof pushed === 'object' && pushed !== null && 'hotlisp' in pushed
        ? pushed.hotlisp
        : null;
    const { settings, problems } = parseSettings(section ?? {}, this.#initial);
    await this.#useSettings(settings, [...this.#problems, ...problems]);
    this.#problems = [];
  }

  async #useSettings(settings: Settings, problems: readonly SettingProblem[]): Promise<void> {
    this.#user = settings;
    this.#current = await this.#workspace.tightened(settings, this.deps.folders(), problems);
    await this.deps.use(this.#current);
  }
}
