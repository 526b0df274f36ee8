/** VS Code's workbench in a headless browser: code-server, the extension built from this repository, and what a person sees and presses. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { repository } from '../support/lspClient.ts';
import { commandLine, descendants, killAll, survivors } from '../support/processes.ts';
import { PATIENCE, within } from '../support/wait.ts';
import { provideCodeServer } from './codeServer.mjs';
import type { EditorHome } from './home.ts';

/** What is used of playwright-core, which is in the cache of the tests and not among this repository's packages. */
interface Locator {
  waitFor(options: { state?: 'visible' | 'hidden'; timeout: number }): Promise<void>;
  click(options?: { timeout: number }): Promise<void>;
  first(): Locator;
  last(): Locator;
  filter(options: { hasText: RegExp | string }): Locator;
  locator(selector: string): Locator;
  allInnerTexts(): Promise<string[]>;
}
interface Page {
  goto(url: string, options: { timeout: number }): Promise<unknown>;
  locator(selector: string): Locator;
  screenshot(options: { path: string; clip?: Area }): Promise<unknown>;
  readonly mouse: { move(x: number, y: number): Promise<void> };
  readonly keyboard: {
    press(key: string): Promise<void>;
    type(text: string): Promise<void>;
    insertText(text: string): Promise<void>;
  };
}
interface View {
  readonly viewport: { readonly width: number; readonly height: number };
  readonly deviceScaleFactor: number;
}
interface Browser {
  newPage(options: View): Promise<Page>;
  close(): Promise<void>;
}
interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

/** A part of the window, in CSS pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Milliseconds; a workbench is several programs on one machine. */
const timeout = 2 * PATIENCE;

interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  /** Pixels of the device for one of CSS. */
  readonly scale?: number;
  /** Puts the extension into the home. */
  readonly install?: (home: EditorHome) => void | Promise<void>;
}

export class Workbench {
  /** The title of the code action that was chosen last. */
  #chosen = '';

  private constructor(
    private readonly home: EditorHome,
    private readonly server: ChildProcess,
    private readonly browser: Browser,
    private readonly url: string,
    private readonly view: View,
    readonly page: Page,
  ) {}

  /** Opens a file, with the extension installed unless `install` puts another one into the home. `settings` are the user's. */
  static async open(
    home: EditorHome,
    folder: string,
    file: string,
    settings: Record<string, unknown>,
    { width = 1280, height = 800, scale = 1, install = installExtension }: OpenOptions = {},
  ): Promise<Workbench> {
    const { node, entry, playwright, chromium } = provideCodeServer();
    await install(home);
    const env = home.environment;
    writeSettings(home, settings);

    const server = spawn(
      node,
      [
        ...[entry, ...foldersIn(home), '--auth', 'none', '--bind-addr', '127.0.0.1:0'],
        ...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'],
      ],
      { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    server.stderr.resume();
    let browser: Browser | undefined;
    try {
      const port = await within('code-server to listen', listening(server), 60_000);
      const { chromium: browsers } = createRequire(import.meta.url)(playwright) as Playwright;
      browser = await browsers.launch({ executablePath: chromium, args: ['--no-sandbox'] });
      const payload = JSON.stringify([['openFile', `vscode-remote://127.0.0.1:${port}${file}`]]);
      const url = `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(payload)}`;
      const view = { viewport: { width, height }, deviceScaleFactor: scale };
      return new Workbench(home, server, browser, url, view, await show(browser, url, view));
    } catch (error) {
      await browser?.close();
      await end(server);
      throw error;
    }
  }

  /** Another window with the same file, and so with a language server of its own. It ends with this one. */
  async otherWindow(): Promise<Workbench> {
    const { home, server, browser, url, view } = this;
    return new Workbench(home, server, browser, url, view, await show(browser, url, view));
  }

  /** Changes the user's settings as their editor of settings does: the server is told. */
  configure(settings: Record<string, unknown>): void {
    writeSettings(this.home, settings);
  }

  /** Process ids of the language servers that run in it. */
  languageServers(): number[] {
    return descendants(this.server.pid!).filter(pid => / --stdio$/.test(commandLine(pid)));
  }

  /** Opens a file of the folder by the start of its name. */
  async openFile(name: string): Promise<void> {
    await this.press('Control+p');
    await this.page.locator('.quick-input-widget input').first().waitFor({ state: 'visible', timeout });
    await this.page.keyboard.type(name);
    const row = this.page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: name }).first();
    await row.click({ timeout });
    await this.shows('.tab.active', name);
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Puts the cursor at a line and column, both 1-based. */
  async goTo(line: number, column: number): Promise<void> {
    await this.press('Control+g');
    await this.page.locator('.quick-input-widget input').first().waitFor({ state: 'visible', timeout });
    await this.page.keyboard.type(`${line}:${column}`);
    await this.press('Enter');
    await this.page.locator('.quick-input-widget').first().waitFor({ state: 'hidden', timeout });
    // The next key goes where the focus is, which returns a moment later.
    await this.page.locator('.editor-instance .monaco-editor.focused').first().waitFor({ timeout });
  }

  /** Types over `length` characters at a place. */
  async typeOver(line: number, column: number, length: number, text: string): Promise<void> {
    await this.goTo(line, column);
    for (let n = 0; n < length; n++) await this.press('Shift+ArrowRight');
    await this.page.keyboard.type(text);
  }

  /** Puts `text` in the place of the rest of a line. */
  async replaceRest(line: number, column: number, text: string): Promise<void> {
    await this.goTo(line, column);
    // A selection would be put into the parentheses that are typed.
    await this.press('Shift+End', 'Delete');
    await this.page.keyboard.insertText(text);
  }

  async shows(selector: string, text: RegExp | string = ''): Promise<void> {
    await this.page
      .locator(selector)
      .filter({ hasText: text })
      .first()
      .waitFor({ state: 'visible', timeout });
  }

  async showsNo(selector: string): Promise<void> {
    await this.page.locator(selector).first().waitFor({ state: 'hidden', timeout });
  }

  /** Chooses a code action at the cursor. @returns the titles that were offered */
  async codeAction(title: string): Promise<string[]> {
    const rows = this.page.locator('.action-widget .monaco-list-row');
    const wanted = rows.filter({ hasText: title }).first();
    // The menu closes again when something else pops up: asked for once more, as a person does.
    for (let tries = 1; ; tries++) {
      await this.press('Control+1'); // the focus goes back to the editor
      await this.press('Control+.');
      try {
        await wanted.waitFor({ state: 'visible', timeout: timeout / 4 });
        break;
      } catch (error) {
        if (tries === 3) throw error;
        await this.press('Escape');
      }
    }
    const titles = await rows.allInnerTexts();
    // Nobody reads faster. VS Code forgets what was offered when diagnostics that come with it arrive after the click.
    await setTimeout(1000);
    await wanted.click({ timeout });
    this.#chosen = title;
    return titles;
  }

  async showTab(name: string): Promise<void> {
    await this.page.locator('.tab').filter({ hasText: name }).first().click({ timeout });
  }

  async command(title: string): Promise<void> {
    await this.press('F1');
    await this.page.locator('.quick-input-widget input').first().waitFor({ state: 'visible', timeout });
    await this.page.keyboard.type(title);
    await this.shows('.quick-input-widget .monaco-list-row', title);
    await this.press('Enter');
    await this.showsNo('.quick-input-widget');
  }

  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
  }

  notifications(): Promise<string[]> {
    return this.page.locator('.notification-list-item').allInnerTexts();
  }

  /** The buttons of a notification, once it is there. */
  async buttons(message: RegExp): Promise<string[]> {
    return (await this.#notification(message)).locator('.monaco-button').allInnerTexts();
  }

  /** Presses a button of a notification. */
  async answer(message: RegExp, button: string): Promise<void> {
    const notification = await this.#notification(message);
    const exactly = new RegExp(`^${button}$`);
    await notification.locator('.monaco-button').filter({ hasText: exactly }).first().click({ timeout });
  }

  /** One that is there, also where VS Code has put it behind its bell before anybody could look. */
  async #notification(message: RegExp): Promise<Locator> {
    const notification = this.page.locator('.notification-list-item').filter({ hasText: message }).first();
    for (let tries = 1; ; tries++)
      try {
        await notification.waitFor({ state: 'visible', timeout: timeout / 4 });
        return notification;
      } catch (error) {
        await this.command('Notifications: Show Notifications');
        const shown = await this.notifications();
        if (tries === 4)
          throw new Error(`no notification ${message} among ${JSON.stringify(shown)}`, { cause: error });
        // VS Code forgot the command of the action and says so, rarely and at its first one: chosen again, as a person does.
        if (shown.some(each => each.includes('Actual command not found'))) {
          await this.clearNotifications();
          await this.codeAction(this.#chosen);
        }
      }
  }

  /** Writes what is seen into a file, for documentation or to see why a test failed. */
  async screenshot(file: string, area?: Area): Promise<void> {
    mkdirSync(path.dirname(file), { recursive: true });
    await this.page.screenshot({ path: file, ...(area ? { clip: area } : {}) });
  }

  async close(): Promise<void> {
    await this.browser.close();
    await end(this.server);
  }
}

async function show(browser: Browser, url: string, view: View): Promise<Page> {
  const page = await browser.newPage(view);
  await page.goto(url, { timeout });
  return page;
}

const foldersIn = (home: EditorHome): string[] => [
  ...['--user-data-dir', home.directory('vscode')],
  ...['--extensions-dir', home.directory('extensions')],
];

/** Builds the extension and installs it, as its README says. */
function installExtension(home: EditorHome): void {
  const { node, entry, modules } = provideCodeServer();
  const vsix = home.path('hotlisp.vsix');
  run(process.execPath, ['clients/vscode/build.mjs', '--modules', modules, '--out', vsix], repository);
  run(
    node,
    [entry, ...foldersIn(home), '--install-extension', vsix],
    home.directory('home'),
    home.environment,
  );
}

function writeSettings(home: EditorHome, settings: Record<string, unknown>): void {
  const all = {
    'security.workspace.trust.enabled': false,
    'workbench.startupEditor': 'none',
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'chat.disableAIFeatures': true,
    // VS Code takes the PATH of the person's login shell, which knows nothing of this home directory.
    'hotlispServer.command': [home.path('bin/hotlisp'), '--stdio'],
    ...settings,
  };
  // A remote window takes settings of the scope "machine" from the machine's own file.
  for (const scope of ['User', 'Machine'])
    home.write(`vscode/${scope}/settings.json`, JSON.stringify(all, null, 2));
}

function run(program: string, args: readonly string[], cwd: string, env = process.env): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (error || status !== 0)
    throw new Error(`${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.slice(-1000)}`);
}

function listening(server: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    readline.createInterface({ input: server.stdout! }).on('line', line => {
      output += `${line}\n`;
      const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port) resolve(port);
    });
    server.on('exit', code => reject(new Error(`code-server ended with exit code ${code}: ${output}`)));
    server.on('error', reject);
  });
}

async function end(server: ChildProcess): Promise<void> {
  const all = [server.pid!, ...descendants(server.pid!)];
  killAll(all);
  await survivors(all);
}
