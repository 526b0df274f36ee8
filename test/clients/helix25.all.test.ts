/** A release of Helix that answers the prompt with "method not found": approval comes by code action. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpLoad } from '../support/httpLoad.ts';
import { startWebApp, type WebApp } from '../support/webApp.ts';
import { Helix } from './helix.ts';
import { EditorHome } from './home.ts';
import { find } from './unpack.mjs';

describe('a real Helix that cannot show a prompt', () => {
  let app: WebApp;
  let home: EditorHome;
  let helix: Helix;

  beforeEach(async () => {
    app = await startWebApp();
    home = new EditorHome();
  });
  afterEach(async () => {
    await helix?.stop();
    home?.remove();
    await app?.stop();
  });

  it('is told how to answer, and its code actions reject and approve', async () => {
    const tool = find('helix25');
    if (!tool)
      throw new Error(
        'Helix 25.01 is missing: node test/clients/unpack.mjs helix25 says why it cannot be had',
      );
    helix = new Helix(tool.program, home, app);
    const before = await HttpLoad.get(app.url);
    await helix.shows(/NOR\s+web-app\.lisp/);
    await helix.attached();

    const menu = /Reload hello\s[^]*Reload changed forms/;
    await helix.replace('old ~A', 'new ~A');
    await helix.choose('defun hello', menu);
    await helix.shows(/#1 Reload hello/);
    // A progress, which a slow operation shows, does not take the question's place.
    await new Promise(resolve => setTimeout(resolve, 1000));
    await helix.shows(/#1 Reload hello/);
    await helix.choose('defun hello', /Approve reload #1\s[^]*Reject reload #1\s/, 'Down');
    await helix.shows(/denied|rejected/);
    expect(await HttpLoad.get(app.url)).toBe(before);

    // Every command has a number; the rejection was #2.
    await helix.choose('defun hello', menu);
    await helix.shows(/#3 Reload hello/);
    await helix.choose('defun hello', /Approve reload #3\s[^]*Reject reload #3\s/);
    await helix.shows(/Reload form: function WEB-APP::HELLO/);
    expect(await HttpLoad.get(app.url)).toBe(before.replace('old', 'new'));
  }, 90_000);
});
