/** The questions of an evaluation that stopped at an error: which restart to take. */
import { oneLine } from '../display.ts';
import { aborted, madeWay, type Prompts } from '../approval/prompts.ts';
import { HotlispError } from '../errors.ts';
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Event, Restart } from '../image/protocol.ts';
import type { Call } from '../operations/operation.ts';
import { commented, type Page } from '../operations/page.ts';
import type { Pages } from '../pages.ts';
import type { Editor } from '../ports.ts';
import type { Settings } from '../settings.ts';
import { guard } from './guard.ts';
import type { Limit } from './limit.ts';
import { placesOf } from './places.ts';

export type Stop = Extract<Event, { event: 'debugger' }>['data'];

export interface DebuggerDependencies {
  readonly editor: Editor;
  readonly prompts: Prompts;
  readonly pages: Pages;
  readonly documents: Documents;
  readonly settings: () => Settings;
  /** The editor says that it shows questions (window.showMessage); one that does not may do so all the same. */
  readonly declaresPrompts: () => boolean;
}

/** Milliseconds beyond the server's own patience for which the image waits: the server's answer comes first. */
const reserve = 5000;
/** Restarts that are offered as a choice. */
const offered = 8;
/** Frames of a backtrace that are shown with their variables. */
const framesWithLocals = 10;
/** Questions of one stop, with every look at the backtrace and every turn of the page. */
const mostAsked = 100;

const backtraceTitle = 'Show backtrace';
const moreTitle = 'More restarts';

export class Debugger {
  /** Questions that are open, by the number of the evaluation's request. */
  readonly #open = new Map<number, { readonly image: Image; readonly stop: Stop }>();

  constructor(private readonly deps: DebuggerDependencies) {}

  /** Milliseconds for which a question may stay open; undefined: errors end the evaluation at once. */
  patience(call: Call): number | undefined {
    const { settings, prompts, declaresPrompts } = this.deps;
    const { debugger: choice, evalTimeoutSeconds, 'approval.timeoutSeconds': approval } = settings();
    if (choice === 'abort' || prompts.editorCannotAsk) return undefined;
    if (!declaresPrompts() && !call.background) return undefined;
    return Math.round(Math.min(evalTimeoutSeconds, approval) * 1000);
  }

  /** What the image is told of it. */
  imagePatience(call: Call): number | undefined {
    const patience = this.patience(call);
    return patience === undefined ? undefined : patience + reserve;
  }

  /**
   * Asks the person and tells the image. Whatever is no choice of a restart abandons the evaluation. Never rejects.
   * @param onAbandoned called, before the image is told, with the reason where that was not chosen
   */
  async settle(
    image: Image,
    stop: Stop,
    code: string,
    call: Call,
    limit: Limit,
    onAbandoned: (why: string) => void,
  ): Promise<void> {
    limit.pause();
    this.#open.set(call.request, { image, stop });
    const asked = performance.now();
    let chosen = 0;
    try {
      const answer = await this.#ask(image, stop, code, call);
      if (typeof answer === 'number') chosen = answer;
      else onAbandoned(answer);
    } catch (error) {
      onAbandoned((error as Error).message);
    }
    call.waited += performance.now() - asked;
    limit.resume();
    this.#open.delete(call.request);
    const { request, question } = stop;
    await image.call('restart', { request, question, restart: chosen }).catch(() => undefined); // the evaluation's own reply says why
  }

  /** The number of the chosen restart, or why none was chosen. @throws what ended the question */
  async #ask(image: Image, stop: Stop, code: string, call: Call): Promise<number | string> {
    const { editor, prompts, documents } = this.deps;
    const patience = this.patience(call);
    if (patience === undefined) return 'the editor cannot ask';
    const watch = guard(call.signal, image, documents);
    const restarts = stop.restarts.filter(each => !each.needsInput).slice(0, offered + 1);
    const choices = pagesOf(restarts);
    const message = messageOf(image, stop, restarts, code, call.request);
    const late = new AbortController();
    const signal = AbortSignal.any([watch.signal, late.signal]);
    const nobody = new Error(`nobody chose a restart within ${patience / 1000} s`);
    let timer = setTimeout(() => late.abort(nobody), patience);
    const thinkOn = () => {
      clearTimeout(timer);
      timer = setTimeout(() => late.abort(nobody), patience);
    };
    let page = 0;
    const askOnce = async (open: AbortSignal): Promise<number | string | undefined> => {
      if (prompts.editorCannotAsk) return 'the editor cannot ask';
      const titles = choices[page % choices.length]!;
      const answer = await Promise.race([editor.ask(message, titles, open), aborted(open)]);
      if (answer.type === 'unsupported') {
        prompts.editorCannotAsk = true;
        return undefined;
      }
      if (answer.type === 'none') return answer.why;
      // Somebody is there, and may go on thinking.
      thinkOn();
      if (answer.title === backtraceTitle) {
        await Promise.race([this.#showBacktrace(image, stop, code), aborted(open)]);
      } else if (answer.title === moreTitle) {
        page++;
        await this.#stay(image, stop);
      } else {
        const restart = restarts.find(each => titleOf(each) === answer.title);
        return restart ? restart.number : `the editor answered ${oneLine(answer.title, 60)}`;
      }
      return undefined;
    };
    try {
      for (let asked = 0; asked < mostAsked;) {
        try {
          const chosen = await prompts.makingWay(signal, async open => {
            for (; asked < mostAsked; asked++) {
              const answer = await askOnce(open);
              if (answer !== undefined) return answer;
            }
            return undefined;
          });
          if (chosen !== undefined) return chosen;
        } catch (error) {
          if (error !== madeWay) throw error;
          asked++;
          thinkOn();
          await this.#stay(image, stop);
        }
      }
      return `no restart was chosen in ${mostAsked} questions`;
    } finally {
      clearTimeout(timer);
      watch.dispose();
      late.abort(new Error('settled'));
    }
  }

  /** Has the image wait as long again. */
  async #stay(image: Image, { request, question }: Stop): Promise<void> {
    await image.call('locals', { request, question, frame: -1 }).catch(() => undefined); // the evaluation's own reply says why
  }

  /** The variables of a frame of an evaluation that waits. @throws HotlispError `invalid-arguments` when it does not */
  async locals(request: number, frame: number): Promise<unknown> {
    const open = this.#open.get(request);
    if (!open)
      throw new HotlispError('invalid-arguments', `Evaluation #${request} does not wait for a restart.`, {
        path: 'request',
      });
    const { image, stop } = open;
    const shown = stop.condition.backtrace[frame];
    if (!shown)
      throw new HotlispError(
        'invalid-arguments',
        `There is no frame ${frame}; they are numbered from 0 to ${stop.condition.backtrace.length - 1}.`,
        { path: 'frame' },
      );
    const answer = await image.call('locals', { request: stop.request, question: stop.question, frame });
    return { frame: shown.text, ...answer };
  }

  async #showBacktrace(image: Image, stop: Stop, code: string): Promise<void> {
    const { request, question, condition } = stop;
    const locals: string[][] = [];
    for (const { number } of condition.backtrace.slice(0, framesWithLocals)) {
      const answer = await image
        .call('locals', { request, question, frame: number })
        .catch(() => ({ known: false, locals: [] }));
      locals[number] = answer.locals.map(({ name, value }) => `${name} = ${oneLine(value, 300)}`);
    }
    const places = await placesOf(condition.backtrace, this.deps.documents);
    await this.deps.pages.show(backtracePage(stop, code, locals, places));
  }
}

const titleOf = ({ number, name }: Restart): string => oneLine(`${number}: ${name}`, 24);

/** Titles of one question after the other: an editor that puts them in one row has room for four. The safe one is always there, and the first. */
function pagesOf([safe, ...others]: readonly Restart[]): string[][] {
  const first = titleOf(safe!);
  const titles = others.map(titleOf);
  if (titles.length <= 2) return [[first, ...titles, backtraceTitle]];
  const pages = [[first, titles[0]!, backtraceTitle, moreTitle]];
  for (let at = 1; at < titles.length; at += 2) pages.push([first, ...titles.slice(at, at + 2), moreTitle]);
  return pages;
}

/** The evaluated form's text. `start` and `end` count code points. */
function formOf(code: string, { start, end }: Stop): string {
  return Array.from(code).slice(start, end).join('');
}

function messageOf(
  image: Image,
  stop: Stop,
  restarts: readonly Restart[],
  code: string,
  request: number,
): string {
  const { condition, depth } = stop;
  const ways = restarts.map(
    ({ number, name, report }) => `${number} ${oneLine(name, 40)}: ${oneLine(report, 120)}`,
  );
  const closed = stop.restarts.filter(each => each.needsInput).map(({ name }) => oneLine(name, 40));
  return [
    `#${request} ${oneLine(condition.type, 120)}: ${ended(oneLine(condition.text, 500))}`,
    depth > 1 ? `(Error within a restart, level ${depth}.)` : '',
    `While evaluating ${oneLine(formOf(code, stop), 200)} in ${oneLine(image.title)}.`,
    `Restarts: ${ways.join(' ')}`,
    closed.length > 0 ? `(Not offered, for they want a value: ${[...new Set(closed)].join(', ')}.)` : '',
  ]
    .filter(Boolean)
    .join(' ');
}

const ended = (text: string) => (/[.!?…]$/.test(text) ? text : `${text}.`);

function backtracePage(
  stop: Stop,
  code: string,
  locals: readonly (readonly string[] | undefined)[],
  places: readonly (string | undefined)[],
): Page {
  const { condition, restarts } = stop;
  const lines = [
    ...commented(`${condition.type}: ${condition.text}`),
    ';;',
    ';; While evaluating',
    ...commented(formOf(code, stop)).map(line => line.replace(/^;; /, ';;   ')),
    ';;',
    ';; Restarts',
    ...restarts.map(
      ({ number, name, report, needsInput }) =>
        `;;   ${number}: ${oneLine(name, 60)}  ${oneLine(report, 300)}${needsInput ? ' (wants a value, so it is not offered)' : ''}`,
    ),
    ';;',
    ';; Backtrace, the innermost call first',
    ...condition.backtrace.flatMap(({ number, text }, index) => [
      `;;   ${number}: ${oneLine(text, 500)}`,
      ...(places[index] === undefined ? [] : [`;;        at ${places[index]}`]),
      ...(locals[number] ?? []).map(each => `;;          ${each}`),
    ]),
  ];
  return { name: 'backtrace', extension: 'lisp', lines };
}
