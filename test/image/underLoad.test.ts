/** Programs that threads use while their definitions change; underLoad.all.test.ts has all of them, over 100 changes each. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import { reloadUnderLoad } from '../support/underLoad.ts';

let editor: Editor;
beforeAll(async () => {
  editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
});
afterAll(() => editor?.finish());

describe('threads meet no error and no mixture, over changes, failures and rollbacks, of', () => {
  it.each([
    'a class of a metaclass of the user’s',
    'classes between which instances change',
    'a slot that instances share in every other version',
    'a class of funcallable instances',
    'a condition with instances',
    'a generic function that takes other parameters each time',
    'a generic function with keywords, which change',
    'a method combination of the short form',
    'all of it at once',
  ])('%s', async name => {
    expect(await reloadUnderLoad(editor, name, 9)).toEqual([]);
  });
});
