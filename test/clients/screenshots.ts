/**
 * `npm run screenshots`: the pictures of the README, taken in VS Code's real workbench while the job server of the demonstration is changed.
 * What is in a picture was waited for on the screen first; a picture that cannot be had ends the program with an error.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Load } from '../../clients/demo/load.ts';
import { lispString, repository } from '../support/lspClient.ts';
import { startUserImage, swankServer, type UserImage } from '../support/userImage.ts';
import { SwankClient } from '../support/swankClient.ts';
import { provideCodeServer } from './codeServer.mjs';
import { EditorHome } from './home.ts';
import { Workbench, type Area } from './workbench.ts';

const pictures = path.join(repository, 'docs/images');
const LARGEST = 200_000;
const WINDOW = { width: 1000, height: 602 };
/** Height of the title bar, in CSS pixels. */
const TITLE = 36;

const OLD_LINE = '(format nil "price ~,4F" (/ sum paths))))';
const NEW_LINE = '(format nil "price ~,4F" (* discount (/ sum paths)))))';
const OLD_BINDING = '(sum 0d0))';
const NEW_BINDING = '(sum 0d0)\n        (discount (exp -0.05d0)))';
const LATER = '(defun integers (text)';
/** What the program was loaded with; the editor deletes it, and the program still has it. */
const DELETED = `(defun loud (text)
  "TEXT in capital letters."
  (string-upcase text))

`;
/** What somebody has put into the program with SLIME, and into no file. */
const HOT_FIX = `(defun word-count (text)
  "How many words TEXT has."
  (format nil "words ~D" (count-if #'alpha-char-p (substitute #\\a #\\- text))))`;
/** Minutes of work: this job is inside the function when the question is asked. */
const LONG = 'price 100 95 90000000';

async function startJobServer(folder: string): Promise<UserImage> {
  return startUserImage(
    `(asdf:disable-output-translations)
     (asdf:load-asd ${lispString(path.join(folder, 'job-server.asd'))})
     (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
       (asdf:load-system "job-server"))
     (format t "PORT jobs ~D~%" (funcall (intern "START" "JOB-SERVER")))
     ${swankServer}`,
    { cwd: folder },
  );
}

/** The line (1-based) and column of the first occurrence of `text` in a file. */
function placeOf(file: string, text: string): [line: number, column: number] {
  const before = readFileSync(file, 'utf8').split(text)[0]!.split('\n');
  return [before.length, before.at(-1)!.length + 1];
}

/** The question about a changed function that a worker is inside. */
async function approval(code: Workbench, file: string, load: Load): Promise<void> {
  await code.replaceRest(...placeOf(file, OLD_LINE), NEW_LINE);
  await code.replaceRest(...placeOf(file, OLD_BINDING), NEW_BINDING);
  await code.goTo(placeOf(file, '(defun option-price')[0], 1);
  await code.shows('.codelens-decoration', /Changed, not loaded/);
  await load.submit(LONG);
  await code.codeAction('Reload option-price');
  await code.buttons(/1 thread in the code it replaces/);
  await picture(code, 'approval', WINDOW.height);
  await code.answer(/Reload option-price/, 'Deny');
  await code.shows('.notification-list-item', /denied/);
  await code.clearNotifications();
}

/** Three ways in which text and program can differ: changed here, changed there, and deleted here. */
async function drift(code: Workbench, file: string, swankPort: number): Promise<void> {
  const swank = await SwankClient.connect(swankPort);
  await swank.rex(
    `(swank:compile-string-for-emacs ${lispString(HOT_FIX)} "*slime-repl sbcl*" '((:position 1)) nil nil)`,
    'JOB-SERVER',
  );
  swank.close();
  // The lines below the changed binding are one further down than in the file.
  await code.goTo(1 + placeOf(file, DELETED)[0], 1);
  for (const _ of DELETED.matchAll(/\n/g)) await code.press('Shift+ArrowDown');
  await code.press('Delete');
  await code.goTo(placeOf(file, '(defun option-price')[0], 1);
  await code.press('Control+Shift+[');
  await code.press('Control+s');
  await code.shows('.codelens-decoration', /no file has/);
  await code.shows('.codelens-decoration', /alive in the image/);
  await picture(code, 'drift', 470);
}

/** The window below its title, down to `bottom` (CSS pixels). */
async function picture(code: Workbench, name: string, bottom: number): Promise<void> {
  const file = path.join(pictures, `${name}.png`);
  const area: Area = { x: 0, y: TITLE, width: WINDOW.width, height: bottom - TITLE };
  await code.screenshot(file, area);
  const { size } = statSync(file);
  if (size > LARGEST) throw new Error(`${file} has ${size} bytes; ${LARGEST} are allowed`);
  console.log(`${path.relative(repository, file)} (${Math.round(size / 1024)} KiB)`);
}

async function main(): Promise<void> {
  provideCodeServer(console.log);
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'hotlisp-pictures-')), 'job-server');
  cpSync(path.join(repository, 'clients/demo/program'), folder, { recursive: true });
  const file = path.join(folder, 'jobs.lisp');
  writeFileSync(file, readFileSync(file, 'utf8').replace(LATER, DELETED + LATER));
  const home = new EditorHome();
  let image: UserImage | undefined;
  let code: Workbench | undefined;
  try {
    image = await startJobServer(folder);
    const load = await Load.start(image.ports['jobs']!, 1, ['words the quick brown fox']);
    code = await Workbench.open(
      home,
      folder,
      file,
      {
        'hotlisp.image.mode': 'attach',
        'hotlisp.image.address': `127.0.0.1:${image.ports['swank']}`,
        'workbench.colorTheme': 'Default Light Modern',
        'editor.semanticHighlighting.enabled': true,
        'editor.minimap.enabled': false,
        'editor.parameterHints.enabled': false,
        'editor.autoClosingBrackets': 'never',
        'files.autoSave': 'off',
        'editor.autoIndent': 'none',
        'editor.guides.indentation': false,
        'editor.fontSize': 13,
        'workbench.reduceMotion': 'on',
        'workbench.activityBar.location': 'hidden',
      },
      { ...WINDOW, scale: 1.3 },
    );
    await code.shows('.codelens-decoration', /caller|reference/);
    await code.press('Control+b');
    await approval(code, file, load);
    await drift(code, file, image.ports['swank']!);
  } catch (error) {
    await code?.screenshot(path.join(repository, 'build/screenshots-failed.png')).catch(() => undefined);
    throw error;
  } finally {
    await code?.close();
    await image?.stop();
    home.remove();
    rmSync(path.dirname(folder), { recursive: true, force: true });
  }
}

await main();
process.exit(0);
