/** The workflows of hot reloading as people go through them, on a real ASDF system: by commands, one after the other, over stdio. */
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Editor } from '../support/lspClient.ts';
import { loadSystem, systemWorkspace } from '../support/asdfSystem.ts';

const files = {
  'my-app.asd': `(defsystem "my-app"
  :version "0.1.0"
  :depends-on ("my-lib")
  :serial t
  :components ((:file "package") (:module "src" :components ((:file "compute") (:file "queue" :depends-on ("compute"))))))
`,
  'my-lib.asd': '(defsystem "my-lib" :components ((:file "lib")))\n',
  'lib.lisp':
    '(defpackage #:my-lib (:use #:common-lisp) (:export #:scale))\n(in-package #:my-lib)\n(defun scale (x) (* 10 x))\n',
  'package.lisp': `(defpackage #:my-app
  (:use #:common-lisp #:my-lib)
  (:export #:compute-result #:run-tests #:health-check #:main #:process-queue))
`,
  'src/compute.lisp': `(in-package #:my-app)

(defmacro weighted (form)
  \`(+ 1 ,form))

(defun compute-result (x y)
  (scale (weighted (* x y))))
`,
  'src/queue.lisp': `(in-package #:my-app)

(defvar *gate* (sb-thread:make-semaphore))
(defvar *results* (list))

(defun process-one ()
  (sb-thread:wait-on-semaphore *gate*)
  (sb-ext:atomic-push (compute-result 2 3) (symbol-value '*results*))
  t)

(defun process-queue ()
  (loop while (process-one)))

(defun run-tests ()
  (and (= 70 (compute-result 2 3)) :passed))

(defun health-check () t)
(defun main () (process-queue))
`,
};

let root: string;
let editor: Editor;
beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'hotlisp-workflow-'));
  editor = await Editor.start(systemWorkspace(root, files));
  // Written before they are compiled: of a file of the fasl's own second nobody could tell.
  const earlier = Date.now() / 1000 - 5;
  for (const name of Object.keys(files)) utimesSync(file(name), earlier, earlier);
  await loadSystem(editor, 'my-lib');
  await loadSystem(editor, 'my-app');
});
afterEach(async () => {
  await editor.finish();
  rmSync(root, { recursive: true, force: true });
});

const file = (name: string) => path.join(root, name);
const edit = (name: string, from: string, to: string) => {
  const text = readFileSync(file(name), 'utf8');
  if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`);
  writeFileSync(file(name), text.replace(from, to));
};
const approve = (matches: RegExp) => editor.expectPrompt(matches, 'Approve');
const names = (list: readonly { readonly file: string }[]) =>
  list.map(each => path.relative(root, each.file));
const runTests = () => editor.evaluate('(my-app:run-tests)', 'MY-APP');

describe('the workflow', () => {
  it('package reload: list the files, reload the package, run its tests', async () => {
    const { files: listed } = await editor.command<{ files: { file: string }[] }>('package_files', {
      package: 'MY-APP',
    });
    expect(names(listed)).toEqual(['package.lisp', 'src/compute.lisp', 'src/queue.lisp']);
    edit('src/compute.lisp', '(+ 1 ,form)', '(+ 2 ,form)');
    edit('src/queue.lisp', '(= 70 ', '(= 80 ');
    const prompt = approve(/reload package MY-APP/i);
    const result = await editor.command('code_reload_package', { package: 'MY-APP' });
    expect(result.status).toBe('applied');
    expect((await prompt).message).toMatch(/package\.lisp \(1\), compute\.lisp \(2\), queue\.lisp \(7\)/);
    expect(await runTests()).toEqual([':PASSED']);
  });

  it('full system reload: status, reload with force, health check', async () => {
    const status = await editor.command<{
      root: string;
      dependencies: string[];
      files: { file: string; stale: boolean }[];
    }>('system_status', { system: 'my-app' });
    expect(status).toMatchObject({ root: `${root}/`, dependencies: ['my-lib'], version: '0.1.0' });
    expect(names(status.files)).toEqual(['package.lisp', 'src/compute.lisp', 'src/queue.lisp']);
    edit('src/compute.lisp', '(+ 1 ,form)', '(+ 2 ,form)');
    edit('src/queue.lisp', '(= 70 ', '(= 80 ');
    void approve(/reload system my-app from scratch/i);
    const result = await editor.command('code_reload_system', { system: 'my-app', force: true });
    expect(result.status).toBe('applied');
    // Only this system; the library it depends on is left alone.
    expect(names(result.files!)).toEqual(['package.lisp', 'src/compute.lisp', 'src/queue.lisp']);
    expect(result.files!.every(each => each.compiled && each.loaded)).toBe(true);
    expect(await editor.evaluate("(and (fboundp 'my-app:main) (my-app:health-check))", 'MY-APP')).toEqual([
      'T',
    ]);
    expect(await runTests()).toEqual([':PASSED']);
  });

  it('full system reload with "all": the systems it depends on are compiled again, too, and first', async () => {
    edit('lib.lisp', '(* 10 x)', '(* 100 x)');
    const prompt = approve(/reload system my-app and everything it depends on/i);
    const result = await editor.command('code_reload_system', { system: 'my-app', force: 'all' });
    expect((await prompt).message).toContain('lib.lisp');
    expect(names(result.files!)).toEqual(['lib.lisp', 'package.lisp', 'src/compute.lisp', 'src/queue.lisp']);
    expect(await editor.evaluate('(my-app:compute-result 2 3)')).toEqual(['700']);
  });

  it('system reload from the definition’s own buffer, by code action', async () => {
    edit('src/compute.lisp', '(+ 1 ,form)', '(+ 3 ,form)');
    const document = editor.openFile(file('my-app.asd'));
    void approve(/reload system my-app/i);
    expect((await editor.actionOutcome(document, '(defsystem', /^Reload system my-app$/)).status).toBe(
      'applied',
    );
    expect(await editor.evaluate('(my-app:compute-result 2 3)')).toEqual(['90']);
    // And from a file of it: the systems that its folder, or the nearest above, defines.
    const source = editor.openFile(file('src/queue.lisp'));
    const titles = (await editor.codeActions(source, '(defun health-check')).map(each => each.title);
    expect(titles).toEqual(expect.arrayContaining(['Reload system my-app', 'Reload system my-lib']));
  });

  it('concurrent modification: threads before, the change, threads after, and nobody fails', async () => {
    await editor.evaluate(
      '(dotimes (n 4) (sb-thread:make-thread #\'my-app:process-queue :name (format nil "worker ~d" n)))',
    );
    const inside = async (symbol: string) =>
      (await editor.command<{ threads: { name: string; runs: string }[] }>('thread_list', { symbol })).threads
        .filter(each => each.runs === 'yes')
        .map(each => each.name)
        .sort();
    const workers = ['worker 0', 'worker 1', 'worker 2', 'worker 3'];
    await expect.poll(() => inside('my-app:process-queue'), { timeout: 10_000 }).toEqual(workers);
    void approve(/replace compute-result/i);
    const result = await editor.command('code_replace_function', {
      function: 'my-app:compute-result',
      'new-code': '(defun compute-result (x y) (list :new x y))',
    });
    expect(result.status).toBe('applied');
    await editor.evaluate('(sb-thread:signal-semaphore my-app::*gate* 4)');
    await expect
      .poll(() => editor.evaluate('my-app::*results*'), { timeout: 10_000 })
      .toEqual(['((:NEW 2 3) (:NEW 2 3) (:NEW 2 3) (:NEW 2 3))']);
    expect(await inside('my-app:process-queue')).toEqual(workers);
  });
});

describe('the common issue', () => {
  it('"old code still running": the reload says which threads, which then can be ended and started anew', async () => {
    await editor.evaluate('(sb-thread:make-thread #\'my-app:process-queue :name "old worker")');
    edit('src/queue.lisp', '(loop while (process-one)))', '(loop while (list :newer (process-one))))');
    await expect
      .poll(
        async () =>
          (
            await editor.command<{ threads: { name: string; runs: string }[] }>('thread_list', {
              symbol: 'my-app:process-queue',
            })
          ).threads
            .filter(each => each.runs === 'yes')
            .map(each => each.name),
        { timeout: 10_000 },
      )
      .toEqual(['old worker']);
    void approve(/reload system my-app/i);
    const result = await editor.command('code_reload_system', { system: 'my-app' });
    expect(result.status).toBe('applied');
    expect(result.threads.map(each => each.name)).toEqual(['old worker']);
    const { id } = result.threads[0]!;
    const { frames } = await editor.command<{ frames: { text: string }[] }>('thread_backtrace', {
      thread: id,
    });
    expect(frames.map(each => each.text).join(' ')).toContain('MY-APP:PROCESS-QUEUE');
    void approve(/terminate thread \d+ \(old worker\)/i);
    expect(await editor.command('thread_terminate', { thread: id })).toMatchObject({
      status: 'applied',
      ended: true,
    });
    await editor.evaluate('(sb-thread:make-thread #\'my-app:process-queue :name "new worker")');
    expect(
      (await editor.command<{ threads: { name: string }[] }>('thread_list', {})).threads.map(
        each => each.name,
      ),
    ).toContain('new worker');
  });

  it('"package not updated": an export added to the definition is there after the package was reloaded', async () => {
    edit('package.lisp', '#:process-queue', '#:process-queue #:fresh');
    edit('src/compute.lisp', '(defun compute-result', '(defun fresh () :fresh)\n\n(defun compute-result');
    expect(await editor.evaluate('(nth-value 1 (find-symbol "FRESH" "MY-APP"))')).toEqual(['NIL']);
    void approve(/reload package MY-APP/i);
    expect((await editor.command('code_reload_package', { package: 'my-app' })).status).toBe('applied');
    expect(await editor.evaluate('(my-app:fresh)')).toEqual([':FRESH']);
  });

  it('"package not updated": a symbol that the definition no longer exports is named before anything runs', async () => {
    edit('package.lisp', ' #:health-check', '');
    const prompt = approve(/reload package MY-APP/i);
    const result = await editor.command('code_reload_package', { package: 'my-app' });
    expect((await prompt).message).toMatch(/Hazard: .*HEALTH-CHECK/i);
    expect(result.definitions.find(each => each.kind === 'package')).toMatchObject({
      hazard: { kind: 'package-variance' },
    });
  });

  it('"FASL mismatch": loading it is refused with both versions, and a forced reload of the system mends it', async () => {
    const [fasl] = await editor.evaluate(
      '(sb-ext:native-namestring (asdf:output-file (quote asdf:compile-op) (asdf:find-component "my-app" \'("src" "compute"))))',
    );
    const compiled = JSON.parse(fasl!) as string;
    const octets = readFileSync(compiled);
    const [version] = (await editor.evaluate('(lisp-implementation-version)')).map(
      each => JSON.parse(each) as string,
    );
    const start = octets.indexOf(version!, octets.indexOf(0xff));
    octets.write('0', start, 'latin1');
    writeFileSync(compiled, octets);
    const error = await editor.failure('code_load_fasl', { path: compiled });
    expect(error.kind).toBe('fasl-mismatch');
    expect(error.message).toContain(version!);
    expect(error.message).toContain(`0${version!.slice(1)}`);
    expect(error.data).toMatchObject({ source: file('src/compute.lisp') });
    void approve(/reload system my-app from scratch/i);
    expect((await editor.command('code_reload_system', { system: 'my-app', force: true })).status).toBe(
      'applied',
    );
    void approve(/load the compiled file/i);
    expect((await editor.command('code_load_fasl', { path: compiled })).status).toBe('applied');
  });
});
