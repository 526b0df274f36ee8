/**
 * The main job, shown on a real program: a TCP job server under a steady load gets a function changed while it runs.
 * Exits 0 only when everything that it claims was seen to happen.
 *
 * Options: --yes approves without asking; without a terminal that is what happens.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RpcError } from '../../test/support/jsonRpc.ts';
import type { OperationResult } from '../../test/support/lspTypes.ts';
import { Load, type Request } from './load.ts';
import { Session, askPerson, type Prompt } from './session.ts';

const PRICE = 'price 100 95 20000';
const JOBS = [PRICE, 'words the quick brown fox jumps over the lazy dog', PRICE, 'price 120 100 10000'];
/** Some seconds of work: this job is inside the old function when it is replaced. */
const LONG = 'price 100 95 12000000';
const CLIENTS = 4;
const LONGEST_WAIT = 45_000;

const OLD_LINE = '(format nil "price ~,4F" (/ sum paths))';
const NEW_LINE = '(format nil "price ~,4F" (* (exp -0.05d0) (/ sum paths)))';
const BROKEN_LINE = '(let ((mean (/ sum paths) 0d0)) (format nil "price ~,4F" mean))';

const begun = performance.now();
const since = (from: number) => `${Math.max(0, Math.round(performance.now() - from))} ms`;
const step = (text: string) =>
  console.log(`\n${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${text}`);
const say = (text: string) => console.log(`         ${text}`);
const indent = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .forEach(line => say(`  ${line}`));
const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds));

/** @throws Error saying which claim of the demonstration did not hold */
function claim(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`this was not so: ${what}`);
}

async function eventually<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = performance.now() + LONGEST_WAIT;
  while (performance.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await pause(20);
  }
  throw new Error(`this did not happen within ${LONGEST_WAIT / 1000} s: ${what}`);
}

/** Shows the diff first, then asks the person or says that it approves by itself. */
class Approver {
  /** performance.now() of the last approval. */
  approved = 0;
  /** Called when the person has approved, before the server hears of it. */
  beforeApproval: () => Promise<void> = () => Promise.resolve();
  private diffShown = false;
  constructor(private readonly asks: boolean) {}

  answer = async (prompt: Prompt): Promise<string> => {
    const titles = prompt.actions.map(action => action.title);
    if (!this.diffShown && titles.includes('Show Diff')) {
      this.diffShown = true;
      step('The server asks before it changes anything:');
      indent(prompt.message);
      say('Show Diff:');
      return 'Show Diff';
    }
    const chosen = this.asks ? await askPerson(titles) : 'Approve';
    if (!this.asks) say('-> Approve (nobody is asked: --yes, or no terminal)');
    if (chosen === 'Show Diff') this.diffShown = true;
    else this.diffShown = false;
    if (chosen.startsWith('Approve')) await this.beforeApproval();
    this.approved = performance.now();
    return chosen;
  };
}

const answersOf = (requests: readonly Request[], job: string) =>
  requests.filter(request => request.job === job && request.answer !== undefined);

/** @returns false where the person denied a change, which was seen to change nothing */
async function demonstrate(session: Session, approver: Approver, folder: string): Promise<boolean> {
  const file = path.join(folder, 'jobs.lisp');
  const buffer = session.open(file);
  await session.command('image_connect');
  const status = await session.command<{ title?: string }>('image_status');
  const [port] = (await session.command('repl_eval', { code: '(job-server:port)' })).values ?? [];
  claim(Number(port) > 0, 'the job server tells its port');
  say(`${status.title ?? 'SBCL'} runs the job server on 127.0.0.1:${port}: 3 worker threads.`);

  const load = await Load.start(Number(port), CLIENTS, JOBS);
  const oldAnswer = await eventually('a first answer', () => answersOf(load.requests, PRICE)[0]?.answer);
  await pause(1500);
  let long = await load.submit(LONG);
  await pause(250);
  // A person takes as long as they like; the job has to be under way when they have decided.
  approver.beforeApproval = async () => {
    approver.beforeApproval = () => Promise.resolve();
    long = await load.submit(LONG);
    await pause(250);
  };
  step(
    `${CLIENTS} clients keep it busy: ${load.requests.length} requests so far. "${PRICE}" is answered "${oldAnswer}".`,
  );
  say('A long job is under way too; it will still be inside the old function when that is replaced.');

  step(
    'The editor changes OPTION-PRICE in jobs.lisp (the buffer only) and runs its code action "Reload option-price".',
  );
  buffer.replace(OLD_LINE, NEW_LINE);
  const before = load.requests.length;
  const result = await unlessDenied(session.runAction(buffer, '(defun option-price', 'Reload option-price'));
  if (!result) return denied(load, oldAnswer);
  claim(result.status === 'applied', `the change was applied (it was ${result.status})`);
  const swapped = performance.now();
  const approved = approver.approved;
  const isNew = (request: Request) =>
    request.job === PRICE && request.answer !== undefined && request.answer !== oldAnswer;
  const first = await eventually('a first new answer', () => load.requests.find(isNew));
  step(
    `Swapped. First new answer, "${first.answer}", ${Math.round(first.answered! - approved)} ms after the approval.`,
  );
  const during = load.requests.filter((request, index) => index >= before && request.sent < first.answered!);

  await reportOldCode(session, result, long, oldAnswer, swapped);
  await pause(1000);
  const sentAfter = answersOf(load.requests, PRICE).filter(request => request.sent > swapped);
  claim(
    sentAfter.length > 0 && sentAfter.every(isNew),
    'every request sent after the swap got the new answer',
  );

  if (!(await refuseBroken(session, buffer, load, first.answer!))) return denied(load, first.answer!);
  if (!(await takeBack(session, load, oldAnswer, result))) return denied(load, first.answer!);
  await pause(500);

  await load.stop();
  const after = load.requests.filter(request => request.sent >= first.answered!);
  step('Requests answered, counted by the clients:');
  say(
    `before the change ${before}, during it ${during.length}, after it ${after.length}; all together ${load.requests.length}.`,
  );
  const wrong = load.requests.filter(
    request => request.answer === undefined || request.answer.startsWith('error'),
  );
  claim(
    load.unanswered === 0 && load.troubles.length === 0,
    `nothing was lost (${load.unanswered}; ${load.troubles.join(', ')})`,
  );
  claim(wrong.length === 0, `no request failed (${wrong[0]?.answer})`);
  say('Lost: 0. Failed: 0. Connections broken: 0. Restarts: 0.');
  return true;
}

/** Undefined where the person denied. */
async function unlessDenied(result: Promise<OperationResult>): Promise<OperationResult | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof RpcError && error.kind === 'approval-denied') return undefined;
    throw error;
  }
}

/** Sees that the program answers what it did. */
async function denied(load: Load, answer: string): Promise<false> {
  const from = load.requests.length;
  await eventually('an answer after the denial', () => answersOf(load.requests.slice(from), PRICE)[0]);
  claim(
    answersOf(load.requests.slice(from), PRICE).every(request => request.answer === answer),
    'a denied change changes nothing',
  );
  await load.stop();
  claim(load.unanswered === 0 && load.troubles.length === 0, 'nothing was lost');
  step(`Denied, so nothing was changed: "${PRICE}" is still answered "${answer}".`);
  say('Run npm start again and approve to see the rest.');
  return false;
}

/** The threads that were inside the replaced function, until the last of them has left it. */
async function reportOldCode(
  session: Session,
  result: OperationResult,
  long: { request: Request; done: Promise<void> },
  oldAnswer: string,
  swapped: number,
): Promise<void> {
  const names = result.threads.map(thread => `"${thread.name}"`);
  claim(names.length > 0, 'the server reports the thread that still runs old code');
  claim(long.request.answered === undefined, 'the long job was still running when the function was replaced');
  step(
    `Still inside the old OPTION-PRICE: ${names.join(', ')}. ${names.length > 1 ? 'They finish what they' : 'It finishes what it'} began:`,
  );
  await Promise.race([long.done, pause(LONGEST_WAIT)]);
  claim(long.request.answer !== undefined, 'the long job was answered');
  const undiscounted = Number(oldAnswer.split(' ')[1]);
  const price = Number(long.request.answer.split(' ')[1]);
  claim(
    Math.abs(price - undiscounted) < 0.02 * undiscounted,
    `the long job was answered by old code (${long.request.answer})`,
  );
  say(
    `the long job was answered "${long.request.answer}" by the old code, ${Math.round(long.request.answered! - swapped)} ms after the swap.`,
  );
  for (const { name } of result.threads) {
    const left = (log: string) => log.includes(name) && log.includes('left the old code');
    say(`The server: ${await eventually(`${name} leaves the old code`, () => session.logs.find(left))}`);
  }
}

/** A mistake is refused: the image runs what it ran. */
async function refuseBroken(
  session: Session,
  buffer: ReturnType<Session['open']>,
  load: Load,
  newAnswer: string,
): Promise<boolean> {
  step('Now an edit with a mistake in it:');
  buffer.replace(NEW_LINE, BROKEN_LINE);
  indent(BROKEN_LINE);
  const broken = await unlessDenied(session.runAction(buffer, '(defun option-price', 'Reload option-price'));
  if (!broken) return false;
  claim(broken.status === 'failed', `the broken edit was refused (it was ${broken.status})`);
  const note = broken.notes.find(each => each.severity === 'error' || each.severity === 'warning');
  claim(note?.range !== undefined && note.range !== null, 'the compiler note says where the mistake is');
  const line = buffer.text.split('\n')[note.range.start.line] ?? '';
  step(
    `Refused, nothing was installed. jobs.lisp:${note.range.start.line + 1}:${note.range.start.character + 1}: ${note.severity}:`,
  );
  indent(note.message);
  indent(line);
  const told = session.diagnostics.get(buffer.uri)?.diagnostics ?? [];
  claim(told.length > 0, 'the note was published as a diagnostic');
  const from = load.requests.length;
  await eventually('an answer after the refusal', () => answersOf(load.requests.slice(from), PRICE)[0]);
  claim(
    answersOf(load.requests.slice(from), PRICE).every(request => request.answer === newAnswer),
    'the program goes on with the code it had',
  );
  say(`The program goes on: "${PRICE}" is answered "${newAnswer}".`);
  return true;
}

async function takeBack(
  session: Session,
  load: Load,
  oldAnswer: string,
  change: OperationResult,
): Promise<boolean> {
  step('Rollback of the first change:');
  const started = performance.now();
  const back = await unlessDenied(session.command('rollback', { transaction: change.transaction }));
  if (!back) return false;
  claim(back.status === 'applied', `the rollback was applied (it was ${back.status})`);
  const done = performance.now();
  const again = await eventually('an old answer after the rollback', () =>
    answersOf(load.requests, PRICE).find(request => request.sent > done),
  );
  claim(again.answer === oldAnswer, `the old answer is back (${again.answer})`);
  say(`"${PRICE}" is answered "${oldAnswer}" again (${since(started)} with the approval).`);
  return true;
}

async function main(): Promise<void> {
  const server = path.resolve('dist/hotlisp.js');
  if (!existsSync(server)) throw new Error(`${server} is not built; run npm start, which builds it`);
  const asks = Boolean(process.stdin.isTTY && process.stdout.isTTY) && !process.argv.includes('--yes');
  const folder = mkdtempSync(path.join(tmpdir(), 'hotlisp-demo-'));
  cpSync(path.resolve('clients/demo/program'), folder, { recursive: true });
  const approver = new Approver(asks);
  const lispString = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const init = [
    '(progn (require :asdf) (funcall (intern "DISABLE-OUTPUT-TRANSLATIONS" "ASDF")))',
    `(progn (asdf:load-asd ${lispString(path.join(folder, 'job-server.asd'))}) (asdf:load-system "job-server"))`,
    '(job-server:start)',
  ];
  step(
    'hotlisp demonstration: the editor starts the language server, which starts SBCL and loads a TCP job server into it.',
  );
  say('The first start on a computer compiles what Hotlisp puts into the program: some seconds.');
  let session: Session | undefined;
  const interrupted = () => {
    session?.kill();
    rmSync(folder, { recursive: true, force: true });
    console.log('\nInterrupted: the server and the program it started are ended.');
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    session = await Session.start({
      server,
      root: folder,
      settings: { image: { mode: 'spawn', init } },
      answer: approver.answer,
      // The heading of a patch is for programs.
      show: text => indent(text.replace(/^Index: .*\n=+\n/, '').replaceAll(`${folder}/`, '')),
    });
    const all = await demonstrate(session, approver, folder);
    await session.end();
    if (all) step('Done: changed, refused and taken back in a running program.');
  } catch (error) {
    session?.kill();
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(`\nThe demonstration failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
