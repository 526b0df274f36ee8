/**
 * Asks for approvals: policy first, then one prompt at a time. What it grants is a token bound to one digest that can be
 * used once; nothing that changes an image runs without consuming one.
 */
import { HotlispError } from '../errors.ts';
import type { Editor } from '../ports.ts';
import type { Settings } from '../settings.ts';
import { aborted, Prompts } from './prompts.ts';

export const approvalKinds = ['compile-file', 'modify-running-code', 'terminate-thread', 'eval'] as const;
export type ApprovalKind = (typeof approvalKinds)[number];

export type Decision =
  | 'approved'
  | 'approved-for-session'
  | 'allowed-by-session'
  | 'allowed-by-policy'
  | 'denied'
  | 'denied-by-policy'
  | 'timed-out';

export const titles = {
  deny: 'Deny',
  approve: 'Approve',
  session: 'Approve for Session',
  diff: 'Show Diff',
} as const;
const choices = [titles.deny, titles.approve, titles.session, titles.diff];

export interface Question {
  readonly kind: ApprovalKind;
  /** The number by which commands and messages name the operation. */
  readonly request: number;
  /** Identity of the image the answer is for. */
  readonly image: string;
  readonly digest: string;
  /** One readable line; control characters are shown escaped. */
  readonly message: string;
  /** A hazardous change is asked about each time, whatever was approved for the session. */
  readonly hazardous: boolean;
  /** Opens the change for reading. */
  showDiff(): Promise<void>;
  /** Aborted when there is nothing left to approve; the reason is a HotlispError (buffer changed, image lost, cancelled). */
  readonly signal: AbortSignal;
}

/** Permission to do exactly what `digest` stands for, once. */
export class Approval {
  #used = false;
  constructor(
    readonly decision: Decision,
    readonly reason: string,
    private readonly digest: string,
  ) {}

  /** @throws HotlispError `approval-denied` when it was used before or given for something else */
  consume(digest: string): void {
    if (this.#used || digest !== this.digest)
      throw new HotlispError(
        'approval-denied',
        'This approval was given for another change, or was used before. Ask again.',
      );
    this.#used = true;
  }
}

/** Whether somebody was asked for it, rather than that it was allowed before. */
export const byPerson = ({ decision }: Approval): boolean =>
  decision === 'approved' || decision === 'approved-for-session';

/** A refusal, with the decision for the journal. */
export class Refusal extends HotlispError {
  constructor(
    readonly decision: Decision,
    kind: 'approval-denied' | 'approval-timeout',
    message: string,
  ) {
    super(kind, message, { decision });
  }
}

interface Pending {
  readonly question: Question;
  settle(answer: 'approve' | 'reject'): void;
  /** True once the editor said that it cannot ask, so that commands may answer. */
  byCommand: boolean;
}

export class Approver {
  readonly #sessions = new Set<string>();
  readonly #pending = new Map<number, Pending>();

  constructor(
    private readonly editor: Editor,
    private readonly settings: () => Settings,
    private readonly prompts: Prompts = new Prompts(),
  ) {}

  /** Requests that wait for a code action to answer them, because the editor cannot ask. */
  get answerable(): readonly number[] {
    return [...this.#pending.values()].filter(each => each.byCommand).map(each => each.question.request);
  }

  /**
   * The approval for `question`, as policy, session or person give it.
   * @throws Refusal when it is denied or not answered in time; the signal's reason when that aborts
   */
  async obtain(question: Question): Promise<Approval> {
    const policy = this.settings()[`approval.${question.kind}`];
    if (policy === 'deny')
      throw new Refusal(
        'denied-by-policy',
        'approval-denied',
        `Denied by the setting hotlisp.approval.${question.kind}. Nothing was changed: set it to "ask" to be asked.`,
      );
    if (policy === 'allow')
      return new Approval('allowed-by-policy', `hotlisp.approval.${question.kind} is allow`, question.digest);
    if (!question.hazardous && this.#sessions.has(sessionKey(question)))
      return new Approval('allowed-by-session', 'approved for the session', question.digest);
    return this.prompts.inTurn(question.signal, () => this.#ask(question));
  }

  /**
   * A person's answer by command, where the editor cannot ask.
   * @throws HotlispError `invalid-arguments` when no such request waits, or when it is to be answered in its prompt
   */
  answer(request: number, answer: 'approve' | 'reject'): void {
    const pending = this.#pending.get(request);
    if (!pending)
      throw new HotlispError('invalid-arguments', `No approval #${request} is waiting for an answer.`, {
        path: 'request',
      });
    if (answer === 'approve' && !pending.byCommand)
      throw new HotlispError(
        'invalid-arguments',
        `Approval #${request} can only be given in the prompt that the editor shows for it.`,
        {
          path: 'request',
        },
      );
    pending.settle(answer);
  }

  async #ask(question: Question): Promise<Approval> {
    // A question asked meanwhile may have been approved for the session.
    if (!question.hazardous && this.#sessions.has(sessionKey(question)))
      return new Approval('allowed-by-session', 'approved for the session', question.digest);
    const seconds = this.settings()['approval.timeoutSeconds'];
    const withdraw = new AbortController();
    const timer = setTimeout(() => withdraw.abort('timeout'), seconds * 1000);
    const onAbort = () => withdraw.abort('aborted');
    question.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.#askUntilAnswered(question, withdraw.signal);
    } catch (error) {
      question.signal.throwIfAborted();
      if (withdraw.signal.aborted)
        throw new Refusal(
          'timed-out',
          'approval-timeout',
          `Nobody answered approval #${question.request} within ${seconds} s, so it is denied. Run the operation again to be asked again.`,
        );
      throw error;
    } finally {
      clearTimeout(timer);
      question.signal.removeEventListener('abort', onAbort);
      withdraw.abort('settled');
      this.#pending.delete(question.request);
    }
  }

  async #askUntilAnswered(question: Question, signal: AbortSignal): Promise<Approval> {
    const byCommand = new Promise<'approve' | 'reject'>(settle => {
      this.#pending.set(question.request, { question, settle, byCommand: this.prompts.editorCannotAsk });
    });
    for (;;) {
      const answer = this.prompts.editorCannotAsk
        ? await this.#askByCodeAction(question, byCommand, signal)
        : await Promise.race([
            this.editor.ask(question.message, choices, signal),
            byCommand.then(given => (given === 'approve' ? titles.approve : titles.deny)),
            aborted(signal),
          ]);
      if (typeof answer === 'object' && answer.type === 'unsupported') {
        this.prompts.editorCannotAsk = true;
        this.#pending.get(question.request)!.byCommand = true;
        continue;
      }
      const title = typeof answer === 'string' ? answer : answer.type === 'title' ? answer.title : undefined;
      switch (title) {
        case titles.approve:
          return new Approval('approved', 'approved in the editor', question.digest);
        case titles.session:
          if (!question.hazardous) this.#sessions.add(sessionKey(question));
          return new Approval('approved-for-session', 'approved in the editor', question.digest);
        case titles.diff:
          await Promise.race([question.showDiff(), aborted(signal)]);
          continue;
        case titles.deny:
          throw new Refusal(
            'denied',
            'approval-denied',
            `#${question.request} was denied. Nothing was changed.`,
          );
        default: {
          const why =
            typeof answer === 'object' && answer.type === 'none'
              ? answer.why
              : `it answered ${JSON.stringify(title)}`;
          throw new Refusal(
            'denied',
            'approval-denied',
            `#${question.request} was not approved (${why}). Nothing was changed.`,
          );
        }
      }
    }
  }

  async #askByCodeAction(
    question: Question,
    byCommand: Promise<'approve' | 'reject'>,
    signal: AbortSignal,
  ): Promise<string> {
    const told = this.editor.tellLast(
      'warning',
      `${question.message} Answer with the code action "Approve reload #${question.request}" or "Reject reload #${question.request}".`,
    );
    const answer = await Promise.race([told.then(() => byCommand), aborted(signal)]);
    return answer === 'approve' ? titles.approve : titles.deny;
  }
}

const sessionKey = (question: Question) => `${question.kind} ${question.image}`;
