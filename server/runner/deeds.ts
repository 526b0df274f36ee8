/** Deeds: what is asked for, what was decided, what became of it. Asks through the approver, writes the journal. */
import { digesting, digestOf } from '../approval/digest.ts';
import { Refusal, type Approval, type ApprovalKind, type Approver } from '../approval/approver.ts';
import type { Journal, JournalEntry } from '../approval/journal.ts';
import type { Documents } from '../documents.ts';
import { HotlispError } from '../errors.ts';
import { wasNotSent, wireKind } from '../image/connection.ts';
import { guard } from './guard.ts';
import { takeBack } from './takeBack.ts';
import type { Image } from '../image/image.ts';
import type { Call, ChangePlan } from '../operations/operation.ts';
import type { Editor } from '../ports.ts';
import { inSlices } from '../source/slices.ts';
import { DiffFiles } from './previous.ts';

/** Something to be approved and recorded. */
export interface Deed {
  readonly operation: string;
  readonly kind: ApprovalKind;
  readonly image: Image;
  /** What the approval is bound to, beyond operation and image. */
  readonly bound: unknown;
  readonly message: string;
  readonly hazardous: boolean;
  readonly buffers: ChangePlan['buffers'];
  readonly transaction?: string;
  readonly definitions?: JournalEntry['definitions'];
  readonly source?: JournalEntry['source'];
  /** For the journal: what is done where that is not compiling `source`, and what a replay does again. */
  readonly deed?: JournalEntry['deed'];
  readonly replayed?: JournalEntry['replayed'];
  /** The image's transactions that were made for it, in order; absent: one, called `transaction`. */
  readonly parts?: readonly string[];
  diff(): Promise<string>;
}

const digests = new WeakMap<Deed, string>();

/** Identifies operation, image and exactly what is to be done. */
export function digestOfDeed(deed: Deed): string {
  let digest = digests.get(deed);
  if (digest === undefined) {
    digest = digestOf(boundBy(deed));
    digests.set(deed, digest);
  }
  return digest;
}

/** The same, worked out in steps: a deed may be of thousands of forms. */
export async function digested(deed: Deed): Promise<string> {
  if (!digests.has(deed)) digests.set(deed, await inSlices(digesting(boundBy(deed))));
  return digestOfDeed(deed);
}

const boundBy = ({ operation, image, bound }: Deed) => ({ operation, image: image.hello.image, bound });

type What = Pick<JournalEntry, 'event' | 'decision' | 'reason' | 'outcome'>;

export interface DeedsDependencies {
  readonly editor: Editor;
  readonly documents: Documents;
  readonly approver: Approver;
  readonly journal: () => Journal;
  /** Who acts, for the journal. */
  readonly actor: () => string;
}

export class Deeds {
  readonly #diffs = new DiffFiles();
  /** Deeds whose outcome is in the journal, and errors whose is, or cannot be put there. */
  readonly #recorded = new WeakSet<Deed | Error>();

  constructor(private readonly deps: DeedsDependencies) {}

  /** @throws Refusal, or what ended the question; either is in the journal by then */
  async approve(deed: Deed, call: Call): Promise<Approval> {
    // Nobody is asked about what could not be recorded.
    await this.deps.journal().prepare();
    const watch = guard(call.signal, deed.image, this.deps.documents, deed.buffers);
    const asked = performance.now();
    try {
      const approval = await this.deps.approver.obtain({
        kind: deed.kind,
        request: call.request,
        image: deed.image.hello.image,
        digest: await digested(deed),
        message: deed.message,
        hazardous: deed.hazardous,
        signal: watch.signal,
        showDiff: async () => this.showText(call.request, await deed.diff()),
      });
      call.waited += performance.now() - asked;
      watch.signal.throwIfAborted();
      // On the disk with the outcome, which is waited for; a server that ends in between loses neither.
      await this.deps.journal().write(
        this.#entry(deed, call, {
          event: 'decision',
          decision: approval.decision,
          reason: approval.reason,
        }),
      );
      watch.signal.throwIfAborted();
      return approval;
    } catch (error) {
      const decision = error instanceof Refusal ? error.decision : 'denied';
      await this.#record(deed, call, { event: 'decision', decision, reason: (error as Error).message });
      throw error;
    } finally {
      watch.dispose();
    }
  }

  #entry(deed: Deed, call: Call, what: What): JournalEntry {
    const { image, operation, transaction, definitions, source, replayed } = deed;
    return {
      time: new Date().toISOString(),
      actor: this.deps.actor(),
      image: { id: image.hello.image, title: image.title },
      operation,
      request: call.request,
      ...(transaction !== undefined && { transaction }),
      ...(definitions && { definitions }),
      ...(source && { source }),
      ...(deed.deed && { deed: deed.deed }),
      ...(replayed && { replayed }),
      ...what,
    };
  }

  async #record(deed: Deed, call: Call, what: What): Promise<void> {
    await this.deps.journal().append(this.#entry(deed, call, what));
  }

  /** Records what became of a deed that changed the image; a change that cannot be recorded is taken back. */
  async recordOutcome(deed: Deed, call: Call, outcome: NonNullable<JournalEntry['outcome']>): Promise<void> {
    try {
      await this.#record(deed, call, { event: 'outcome', outcome });
      this.#recorded.add(deed);
    } catch (error) {
      const { status, target } = outcome;
      const told =
        status !== 'applied' || deed.transaction === undefined || target !== undefined
          ? joined(error, `It had ended by then: ${status}.`)
          : await takeBack(deed).then(
              () => joined(error, 'The change was taken back.'),
              (second: unknown) =>
                joined(
                  error,
                  `The change was made, and could not be taken back: ${(second as Error).message}`,
                ),
            );
      this.#recorded.add(told);
      throw told;
    }
  }

  /**
   * Records that a writing call failed: nothing was changed where the agent itself says so, and else nobody knows. Once for
   * each error, and not after an outcome. Where that cannot be recorded either, the error says so.
   */
  async recordFailure(deed: Deed, call: Call, error: unknown): Promise<void> {
    if (this.#recorded.has(deed) || this.#recorded.has(error as Error)) return;
    this.#recorded.add(error as Error);
    const known = wireKind(error) !== undefined || wasNotSent(error);
    const outcome = {
      ...(known ? remainsOf(error) : { status: 'unknown' }),
      message: (error as Error).message,
    };
    try {
      await this.#record(deed, call, { event: 'outcome', outcome });
    } catch (second) {
      throw joined(error, (second as Error).message);
    }
  }

  /** Records that nothing was done with an approval: what was found when it was about to be used made that `failed` or `unchanged`. */
  async recordUnused(
    deed: Deed,
    call: Call,
    status: 'failed' | 'unchanged',
    message?: string,
  ): Promise<void> {
    await this.#record(deed, call, { event: 'outcome', outcome: { status, ...(message && { message }) } });
  }

  /** Journals a decision that stands by itself. */
  async recordDecision(entry: {
    operation: string;
    request: number;
    image: Image | undefined;
    decision: string;
    reason: string;
  }): Promise<void> {
    const { image, ...rest } = entry;
    await this.deps.journal().append({
      time: new Date().toISOString(),
      event: 'decision',
      actor: this.deps.actor(),
      image: { id: image?.hello.image ?? '', title: image?.title ?? 'no image' },
      ...rest,
    });
  }

  /** Shows a text as a document of its own, as a message where the editor cannot. */
  async showText(request: number, text: string, extension = '.diff'): Promise<void> {
    if (!(await this.deps.editor.show(await this.#diffs.write(request, text, extension))))
      this.deps.editor.tell('info', text.slice(0, 8000));
  }

  async dispose(): Promise<void> {
    await this.#diffs.dispose();
  }
}

/** What a deed that failed with `error` left behind, for the journal. */
export function remainsOf(error: unknown): { status: 'failed' | 'partial'; remains?: readonly string[] } {
  const remains = error instanceof HotlispError ? error.details['remains'] : undefined;
  return Array.isArray(remains) ? { status: 'partial', remains: remains as string[] } : { status: 'failed' };
}

/** `error`, and what went wrong besides. */
const joined = (error: unknown, besides: string): HotlispError =>
  error instanceof HotlispError
    ? new HotlispError(error.kind, `${error.message} ${besides}`, error.details)
    : new HotlispError('internal', `${(error as Error).message} ${besides}`);
