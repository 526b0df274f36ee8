import { expect, it } from 'vitest';
import { aborted, madeWay, Prompts } from '../../../server/approval/prompts.ts';

const never = new AbortController().signal;

/** A question that is answered from outside. */
function question() {
  let answer!: (text: string) => void;
  const answered = new Promise<string>(resolve => (answer = resolve));
  let asked = false;
  const ask = () => {
    asked = true;
    return answered;
  };
  return { ask, answer, isAsked: () => asked };
}
const settled = () => new Promise(resolve => setImmediate(resolve));

it('asks one question at a time, in order, also after one that fails', async () => {
  const prompts = new Prompts();
  const [first, second, third] = [question(), question(), question()];
  const one = prompts.inTurn(never, first.ask);
  const two = prompts.inTurn(never, async () => {
    await second.ask();
    throw new Error('two');
  });
  const three = prompts.inTurn(never, third.ask);
  await settled();
  expect([first, second, third].map(each => each.isAsked())).toEqual([true, false, false]);
  first.answer('1');
  expect(await one).toBe('1');
  await settled();
  expect(third.isAsked()).toBe(false);
  second.answer('2');
  await expect(two).rejects.toThrow('two');
  third.answer('3');
  expect(await three).toBe('3');
});

it('lets a question leave the queue when its signal is aborted, and keeps the order of the others', async () => {
  const prompts = new Prompts();
  const [first, gone, third] = [question(), question(), question()];
  const one = prompts.inTurn(never, first.ask);
  const controller = new AbortController();
  const left = prompts.inTurn(controller.signal, gone.ask);
  const three = prompts.inTurn(never, third.ask);
  controller.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  await settled();
  expect([gone.isAsked(), third.isAsked()]).toEqual([false, false]);
  first.answer('1');
  third.answer('3');
  expect(await Promise.all([one, three])).toEqual(['1', '3']);
});

it('has questions that make way taken back, and those in the queue before it not asked, until the other one is answered', async () => {
  const prompts = new Prompts();
  const other = question();
  const waiting = () => prompts.makingWay(never, signal => aborted(signal));
  const open = waiting();
  const queued = waiting();
  open.catch(() => undefined);
  queued.catch(() => undefined);
  await settled();
  const asked = prompts.inTurn(never, other.ask);
  await expect(open).rejects.toBe(madeWay);
  await expect(queued).rejects.toBe(madeWay);
  const again = question();
  const afterwards = prompts.makingWay(never, again.ask);
  await settled();
  expect([other.isAsked(), again.isAsked()]).toEqual([true, false]);
  other.answer('other');
  expect(await asked).toBe('other');
  again.answer('again');
  expect(await afterwards).toBe('again');
});
