/** Approvals: whatever a person or an editor answers, only a clear yes to exactly this change lets it run, and only once. */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Editor,
  NEVER,
  type EditorOptions,
  type PromptAnswer,
  type TextDocument,
} from '../support/lspClient.ts';
import { frame, METHOD_NOT_FOUND } from '../support/jsonRpc.ts';
import { shop } from '../support/shop.ts';
import { within } from '../support/wait.ts';

const form = '(defun total';
const reload = /^Reload total$/;

let editor: Editor;
let document: TextDocument;

async function start(options: EditorOptions = {}): Promise<void> {
  editor = await Editor.start({ files: { 'shop.lisp': shop }, load: ['shop.lisp'], ...options });
  document = editor.openFile(path.join(editor.root, 'shop.lisp'));
}

/** Makes TOTAL answer `value`, in the buffer. */
function change(value: string): void {
  document.set(shop.replace('(twice (tax amount))', value));
}

const total = async () => (await editor.evaluate('(shop:total 10)'))[0];

afterEach(() => editor.finish());

describe('an answer that is not a clear yes', () => {
  const answers: [string, PromptAnswer][] = [
    ['Deny', 'Deny'],
    ['a dismissal (null)', null],
    ['a title that was not offered', 'Sure'],
    ['a title in other letters', 'approve'],
    ['an empty object', { reply: {} }],
    ['a bare string', { reply: 'Approve' }],
    ['a list', { reply: [{ title: 'Approve' }] }],
    ['an error', { error: { code: -32603, message: 'the editor is busy' } }],
  ];

  it('denies, whatever shape it has', async () => {
    await start();
    change('0');
    for (const [what, answer] of answers) {
      void editor.expectPrompt(/reload total/i, answer);
      const error = await editor.actionFailure(document, form, reload);
      expect([what, error.kind]).toEqual([what, 'approval-denied']);
      expect([what, await total()]).toEqual([what, '40']);
    }
  });

  it('denies after the time-out, and a late yes changes nothing', async () => {
    await start({ settings: { approval: { timeoutSeconds: 0.5 } } });
    change('0');
    let answerLate = (_answer: PromptAnswer) => {};
    void editor.expectPrompt(
      /reload total/i,
      () => new Promise<PromptAnswer>(answer => (answerLate = answer)),
    );
    const error = await editor.actionFailure(document, form, reload);
    expect(error.kind).toBe('approval-timeout');
    answerLate('Approve');
    expect(await total()).toBe('40');
    await editor.messages.next('word of the time-out', each => /within 0\.5 s/.test(each.message));
  });

  it('denies when the editor never answers', async () => {
    await start({ settings: { approval: { timeoutSeconds: 0.5 } } });
    change('0');
    void editor.expectPrompt(/reload total/i, NEVER);
    expect((await editor.actionFailure(document, form, reload)).kind).toBe('approval-timeout');
    // The queue goes on: the next one is asked.
    void editor.expectPrompt(/reload total/i, 'Approve');
    expect(await editor.actionOutcome(document, form, reload)).toMatchObject({ status: 'applied' });
  });

  it('denies as stale when the buffer changes while the prompt is open, and takes the prompt back', async () => {
    await start();
    change('0');
    let answer = (_answer: PromptAnswer) => {};
    void editor.expectPrompt(/reload total/i, () => new Promise<PromptAnswer>(resolve => (answer = resolve)));
    const pending = editor.actionFailure(document, form, reload);
    await editor.prompts.next('the prompt', () => true);
    change('1');
    const error = await pending;
    expect(error.kind).toBe('stale');
    expect(error.code).toBe(-32801);
    await editor.withdrawn.next('the prompt to be taken back', () => true);
    answer('Approve');
    expect(await total()).toBe('40');
  });

  it('denies when the image is lost while the prompt is open', async () => {
    await start();
    change('0');
    const { pid } = await editor.command<{ pid: number }>('image_connect');
    let answer = (_answer: PromptAnswer) => {};
    void editor.expectPrompt(/reload total/i, () => new Promise<PromptAnswer>(resolve => (answer = resolve)));
    const pending = editor.actionFailure(document, form, reload);
    await editor.prompts.next('the prompt', () => true);
    process.kill(pid, 'SIGKILL');
    expect((await pending).kind).toBe('image-lost');
    answer('Approve');
    expect(await total()).toBe('40');
  });

  it('is not looked for when the command names another version of the buffer', async () => {
    await start();
    const position = document.positionOf(form);
    change('0');
    const error = await editor.failure('reload_form', { uri: document.uri, version: 1, position });
    expect(error).toMatchObject({ kind: 'stale', code: -32801 });
  });
});

describe('prompts', () => {
  it('come one at a time, in order', async () => {
    await start();
    change('1');
    const answers: ((answer: PromptAnswer) => void)[] = [];
    const wait = () => new Promise<PromptAnswer>(answer => answers.push(answer));
    void editor.expectPrompt(/reload total/i, wait);
    void editor.expectPrompt(/reload tax/i, wait);
    const first = editor.runAction(document, form, reload).then(pending => editor.outcome(pending));
    await editor.prompts.next('the first prompt', () => true);
    const second = editor
      .runAction(document, '(defun tax', /^Reload tax$/)
      .then(pending => editor.outcome(pending));
    // The second one has passed its check of the image by now, and waits in the queue.
    await total();
    expect(editor.prompts.all).toHaveLength(1);
    answers[0]!('Approve');
    expect(await first).toMatchObject({ status: 'applied' });
    await editor.prompts.next('the second prompt', () => true, 1);
    const asked = editor.traffic.findLastIndex(
      ({ message }) => message.method === 'window/showMessageRequest',
    );
    const answered = editor.traffic.findIndex(
      ({ direction, message }) =>
        direction === 'sent' &&
        message.method === undefined &&
        (message.result as { title?: string } | null)?.title === 'Approve',
    );
    expect(answered).toBeLessThan(asked);
    answers[1]!('Approve');
    expect(await second).toMatchObject({ status: 'applied' });
  });

  it('let one yes run one change: the next one is asked again', async () => {
    await start();
    change('1');
    void editor.expectPrompt(/reload total/i, 'Approve');
    await editor.actionOutcome(document, form, reload);
    change('2');
    void editor.expectPrompt(/reload total/i, 'Deny');
    expect((await editor.actionFailure(document, form, reload)).kind).toBe('approval-denied');
    expect(await total()).toBe('1');
  });

  it('cannot be answered by a command while the editor shows them', async () => {
    await start();
    change('1');
    let answer = (_answer: PromptAnswer) => {};
    void editor.expectPrompt(/reload total/i, () => new Promise<PromptAnswer>(resolve => (answer = resolve)));
    const pending = (await editor.runAction(document, form, reload)) as { request: number };
    await editor.prompts.next('the prompt', () => true);
    expect(await editor.failure('approve', { request: pending.request })).toMatchObject({ code: -32602 });
    answer('Deny');
    expect((await editor.failure('outcome', { request: pending.request, wait: true })).kind).toBe(
      'approval-denied',
    );
  });

  it('show no control or bidirectional characters of the code as such', async () => {
    await start();
    document.set(`${shop}\n(defun |evil\u202e name\u0007| () 1)\n`);
    const prompt = editor.expectPrompt(/reload/i, 'Deny');
    await editor.actionFailure(document, '(defun |evil', /^Reload .*evil/);
    expect((await prompt).message).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect((await prompt).message).toMatch(/evil/i);
  });
});

describe('an editor without window/showMessageRequest', () => {
  const unsupported: PromptAnswer = { error: { code: METHOD_NOT_FOUND, message: 'unknown method' } };

  it('is told by a message, and answers with the code action Approve reload', async () => {
    await start();
    change('1');
    void editor.expectPrompt(/reload total/i, unsupported);
    const pending = (await editor.runAction(document, form, reload)) as { request: number };
    const asked = await editor.messages.next('the question as a message', each =>
      each.message.includes('Approve reload'),
    );
    expect(asked.message).toContain(`Approve reload #${pending.request}`);
    expect(await total()).toBe('40');
    const titles = (await editor.codeActions(document, form)).map(action => action.title);
    expect(titles).toContain(`Approve reload #${pending.request}`);
    expect(titles).toContain(`Reject reload #${pending.request}`);
    await editor.runAction(document, form, new RegExp(`^Approve reload #${pending.request}$`));
    expect(await editor.outcome({ status: 'pending', ...pending })).toMatchObject({ status: 'applied' });
    expect(await total()).toBe('1');
    // Answered: the actions are gone, and it is not asked by prompt again.
    const remaining = (await editor.codeActions(document, form)).map(action => action.title);
    expect(remaining.filter(title => title.includes('#'))).toEqual([]);
    expect(await editor.failure('approve', { request: pending.request })).toMatchObject({ code: -32602 });
  });

  it('rejects with the code action Reject reload', async () => {
    await start();
    change('1');
    void editor.expectPrompt(/reload total/i, unsupported);
    const pending = (await editor.runAction(document, form, reload)) as { request: number };
    await editor.messages.next('the question as a message', each => each.message.includes('Reject reload'));
    await editor.runAction(document, form, new RegExp(`^Reject reload #${pending.request}$`));
    expect((await editor.failure('outcome', { request: pending.request, wait: true })).kind).toBe(
      'approval-denied',
    );
    expect(await total()).toBe('40');
  });
});

describe('policies', () => {
  it('allow without asking where the user says so', async () => {
    await start({ settings: { approval: { 'modify-running-code': 'allow' } } });
    change('1');
    expect(await editor.actionOutcome(document, form, reload)).toMatchObject({ status: 'applied' });
    expect(await total()).toBe('1');
  });

  it('deny without asking', async () => {
    await start({ settings: { approval: { 'modify-running-code': 'deny', eval: 'deny' } } });
    change('1');
    expect(await editor.actionFailure(document, form, reload)).toMatchObject({ kind: 'approval-denied' });
    expect(await editor.failure('repl_eval', { code: '(shop:total 1)' })).toMatchObject({
      kind: 'approval-denied',
    });
  });

  it('can be made stricter, but not looser, by a file of the workspace', async () => {
    const strict = { approval: { eval: 'deny', 'modify-running-code': 'allow' } };
    await start({ files: { 'shop.lisp': shop, '.hotlisp.json': JSON.stringify(strict) } });
    await editor.messages.next('a word about the key', each =>
      each.message.includes('approval.modify-running-code'),
    );
    expect(await editor.failure('repl_eval', { code: '1' })).toMatchObject({ kind: 'approval-denied' });
    change('1');
    void editor.expectPrompt(/reload total/i, 'Deny');
    expect(await editor.actionFailure(document, form, reload)).toMatchObject({ kind: 'approval-denied' });
  });

  it('are made stricter by a file of the workspace as soon as it is there, without a word of the editor', async () => {
    await start();
    const evaluate = () => editor.failure('repl_eval', { code: '1' });
    expect(await editor.evaluate('1')).toEqual(['1']);
    const file = path.join(editor.root, '.hotlisp.json');
    writeFileSync(file, JSON.stringify({ approval: { eval: 'deny' } }));
    expect(await evaluate()).toMatchObject({ kind: 'approval-denied' });
    writeFileSync(file, JSON.stringify({ image: { readOnly: true } }));
    expect(await evaluate()).toMatchObject({ kind: 'read-only' });
    rmSync(file);
    expect(await editor.evaluate('1')).toEqual(['1']);
  });

  it('hold for every command that is sent after the editor told of them', async () => {
    await start();
    editor.configure({ approval: { eval: 'deny' } });
    expect(await editor.failure('repl_eval', { code: '1' })).toMatchObject({ kind: 'approval-denied' });
    editor.configure({});
    expect(await editor.evaluate('1')).toEqual(['1']);
  });

  it('ask again for a hazardous change, whatever was approved for the session', async () => {
    await start();
    change('1');
    void editor.expectPrompt(/reload total/i, 'Approve for Session');
    await editor.actionOutcome(document, form, reload);
    document.replace('(defstruct item name (price 0))', '(defstruct item name (price 0) (weight 0))');
    const prompt = editor.expectPrompt(/item/i, 'Deny');
    expect(await editor.actionFailure(document, '(defstruct item', /^Reload item$/)).toMatchObject({
      kind: 'approval-denied',
    });
    expect((await prompt).message).toMatch(/hazard/i);
  });
});

describe('hotlisp.request_approval', () => {
  it('asks and answers what the person decided', async () => {
    await start();
    void editor.expectPrompt(/deploy/, 'Approve');
    const details = { what: 'deploy the new handler' };
    const asked = { operation: 'modify-running-code', details };
    expect(await editor.command('request_approval', asked)).toMatchObject({
      approved: true,
      decision: 'approved',
    });
    void editor.expectPrompt(/deploy/, 'Deny');
    expect(await editor.command('request_approval', asked)).toMatchObject({
      approved: false,
      decision: 'denied',
    });
    void editor.expectPrompt(/Details: deploy "it" now$/, 'Deny');
    await editor.command('request_approval', { ...asked, details: 'deploy "it" now' });
  });

  it('takes the first of several answers, also when they come at once, and tells of the others', async () => {
    await start({ settings: { image: { mode: 'off' } } });
    const title = (text: string) => ({ result: { title: text } });
    const no = [
      title('Deny'),
      { result: null },
      { error: { code: -32603, message: 'busy' } },
      { error: null },
    ];
    const yes = title('Approve');
    const bursts = no.flatMap(deny => [
      [deny, yes],
      [deny, title('Approve for Session'), yes],
      [yes, deny],
    ]);
    for (let round = 0; round < 5; round++)
      for (const burst of bursts) {
        const prompt = editor.expectPrompt(/modify-running-code/, NEVER);
        const outcome = editor.command('request_approval', { operation: 'modify-running-code' });
        await within('the prompt', prompt);
        const { id } = editor.traffic.findLast(
          ({ message }) => message.method === 'window/showMessageRequest',
        )!.message;
        const replies = burst.map(reply => frame(JSON.stringify({ jsonrpc: '2.0', id, ...reply })));
        editor.rpc.sendRaw(Buffer.concat(replies));
        expect([burst, await outcome]).toMatchObject([burst, { approved: burst[0] === yes }]);
        await editor.logs.next('word of the other', each => each.message.includes(`a reply of id ${id}`));
      }
  });

  it('grants nothing to a later operation', async () => {
    await start();
    void editor.expectPrompt(/modify-running-code/, 'Approve');
    await editor.command('request_approval', { operation: 'modify-running-code' });
    change('1');
    void editor.expectPrompt(/reload total/i, 'Deny');
    expect(await editor.actionFailure(document, form, reload)).toMatchObject({ kind: 'approval-denied' });
  });
});
