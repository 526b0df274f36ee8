/** What the flows of the runner share: where images, documents and the journal are, and the one way to make a writing call. */
import type { ApprovalKind } from '../approval/approver.ts';
import type { Journal } from '../approval/journal.ts';
import type { Documents } from '../documents.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Args, Change, Event, Note, Op, Result } from '../image/protocol.ts';
import type { Images } from '../images.ts';
import type { Call, ChangePlan, EvalPlaces, PlanContext, PlannedForm } from '../operations/operation.ts';
import type { Pages } from '../pages.ts';
import type { Editor } from '../ports.ts';
import type { Settings } from '../settings.ts';
import type { PositionEncoding } from '../source/types.ts';
import type { Debugger, Stop } from './debugger.ts';
import type { Deeds } from './deeds.ts';
import { outputLog } from './output.ts';
import type { Tracing } from './tracing.ts';
import { PreviousSources } from './previous.ts';

/** Characters of output that an operation returns; the rest is cut and said to be. */
export const outputLimit = 100_000;

/** Milliseconds for which what nobody waits for gives way to a change: some take minutes. */
const givesWayFor = 2_000;

/** An operation that needs an approval. */
export interface Approved {
  readonly name: string;
  readonly approval: ApprovalKind;
}

export interface RunnerDependencies {
  readonly editor: Editor;
  readonly settings: () => Settings;
  readonly documents: Documents;
  readonly images: Images;
  readonly deeds: Deeds;
  readonly debugger: Debugger;
  readonly tracing: Tracing;
  readonly pages: Pages;
  readonly journal: () => Journal;
  readonly encoding: () => PositionEncoding;
  /** Absolute paths of the workspace's folders. */
  readonly roots: () => readonly string[];
  /** Definitions of a symbol in the texts of the workspace; never rejects. */
  readonly written: PlanContext['written'];
  /** Never rejects. */
  readonly homeOf: PlanContext['homeOf'];
  /** Shows the image's notes on these forms in place of those of their last reload. */
  readonly showNotes: (forms: readonly PlannedForm[], notes: readonly Note[]) => void;
  /** Shows why texts could not be read; those of open buffers show it by themselves. */
  readonly showBroken: (broken: ChangePlan['broken']) => void;
  /** Shows what each form of code that stands in a buffer answered; none where it failed. */
  readonly showValues: (places: EvalPlaces, results: readonly (readonly string[])[]) => void;
  /** An operation that may have changed an image has ended, well or not. */
  readonly onDone: () => void;
  /** Called once a change left threads in the code it replaced, or may have. */
  readonly onOldCode: (
    image: Image,
    title: string,
    change: Pick<Change, 'transaction' | 'threads' | 'definitions'>,
  ) => void;
}

export class Desk {
  #previous = new PreviousSources();
  #previousOf = '';
  /** When each change that is being made began. */
  readonly #changes = new Set<{ readonly begun: number }>();

  constructor(readonly deps: RunnerDependencies) {}

  get encoding(): PositionEncoding {
    return this.deps.encoding();
  }

  /** Does `work`, which changes an image and asks nobody. */
  async changing<T>(work: () => Promise<T>): Promise<T> {
    const change = { begun: performance.now() };
    this.#changes.add(change);
    try {
      return await work();
    } finally {
      this.#changes.delete(change);
    }
  }

  /** Whether a change is being made that what nobody waits for should give way to; `onDone` follows its end. */
  get isChanging(): boolean {
    const since = performance.now() - givesWayFor;
    return [...this.#changes].some(({ begun }) => begun > since);
  }

  async imageFor(plan: ChangePlan, signal?: AbortSignal): Promise<Image> {
    return this.deps.images.connect((plan.forms[0] ?? plan.nameless?.[0])?.wire.file, signal);
  }

  /** Whether the policy lets this kind of change through without a question. */
  isAllowed(kind: ApprovalKind): boolean {
    return this.deps.settings()[`approval.${kind}`] === 'allow';
  }

  /** @param image undefined where none is known yet @throws HotlispError `read-only` */
  refuseReadOnly(image: Image | undefined): void {
    if (this.deps.settings()['image.readOnly'])
      throw new HotlispError(
        'read-only',
        'The setting hotlisp.image.readOnly forbids every change of the image.',
      );
    if (image?.hello.readOnly)
      throw new HotlispError('read-only', `${image.title} serves read-only: it refuses every change.`);
  }

  /** What is known to be installed, for this image: another one starts from nothing. */
  previousSources(image: Image): PreviousSources {
    if (this.#previousOf !== image.hello.image) this.#previous = new PreviousSources();
    this.#previousOf = image.hello.image;
    return this.#previous;
  }

  /** A writing call whose output goes to the log as it comes, its progress to `report`, and its errors that wait for a restart to `onStop`. */
  async call<O extends Op>(
    image: Image,
    op: O,
    args: Args<O>,
    signal?: AbortSignal,
    report?: Call['report'],
    onStop?: (stop: Stop) => void,
  ): Promise<Result<O>> {
    const output = outputLog(this.deps.editor);
    const onEvent = (event: Event) => {
      output.onEvent(event);
      if (event.event === 'debugger') onStop?.(event.data);
      if (event.event !== 'progress' || !report) return;
      const { message, done, total } = event.data;
      report(message, done !== undefined && total ? Math.min(1, done / total) : undefined);
    };
    try {
      return await image.call(op, args, { onEvent, ...(signal && { signal }) });
    } finally {
      output.end();
    }
  }
}
