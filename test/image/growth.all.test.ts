/** What 300 changes that are taken back leave behind in an image. */
import { expect, it } from 'vitest';
import { reloadAndTakeBack, type Held } from '../support/growth.ts';
import { Editor } from '../support/lspClient.ts';

it(
  '300 times changed and taken back, an image holds no more than it did after 150 times',
  { timeout: 900_000 },
  async () => {
    const editor = await Editor.start({ settings: { approval: { 'modify-running-code': 'allow' } } });
    try {
      const looks: Held[] = [];
      for await (const look of reloadAndTakeBack(editor, 'all of it at once', 300, 50)) looks.push(look);
      console.log(looks);
      const [middle, last] = [looks[2]!, looks[5]!];
      expect({ ...last, bytes: 0 }).toEqual({ ...middle, bytes: 0 });
      // A change of this program is about 100 KB of code and classes; what a rollback needs of the last ones is kept, of no more.
      expect(last.bytes - middle.bytes).toBeLessThan(2_000_000);
    } finally {
      await editor.finish();
    }
  },
);
