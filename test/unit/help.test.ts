/** `hotlisp --help` and the man page: complete, and nothing in them that a terminal or roff would take for something else. */
import { expect, it } from 'vitest';
import { help } from '../../server/help.ts';
import { catalogue, commandOf } from '../../server/operations/catalogue.ts';
import { settingsSchema } from '../../server/settings.ts';
import { manPage } from '../../server/tools/docs.ts';

it('names every setting and every command, what each is, and the kind of approval', () => {
  const text = help('1.2.3');
  for (const key of Object.keys(settingsSchema))
    expect(text).toMatch(new RegExp(`^  hotlisp\\.${key}( = .*)?\\n      \\S`, 'm'));
  for (const operation of catalogue) {
    const kind = 'approval' in operation && operation.approval ? ` \\[${operation.approval}\\]` : '';
    expect(text).toMatch(new RegExp(`^  ${commandOf(operation)}${kind}\\n      \\S`, 'm'));
  }
  for (const title of ['USAGE', 'EDITORS', 'IMAGES', 'FILES', 'ENVIRONMENT', 'EXIT CODES'])
    expect(text).toMatch(new RegExp(`^${title}$`, 'm'));
});

it('fits a terminal', () => {
  expect(
    help('1.2.3')
      .split('\n')
      .filter(line => line.length > 100),
  ).toEqual([]);
});

it('is a man page, too, whose text is no request of roff', () => {
  const requests = manPage()
    .split('\n')
    .filter(line => /^[.']/.test(line));
  expect(requests.filter(line => !/^\.(\\"|TH|SH|TP|B|br)( |$)/.test(line))).toEqual([]);
  expect(requests.filter(line => line === '.TP')).toHaveLength(manPage().match(/^\.B /gm)!.length);
});
