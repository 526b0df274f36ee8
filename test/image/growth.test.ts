/** A program that is changed and taken back all day; growth.all.test.ts does so 300 times. */
import { expect, it } from 'vitest';
import { reloadAndTakeBack } from '../support/growth.ts';
import { Editor } from '../support/lspClient.ts';

it('an image that is changed and taken back again and again keeps no encapsulation, thread, symbol or package of it', async () => {
  const editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
  try {
    const looks: object[] = [];
    for await (const { bytes, ...others } of reloadAndTakeBack(editor, 'all of it at once', 21, 7)) {
      expect(bytes).toBeGreaterThan(0);
      looks.push(others);
    }
    expect(looks).toHaveLength(3);
    expect(looks[0]).toMatchObject({ encapsulated: 0 });
    expect(looks[2]).toEqual(looks[1]);
  } finally {
    await editor.finish();
  }
});
