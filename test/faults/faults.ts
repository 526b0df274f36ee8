/** What can happen to image, connection, disk, clock, server and client at a step of an operation, and what must come of it. */
import { NEVER, type PromptAnswer } from '../support/lspClient.ts';
import type { Passing, Verdict } from './proxy.ts';

/**
 * Where a fault strikes: at a call of the image, before the agent or before the server has it; while a question is open; or as soon as
 * the request was sent, where there are no such places.
 */
export type Step =
  { readonly at: 'prompt' | 'sent' } | { readonly at: 'asked' | 'answered'; readonly index: number };

/** What a fault does. */
export interface Hands {
  killProgram(): void;
  stopProgram(): void;
  cutConnection(): void;
  drip(): void;
  splitCharacters(): void;
  /** Lets a thread of the program take all of its heap, until the fault is over. */
  fillHeap(): Promise<void>;
  /** Lets the agent's work for this call exhaust the stack of its thread. */
  exhaustStack(op: string): Promise<void>;
  /** Lets a thread of the program run where nothing can interrupt it, until the fault is over. */
  engageThread(): Promise<void>;
  killServer(): void;
  closeInput(): void;
  /** From now on the editor answers nothing that the server asks but prompts. */
  silenceClient(): void;
  /** From now on the editor answers with nonsense what the server asks, but prompts. */
  confuseClient(): void;
  setClockBack(): void;
  fillDisk(): void;
  /** The journal's disk can be read only, from now on, as one that the system found damaged. */
  refuseWriting(): void;
  removeJournal(): void;
  tearJournal(): void;
  /** Takes the request back, as a person does whose editor shows that nothing happens. */
  cancelSoon(): void;
}

export interface Fault {
  readonly name: string;
  /** Seconds that the request may take; 20 where it does not say. */
  readonly seconds?: number;
  /** At which kinds of steps it makes sense. */
  readonly strikes: readonly Exclude<Step['at'], 'sent'>[];
  /** Whether it makes sense only for what an operation asks for, not for connecting. */
  readonly ofWork?: true;
  /** Whether it is tried where only the most important ones are. */
  readonly important?: true;
  /**
   * What the request may come to: `works` as if nothing had happened; an error of one of these kinds, or a result of that
   * status; `ended`, for a server that is gone, or says that it is going.
   */
  readonly leadsTo: readonly string[];
  /** What becomes of the journal: it refuses entries for a while, or those before the fault are gone. */
  readonly journal?: 'refuses' | 'lost';
  /** What is answered at the prompt. */
  readonly answer?: PromptAnswer;
  /** Does it; what becomes of the message at which it strikes, if there is one. */
  strike?(hands: Hands, passing: Passing | undefined): Verdict | Promise<Verdict>;
}

/** Answers at the prompt that approve nothing. */
const answers: readonly (readonly [string, PromptAnswer])[] = [
  ['with a number', { reply: 7 }],
  ['with a title that is none', { reply: { title: ['Approve'] } }],
  ['with a title in another case', { reply: { title: 'APPROVE ' } }],
  ['with a list of titles', { reply: [{ title: 'Approve' }] }],
  ['with an error', { error: { code: -32603, message: 'Approve' } }],
];

const everywhere = ['prompt', 'asked', 'answered'] as const;

export const faults: readonly Fault[] = [
  {
    name: 'the image is killed',
    important: true,
    strikes: everywhere,
    leadsTo: ['image-lost'],
    strike: hands => {
      hands.killProgram();
      return 'hold';
    },
  },
  {
    name: 'the image is stopped, and the person gives up',
    important: true,
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
    important: true,
    strikes: everywhere,
    leadsTo: ['image-lost'],
    strike: hands => {
      hands.cutConnection();
      return 'hold';
    },
  },
  {
    name: 'the reply is cut off in the middle',
    important: true,
    strikes: ['answered'],
    leadsTo: ['image-lost'],
    strike: (hands, passing) => {
      setTimeout(() => hands.cutConnection(), 20);
      return { bytes: passing!.bytes.subarray(0, passing!.bytes.length / 2) };
    },
  },
  {
    name: 'the reply is none of the contract',
    important: true,
    strikes: ['answered'],
    leadsTo: ['internal', 'rolled-back'],
    strike: (_, passing) => ({ bytes: passing!.inPlace(`{"id":${passing!.id},"ok":{"nonsense":[1,2]}}`) }),
  },
  {
    name: 'nonsense comes before the reply',
    important: true,
    strikes: ['answered'],
    leadsTo: ['works'],
    strike: (_, passing) => {
      const { id, bytes, wire } = passing!;
      const sayings = [
        'not json at all',
        '[]',
        'null',
        '"text"',
        '{"id":"one"}',
        '{"id":987654321,"ok":{}}',
        `{"id":${id},"event":"output","data":{"stream":7}}`,
        `{"id":${id},"event":"no-such-event","data":{}}`,
      ];
      // And a second reply, to a call that has its own.
      return {
        bytes: Buffer.concat([...wire.nonsense, ...sayings.map(json => wire.saying(json)), bytes, bytes]),
      };
    },
  },
  {
    name: 'every byte travels by itself',
    important: true,
    strikes: ['prompt', 'asked', 'answered'],
    leadsTo: ['works'],
    strike: hands => {
      hands.drip();
      return 'pass';
    },
  },
  {
    name: 'the server is killed',
    important: true,
    strikes: everywhere,
    leadsTo: ['ended'],
    strike: hands => {
      hands.killServer();
      return 'hold';
    },
  },
  {
    name: 'the client is gone',
    strikes: everywhere,
    leadsTo: ['ended'],
    strike: hands => {
      hands.closeInput();
      return 'pass';
    },
  },
  {
    name: 'messages are split inside their characters',
    important: true,
    strikes: everywhere,
    leadsTo: ['works'],
    strike: hands => {
      hands.splitCharacters();
      return 'pass';
    },
  },
  {
    name: 'the image is out of heap',
    strikes: ['prompt', 'asked'],
    // It may have room enough, may lack it for the request alone, or may not survive it.
    leadsTo: ['works', 'internal', 'image-lost', 'failed', 'rolled-back', 'partial', 'timeout'],
    seconds: 90,
    strike: async (hands): Promise<Verdict> => {
      await hands.fillHeap();
      return 'pass';
    },
  },
  {
    name: 'the image is out of stack',
    important: true,
    ofWork: true,
    strikes: ['asked'],
    leadsTo: ['internal', 'failed', 'rolled-back'],
    strike: async (hands, passing): Promise<Verdict> => {
      await hands.exhaustStack(passing!.op);
      return 'pass';
    },
  },
  {
    name: 'a thread of the image is stuck without interrupts',
    strikes: ['prompt', 'asked'],
    leadsTo: ['works'],
    seconds: 60,
    strike: async (hands): Promise<Verdict> => {
      await hands.engageThread();
      return 'pass';
    },
  },
  {
    name: 'the client is silent',
    strikes: ['prompt', 'asked'],
    leadsTo: ['works'],
    strike: hands => {
      hands.silenceClient();
      return 'pass';
    },
  },
  {
    name: 'the client answers nonsense',
    strikes: ['prompt', 'asked'],
    leadsTo: ['works'],
    strike: hands => {
      hands.confuseClient();
      return 'pass';
    },
  },
  {
    name: 'the person never answers, and the clock is set back',
    strikes: ['prompt'],
    leadsTo: ['approval-timeout'],
    answer: NEVER,
    strike: hands => {
      hands.setClockBack();
      return 'pass';
    },
  },
  ...answers.map(([how, answer]): Fault => ({
    name: `the prompt is answered ${how}`,
    strikes: ['prompt'],
    leadsTo: ['approval-denied'],
    answer,
  })),
  {
    name: 'the clock is set back by a day',
    strikes: everywhere,
    leadsTo: ['works'],
    strike: hands => {
      hands.setClockBack();
      return 'pass';
    },
  },
  {
    name: 'the journal’s disk is full',
    strikes: everywhere,
    leadsTo: ['works', 'read-only'],
    journal: 'refuses',
    strike: hands => {
      hands.fillDisk();
      return 'pass';
    },
  },
  {
    name: 'the journal’s disk is read-only',
    strikes: everywhere,
    leadsTo: ['works', 'read-only'],
    journal: 'refuses',
    strike: hands => {
      hands.refuseWriting();
      return 'pass';
    },
  },
  {
    name: 'the journal’s directory is removed',
    strikes: everywhere,
    leadsTo: ['works'],
    journal: 'lost',
    strike: hands => {
      hands.removeJournal();
      return 'pass';
    },
  },
  {
    name: 'the journal’s last line is torn',
    strikes: everywhere,
    leadsTo: ['works'],
    strike: hands => {
      hands.tearJournal();
      return 'pass';
    },
  },
];

export function describeStep(step: Step, ops: readonly string[]): string {
  if ('index' in step)
    return `${step.at === 'asked' ? 'before the agent gets' : 'before the server gets the reply to'} ${ops[step.index]} (call ${step.index + 1} of ${ops.length})`;
  return step.at === 'prompt' ? 'while the question is open' : 'as soon as it was asked for';
}
