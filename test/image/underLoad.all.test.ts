/** Every program of test/support/underLoad.ts, over 100 changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import { programs, reloadUnderLoad } from '../support/underLoad.ts';

let editor: Editor;
beforeAll(async () => {
  editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
});
afterAll(() => editor?.finish());

describe('threads meet no error and no mixture, over 100 changes with failures and rollbacks, of', () => {
  it.each(Object.keys(programs))('%s', { timeout: 900_000 }, async name => {
    expect(await reloadUnderLoad(editor, name, 100, 6)).toEqual([]);
  });
});
