/** Helix in a terminal, on the web application's file, with the lines that its users copy. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../support/lspClient.ts';
import type { WebApp } from '../support/webApp.ts';
import type { EditorHome } from './home.ts';
import { Terminal } from './terminal.ts';

export class Helix extends Terminal {
  /** @param settings more lines for languages.toml */
  constructor(program: string, home: EditorHome, app: WebApp, settings = '') {
    for (const name of ['languages.toml', 'config.toml']) {
      const own =
        name === 'languages.toml'
          ? `\n[language-server.hotlisp.config.image]\nmode = "attach"\naddress = "${app.address}"\n${settings}`
          : '';
      const copied = readFileSync(path.join(repository, 'clients/helix', name), 'utf8');
      home.write(`config/helix/${name}`, copied + own);
    }
    super(home, [program, app.file], app.root);
  }

  /** Selects the first match of a regular expression from the top. */
  select(regexp: string): void {
    this.keys('g', 'g');
    this.type(`/${regexp}`);
    this.keys('Enter');
  }

  /** Helix does not show that the server is there: asks for code actions until it is. */
  async attached(): Promise<void> {
    for (let tries = 0; tries < 60; tries++) {
      this.type(' a');
      const screen = await this.shows(/No configured language server|No code actions|Reload file/);
      if (screen.includes('Reload file')) break;
      await new Promise(resolve => setTimeout(resolve, 300));
    }
    this.keys('Escape');
    await this.showsNo(/Reload file/);
  }

  /** Types `text` in the place of the first match, or (key i) before it. Helix closes parentheses that are typed, and takes the typed ones for its own. */
  async replace(regexp: string, text: string, key: 'c' | 'i' = 'c'): Promise<void> {
    this.select(regexp);
    this.keys(key);
    await this.shows(/ INS /);
    this.type(text);
    this.keys('Escape');
    // A key that follows Escape at once would be read as one with Alt.
    await this.shows(/ NOR /);
  }

  /** Chooses among the code actions at a place, which must be as said: the first one, unless keys go further. */
  async choose(regexp: string, offered: RegExp, ...keys: string[]): Promise<void> {
    this.select(regexp);
    this.type(' a');
    await this.shows(offered);
    this.keys(...keys, 'Enter');
    await this.showsNo(offered);
  }

  /** Chooses the reload of a definition, once it is marked as changed if the image has it from this file. @returns the screen with the prompt */
  async reload(name: string, marked = true): Promise<string> {
    this.select(`defun ${name}`);
    if (marked) await this.shows(new RegExp(`runs another text of ${name}`));
    await this.choose(`defun ${name}`, new RegExp(`Reload ${name}[^]*Reload changed forms[^]*Reload file`));
    return this.shows(/Deny\s[^]*Approve\s[^]*Approve for Session\s[^]*Show Diff/);
  }

  async answer(choice: 'Deny' | 'Approve'): Promise<void> {
    if (choice === 'Approve') this.keys('Down');
    this.keys('Enter');
    await this.showsNo(/Approve for Session/);
  }
}
