/** An image that the user said is to be read only, and every command that would change it or run code in it. */
import { afterEach, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import { shop } from '../support/shop.ts';

let editor: Editor;
afterEach(() => editor?.finish());

it('stays as it is, whatever the policy allows: each command that changes it or runs code in it is refused as read-only', async () => {
  editor = await Editor.start({
    files: { 'shop.lisp': shop, 'shop.asd': '(defsystem "shop" :components ((:file "shop")))\n' },
    load: ['shop.lisp'],
    settings: {
      image: { readOnly: true },
      approval: {
        'modify-running-code': 'allow',
        'compile-file': 'allow',
        'terminate-thread': 'allow',
        eval: 'allow',
      },
      reload: { onSave: 'changed' },
    },
  });
  await editor.command('image_connect');
  const document = editor.openFile(`${editor.root}/shop.lisp`);
  const { threads } = await editor.command<{ threads: { id: number }[] }>('thread_list');
  const thread = threads[0]!.id;
  // An image dates the files that it loads by the second.
  await new Promise(resolve => setTimeout(resolve, 1_100));
  document.replace('(twice (tax amount))', '0');
  document.save();
  const { uri } = document;
  const position = document.positionOf('(defun total');
  const kinds: [string, string | undefined][] = [];
  for (const [name, argument] of [
    ['reload_form', { uri, position }],
    ['reload_changed', { uri }],
    ['reload_file', { uri }],
    ['code_compile_string', { code: '(defun shop::total (x) x)' }],
    ['code_reload_package', { package: 'shop' }],
    ['code_reload_system', { system: 'shop' }],
    ['code_replace_function', { function: 'shop:total', new_code: '(defun total (x) x)' }],
    ['code_replace_function', { function: 'shop::nobody', new_code: '(defun nobody (x) x)' }],
    ['code_reload_system', { system: 'nobody' }],
    ['code_reload_package', { package: 'nobody' }],
    ['remove_definition', { symbol: 'shop:total', form_type: 'function' }],
    ['recompile_dependents', { symbol: 'shop::twice' }],
    ['repl_eval', { code: '(setf shop::*rate* 0)' }],
    ['eval_buffer', { uri }],
    ['inspect', { code: 'shop::*rate*' }],
    ['trace', { function: 'shop:total' }],
    ['thread_interrupt', { thread }],
    ['thread_terminate', { thread }],
  ] as const)
    kinds.push([name, (await editor.failure(name, argument)).kind]);
  expect(kinds.filter(([, kind]) => kind !== 'read-only')).toEqual([]);
  expect(await editor.command('source_location', { symbol: 'shop:total' })).toMatchObject([{ stale: true }]);
});
