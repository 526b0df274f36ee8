/** What can happen to image, connection, server and client at a step of an operation, and what must come of it. */
import type { Passing, Verdict } from './proxy.ts';

/** Where a fault strikes: at a call of the image, before the agent or before the server has it, or while the prompt is open. */
export type Step = { readonly at: 'prompt' } | { readonly at: 'asked' | 'answered'; readonly index: number };

/** What a fault does. */
export interface Hands {
  killProgram(): void;
  stopProgram(): void;
  cutConnection(): void;
  drip(): void;
  killServer(): void;
  closeInput(): void;
  /** Takes the request back, as a person does whose editor shows that nothing happens. */
  cancelSoon(): void;
}

export interface Fault {
  readonly name: string;
  /** Seconds that the request may take; 20 where it does not say. */
  readonly seconds?: number;
  /** At which kinds of steps it makes sense. */
  readonly strikes: readonly Step['at'][];
  /**
   * What the request must come to: `works` as if nothing had happened; an error of one of these kinds, or a result of that
   * status; `ended`, for a server that is gone, or says that it is going.
   */
  readonly leadsTo: 'works' | 'ended' | readonly string[];
  /** Does it; what becomes of the message at which it strikes, if there is one. */
  strike(hands: Hands, passing: Passing | undefined): Verdict;
}

const everywhere = ['prompt', 'asked', 'answered'] as const;

export const faults: readonly Fault[] = [
  {
    name: 'the image is killed',
    strikes: everywhere,
    leadsTo: ['image-lost'],
    strike: hands => {
      hands.killProgram();
      return 'hold';
    },
  },
  {
    name: 'the image is stopped, and the person gives up',
    // What an image that is stopped has answered already is on its way.
    strikes: ['prompt', 'asked'],
    // Verification that was given up is followed by taking the change back, which an image that does not answer cannot.
    leadsTo: ['cancelled', 'timeout', 'image-lost'],
    seconds: 90,
    strike: hands => {
      hands.stopProgram();
      hands.cancelSoon();
      return 'pass';
    },
  },
  {
    name: 'the connection is cut',
    strikes: everywhere,
    leadsTo: ['image-lost'],
    strike: hands => {
      hands.cutConnection();
      return 'hold';
    },
  },
  {
    name: 'the reply is cut off in the middle',
    strikes: ['answered'],
    leadsTo: ['image-lost'],
    strike: (hands, passing) => {
      setTimeout(() => hands.cutConnection(), 20);
      return { bytes: passing!.line.slice(0, passing!.line.length / 2) };
    },
  },
  {
    name: 'the reply is none of the contract',
    strikes: ['answered'],
    leadsTo: ['internal', 'rolled-back'],
    strike: (_, passing) => ({ bytes: `{"id":${passing!.id},"ok":{"nonsense":[1,2]}}\n` }),
  },
  {
    name: 'nonsense comes before the reply',
    strikes: ['answered'],
    leadsTo: 'works',
    strike: (_, passing) => ({
      bytes: [
        'not json at all',
        '[]',
        'null',
        '"text"',
        '{"id":"one"}',
        '{"id":987654321,"ok":{}}',
        `{"id":${passing!.id},"event":"output","data":{"stream":7}}`,
        `{"id":${passing!.id},"event":"no-such-event","data":{}}`,
        passing!.line,
        // a second reply, to a call that has its own
        passing!.line,
        '',
      ].join('\n'),
    }),
  },
  {
    name: 'every byte travels by itself',
    strikes: ['prompt', 'asked', 'answered'],
    leadsTo: 'works',
    strike: hands => {
      hands.drip();
      return 'pass';
    },
  },
  {
    name: 'the server is killed',
    strikes: everywhere,
    leadsTo: 'ended',
    strike: hands => {
      hands.killServer();
      return 'hold';
    },
  },
  {
    name: 'the client is gone',
    strikes: everywhere,
    leadsTo: 'ended',
    strike: hands => {
      hands.closeInput();
      return 'pass';
    },
  },
];

export const describeStep = (step: Step, ops: readonly string[]): string =>
  step.at === 'prompt'
    ? 'while the prompt is open'
    : `${step.at === 'asked' ? 'before the agent gets' : 'before the server gets the reply to'} ${ops[step.index]} (call ${step.index + 1} of ${ops.length})`;
