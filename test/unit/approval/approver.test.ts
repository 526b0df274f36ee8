import { describe, expect, it } from 'vitest';
import { Approver, Refusal, titles, type Question } from '../../../server/approval/approver.ts';
import { HotlispError } from '../../../server/errors.ts';
import type { Answer, Editor } from '../../../server/ports.ts';
import { parseSettings } from '../../../server/settings.ts';

/** An editor that is asked by a test: each question waits until the test answers it. */
class AskedEditor implements Editor {
  readonly asked: {
    message: string;
    titles: readonly string[];
    answer: (answer: Answer) => void;
    signal: AbortSignal;
  }[] = [];
  readonly told: string[] = [];
  #waiting: (() => void)[] = [];

  ask(message: string, choices: readonly string[], signal: AbortSignal): Promise<Answer> {
    return new Promise(answer => {
      this.asked.push({ message, titles: choices, answer, signal });
      this.#waiting.splice(0).forEach(each => each());
    });
  }

  async question(number: number) {
    while (this.asked.length < number) await new Promise<void>(resolve => this.#waiting.push(resolve));
    return this.asked[number - 1]!;
  }

  tell = (_severity: string, message: string) => void this.told.push(message);
  tellLast = async (severity: string, message: string) => this.tell(severity, message);
  log = () => undefined;
  afterReply = async () => undefined;
  show = async () => true;
  edit = async () => undefined;
  progress = () => ({ report: () => undefined, end: () => undefined, signal: new AbortController().signal });
}

const title = (text: string): Answer => ({ type: 'title', title: text });

function setUp(settings: Record<string, unknown> = {}) {
  const editor = new AskedEditor();
  const parsed = parseSettings(settings);
  expect(parsed.problems).toEqual([]);
  const approver = new Approver(editor, () => parsed.settings);
  let request = 0;
  const ask = (given: Partial<Question> = {}) =>
    approver.obtain({
      kind: 'modify-running-code',
      request: ++request,
      image: 'image-1',
      digest: 'digest-1',
      message: 'Reload foo?',
      hazardous: false,
      signal: new AbortController().signal,
      showDiff: async () => undefined,
      ...given,
    });
  return { editor, approver, ask };
}

const refusal = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Refusal);
  return error as Refusal;
};

describe('an approval', () => {
  it('offers Deny, Approve, Approve for Session and Show Diff, in this order', async () => {
    const { editor, ask } = setUp();
    const approval = ask();
    const question = await editor.question(1);
    expect(question.titles).toEqual(['Deny', 'Approve', 'Approve for Session', 'Show Diff']);
    question.answer(title(titles.approve));
    expect((await approval).decision).toBe('approved');
  });

  const refusals: [string, Answer][] = [
    ['Deny', title('Deny')],
    ['a dismissed prompt', { type: 'none', why: 'dismissed' }],
    ['an unknown title', title('approve')],
    ['an empty title', title('')],
    ['an error', { type: 'none', why: 'error -32603' }],
  ];
  it.each(refusals)('is refused by %s', async (_what, answer) => {
    const { editor, ask } = setUp();
    const approval = refusal(ask());
    (await editor.question(1)).answer(answer);
    expect(await approval).toMatchObject({ kind: 'approval-denied', decision: 'denied' });
  });

  it('that nobody gives in time is refused, and the prompt is withdrawn', async () => {
    const { editor, ask } = setUp({ approval: { timeoutSeconds: 0.02 } });
    const approval = refusal(ask());
    const question = await editor.question(1);
    expect(await approval).toMatchObject({ kind: 'approval-timeout', decision: 'timed-out' });
    expect(question.signal.aborted).toBe(true);
  });

  it('ends with the reason when what it is about goes away', async () => {
    const { editor, ask } = setUp();
    const controller = new AbortController();
    const approval = ask({ signal: controller.signal });
    const question = await editor.question(1);
    const reason = new HotlispError('stale', 'the buffer changed');
    controller.abort(reason);
    await expect(approval).rejects.toBe(reason);
    expect(question.signal.aborted).toBe(true);
  });

  it('is good for one use and for the digest it was given for', async () => {
    const { editor, ask } = setUp();
    const first = ask();
    (await editor.question(1)).answer(title(titles.approve));
    const approval = await first;
    expect(() => approval.consume('digest-2')).toThrow(/another change/);
    approval.consume('digest-1');
    expect(() => approval.consume('digest-1')).toThrow(/used before/);
  });

  it('asks again after Show Diff has shown the change', async () => {
    const { editor, ask } = setUp();
    let shown = 0;
    const approval = ask({ showDiff: async () => void shown++ });
    (await editor.question(1)).answer(title(titles.diff));
    (await editor.question(2)).answer(title(titles.approve));
    await approval;
    expect(shown).toBe(1);
  });

  it('is asked for one at a time, in order; one that is given up leaves the queue', async () => {
    const { editor, ask } = setUp();
    const controller = new AbortController();
    const first = ask({ message: 'first' });
    const second = ask({ message: 'second', signal: controller.signal });
    const third = ask({ message: 'third' });
    await editor.question(1);
    controller.abort(new HotlispError('cancelled', 'given up'));
    await expect(second).rejects.toMatchObject({ kind: 'cancelled' });
    expect(editor.asked.map(({ message }) => message)).toEqual(['first']);
    editor.asked[0]!.answer(title(titles.approve));
    await first;
    (await editor.question(2)).answer(title(titles.deny));
    await refusal(third);
    expect(editor.asked.map(({ message }) => message)).toEqual(['first', 'third']);
  });

  it('for the session covers that kind and that image, and never a hazardous change', async () => {
    const { editor, ask } = setUp();
    const first = ask();
    const waitingMeanwhile = ask();
    (await editor.question(1)).answer(title(titles.session));
    expect((await first).decision).toBe('approved-for-session');
    expect((await waitingMeanwhile).decision).toBe('allowed-by-session');
    expect((await ask()).decision).toBe('allowed-by-session');
    for (const [number, other] of [
      { kind: 'compile-file' as const },
      { image: 'image-2' },
      { hazardous: true },
    ].entries()) {
      const approval = refusal(ask(other));
      (await editor.question(number + 2)).answer(title(titles.deny));
      await approval;
    }
  });

  it('of a hazardous change for the session does not cover the next one', async () => {
    const { editor, ask } = setUp();
    const first = ask({ hazardous: true });
    (await editor.question(1)).answer(title(titles.session));
    await first;
    const second = refusal(ask());
    (await editor.question(2)).answer(title(titles.deny));
    await second;
  });

  it('follows the policy without asking', async () => {
    const { editor, ask } = setUp({ approval: { 'modify-running-code': 'allow', 'compile-file': 'deny' } });
    expect((await ask({ hazardous: true })).decision).toBe('allowed-by-policy');
    expect(await refusal(ask({ kind: 'compile-file' }))).toMatchObject({
      kind: 'approval-denied',
      decision: 'denied-by-policy',
    });
    expect((await ask({ kind: 'eval' })).decision).toBe('allowed-by-policy');
    expect(editor.asked).toEqual([]);
  });
});

describe('where the editor cannot ask', () => {
  it('the message is told and a command answers', async () => {
    const { editor, approver, ask } = setUp();
    const first = ask();
    (await editor.question(1)).answer({ type: 'unsupported' });
    await expect.poll(() => approver.answerable).toEqual([1]);
    expect(editor.told).toEqual([expect.stringContaining('Approve reload #1')]);
    approver.answer(1, 'approve');
    expect((await first).decision).toBe('approved');
    const second = refusal(ask());
    await expect.poll(() => approver.answerable).toEqual([2]);
    approver.answer(2, 'reject');
    expect((await second).decision).toBe('denied');
    expect(editor.asked).toHaveLength(1);
    expect(approver.answerable).toEqual([]);
  });
});

describe('where the editor asks', () => {
  it('no command can approve, but one can reject', async () => {
    const { editor, approver, ask } = setUp();
    const approval = refusal(ask());
    await editor.question(1);
    expect(() => approver.answer(1, 'approve')).toThrow(/only be given in the prompt/);
    expect(() => approver.answer(7, 'reject')).toThrow(/No approval #7/);
    approver.answer(1, 'reject');
    expect((await approval).decision).toBe('denied');
  });
});
