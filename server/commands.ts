/** Commands: from an id and JSON arguments to exactly one reply, at once or when the outcome is there. */
import { Refusal, type ApprovalKind, type Approver } from './approval/approver.ts';
import { digestOf } from './approval/digest.ts';
import { oneLine } from './display.ts';
import type { Journal, JournalEntry } from './approval/journal.ts';
import { parseArguments } from './arguments.ts';
import type { DiffRequest, ShownDiff } from './drift/diff.ts';
import type { PageLink, Pages } from './pages.ts';
import type { Debugger } from './runner/debugger.ts';
import type { Deeds } from './runner/deeds.ts';
import { HotlispError } from './errors.ts';
import { historyOf } from './runner/past.ts';
import { unlessAborted } from './image/deadline.ts';
import type { Images } from './images.ts';
import { catalogue, commandOf, operationNamed } from './operations/catalogue.ts';
import type { Call, Operation, Session } from './operations/operation.ts';
import type { PageAction } from './operations/page.ts';
import { requestApproval } from './operations/session.ts';
import { Outcomes } from './outcomes.ts';
import type { Editor, Progress } from './ports.ts';
import { summary } from './runner/report.ts';
import type { Tracing } from './runner/tracing.ts';
import type { Runner } from './runner/runner.ts';
import type { Settings } from './settings.ts';

export interface CommandsDependencies {
  readonly editor: Editor;
  readonly runner: Runner;
  readonly deeds: Deeds;
  readonly approver: Approver;
  readonly images: Images;
  readonly pages: Pages;
  readonly debugger: Debugger;
  readonly tracing: Tracing;
  readonly journal: () => Journal;
  readonly settings: () => Settings;
  /** How this server signs its entries of the journal: it ends with the process id. */
  readonly actor: () => string;
  readonly diffAt: (request: DiffRequest) => Promise<ShownDiff>;
}

/** A background operation that takes longer than this shows a progress, in milliseconds. */
const progressAfter = 400;

export class Commands {
  readonly #outcomes = new Outcomes();
  /** How to give up each request that is under way. */
  readonly #running = new Map<Promise<unknown>, () => void>();

  constructor(private readonly deps: CommandsDependencies) {}

  /**
   * Runs a command.
   * @param signal aborted when the caller gives up; a background request goes on without it
   * @throws HotlispError, as the public contract lists them
   */
  async execute(
    command: string,
    args: readonly unknown[] | undefined,
    signal: AbortSignal,
  ): Promise<unknown> {
    const operation = command.startsWith('hotlisp.') ? operationNamed(command) : undefined;
    if (!operation) {
      const known = catalogue.map(commandOf).join(', ');
      throw new HotlispError(
        'invalid-arguments',
        `There is no command ${oneLine(command)}. The commands are ${known}.`,
        { path: 'command' },
      );
    }
    const parsed = parseArguments(operation, args);
    const controller = new AbortController();
    const cancel = () => controller.abort(new HotlispError('cancelled', `${operation.title} was cancelled.`));
    const progress = new ProgressAtNeed(this.deps.editor, operation.title, cancel);
    const perform = (number: number) =>
      this.#perform(operation, parsed.args, {
        request: number,
        signal: controller.signal,
        report: (message, fraction) => progress.report(message, fraction),
        waited: 0,
        background: parsed.background,
      }).finally(() => progress.end());
    const { request, outcome } = this.#outcomes.start(number =>
      parsed.background ? this.deps.editor.afterReply().then(() => perform(number)) : perform(number),
    );
    this.#running.set(outcome, cancel);
    const ended = () => this.#running.delete(outcome);
    outcome.then(ended, ended);
    if (parsed.background) {
      void this.#follow(operation, request, outcome, progress);
      return { status: 'pending', request };
    }
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await outcome;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** The links of a page that can be followed: behind those whose operation asks first, or may not be, there is only a code action. */
  linksOf(uri: string): readonly PageLink[] {
    return this.deps.pages
      .linksOf(uri)
      .filter(({ leads }) => 'target' in leads || this.#asksNobody(leads.action.operation));
  }

  /**
   * Does what a link of a page stands for, and writes the page of its answer.
   * @returns the page's URI
   */
  async follow({ operation: name, title, args }: PageAction, signal: AbortSignal): Promise<string> {
    if (!this.#asksNobody(name))
      throw new HotlispError(
        'approval-denied',
        `${title}: it asks first, and nothing is asked while a link is followed. The code action of that name at its line does it.`,
      );
    try {
      const result = await this.execute(`hotlisp.${name}`, [args], signal);
      return await this.deps.pages.write(operationNamed(name)!.page!(result)!);
    } catch (error) {
      // editors say little of a link that leads nowhere
      this.deps.editor.tell('error', `${title}: ${oneLine((error as Error).message, 1500)}`);
      throw error;
    }
  }

  #asksNobody(name: string): boolean {
    const operation = operationNamed(name);
    if (!operation) return false;
    const kind = 'plan' in operation ? operation.approval : undefined;
    return kind === undefined || this.deps.settings()[`approval.${kind}`] === 'allow';
  }

  /**
   * Gives up what is under way and waits for it, at most `milliseconds`: a change is finished or taken back, and is in the
   * journal, before its image is left.
   */
  async dispose(milliseconds: number): Promise<void> {
    for (const cancel of this.#running.values()) cancel();
    const late = new Promise(resolve => setTimeout(resolve, milliseconds).unref());
    await Promise.race([Promise.allSettled(this.#running.keys()), late]);
  }

  async #perform(operation: Operation, args: unknown, call: Call): Promise<unknown> {
    return 'plan' in operation
      ? this.deps.runner.run(operation, args, call)
      : operation.serve(args, this.#session, call);
  }

  /** Tells the person how a background operation goes and ends. */
  async #follow(
    operation: Operation,
    request: number,
    outcome: Promise<unknown>,
    progress: ProgressAtNeed,
  ): Promise<void> {
    const { editor } = this.deps;
    // Helix has one line for both: a progress would hide the question that waits for a code action.
    const timer = setInterval(() => {
      if (!this.deps.approver.answerable.includes(request)) progress.begin();
    }, progressAfter);
    try {
      const result = await outcome;
      const page = operation.page?.(result);
      if (page) await this.deps.pages.show(page);
      const said = operation.told?.(result);
      if (said !== undefined) editor.tell('info', said);
      const told =
        page === undefined && said === undefined ? summary(operation.title.toLowerCase(), result) : undefined;
      if (told) editor.tell(told.severity, told.message);
    } catch (error) {
      const severity =
        error instanceof Refusal || (error instanceof HotlispError && error.kind === 'cancelled')
          ? 'info'
          : 'error';
      // An error of the image's may say anything, on many lines.
      editor.tell(severity, `${operation.title}: ${oneLine((error as Error).message, 1500)}`);
    } finally {
      clearInterval(timer);
    }
  }

  readonly #session: Session = {
    outcome: (request, wait, { signal }) =>
      unlessAborted(this.#outcomes.get(request, wait), signal, 'Waiting for the outcome'),
    answer: (request, answer) => this.deps.approver.answer(request, answer),
    requestApproval: (kind, details, call) => this.#requestApproval(kind, details, call),
    planOf: (name, args, { signal }) => this.#planOf(name, args, signal),
    history: async (limit, symbol) => ({
      journal: this.deps.journal().path,
      entries: historyOf(await this.deps.journal().read(), limit, symbol, entry => this.#isUnderWay(entry)),
    }),
    showDiff: async (where, { request }) => {
      const shown = await this.deps.diffAt(where);
      await this.deps.deeds.showText(request, shown.diff);
      return shown;
    },
    frameLocals: (request, frame) => this.deps.debugger.locals(request, frame),
    untrace: async name => ({ untraced: await this.deps.tracing.end(name), traced: this.deps.tracing.names }),
    imageStatus: () => this.#imageStatus(),
    connectImage: async ({ signal }) => {
      await this.deps.images.connect(undefined, signal);
      return this.#imageStatus();
    },
    disconnectImage: async () => {
      await (await this.deps.images.manager(undefined)).disconnect();
      return this.#imageStatus();
    },
    restartImage: async ({ signal }) => {
      await unlessAborted(
        this.deps.images.restart(undefined),
        signal,
        'Waiting for the image to start again',
      );
      return this.#imageStatus();
    },
  };

  /** Whether the server that made a decision, this one or another that runs, may still be carrying it out. */
  #isUnderWay({ actor, request }: JournalEntry): boolean {
    if (actor === this.deps.actor()) return this.#outcomes.isRunning(request);
    const pid = Number(/ (\d+)$/.exec(actor)?.[1]);
    try {
      return pid > 0 && pid !== process.pid && process.kill(pid, 0);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }

  async #requestApproval(kind: ApprovalKind, details: unknown, call: Call): Promise<unknown> {
    const image = (await this.deps.images.manager(undefined)).current;
    const where = image?.title ?? 'no image';
    const shown = typeof details === 'string' ? details : JSON.stringify(details ?? {}, null, 2);
    const told = typeof details === 'object' ? JSON.stringify(details) : shown;
    const said = details === undefined ? '' : ` Details: ${oneLine(told, 600)}`;
    const digest = digestOf({ kind, details, image: image?.hello.image });
    const record = (decision: string, reason: string) =>
      this.deps.deeds.recordDecision({
        operation: 'request_approval',
        request: call.request,
        image,
        decision,
        reason: `${kind}: ${reason}`,
      });
    try {
      const approval = await this.deps.approver.obtain({
        kind,
        request: call.request,
        image: image?.hello.image ?? '',
        digest,
        message: `#${call.request} Approve ${kind} in ${oneLine(where)}?${said}`,
        hazardous: false,
        signal: call.signal,
        showDiff: async () => void (await this.deps.deeds.showText(call.request, shown + '\n')),
      });
      approval.consume(digest);
      await record(approval.decision, approval.reason);
      return { approved: true, decision: approval.decision, reason: approval.reason };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      await record(error.decision, error.message);
      return { approved: false, decision: error.decision, reason: error.message };
    }
  }

  async #planOf(name: string, given: unknown, signal: AbortSignal): Promise<unknown> {
    const operation = operationNamed(name);
    if (!operation)
      throw new HotlispError('invalid-arguments', `hotlisp.plan: there is no operation ${oneLine(name)}.`, {
        path: 'operation',
      });
    const { args } = parseArguments(operation, [given]);
    const approval = kindOf(operation, args);
    const base = {
      operation: operation.name,
      approval: approval ?? 'none',
      ...(approval && { policy: this.deps.settings()[`approval.${approval}`] }),
    };
    // Its effect is on the server alone.
    if (!('plan' in operation)) return { ...base, plan: 'session' };
    const plan = await this.deps.runner.plan(operation, args, signal);
    if (plan.type === 'edit') return { ...plan.report, ...base, plan: 'edit' };
    if (plan.type !== 'change')
      return { ...base, plan: plan.type, ...(await this.deps.runner.describe(plan, signal)) };
    return { ...base, plan: 'change', ...(await this.deps.runner.preview(plan, signal)) };
  }

  async #imageStatus(): Promise<unknown> {
    const manager = await this.deps.images.manager(undefined);
    const image = manager.current;
    const {
      'image.mode': mode,
      'image.command': command,
      'image.address': address,
      'image.readOnly': readOnly,
    } = this.deps.settings();
    const settings = { mode, command, address: address ?? null, read_only: readOnly };
    if (!image) return { state: manager.state, ...settings };
    const { hello } = image;
    return {
      state: manager.state,
      ...settings,
      kind: image.kind,
      title: image.title,
      image: hello.image,
      pid: hello.pid,
      implementation: hello.implementation,
      version: hello.version,
      directory: hello.directory,
      read_only: readOnly || hello.readOnly,
      capabilities: hello.capabilities,
      missing: hello.missing,
    };
  }
}

/** What carrying it out asks for. */
function kindOf(operation: Operation, args: unknown): ApprovalKind | undefined {
  if ('plan' in operation) return operation.approval;
  return operation.name === requestApproval.name
    ? (args as { readonly operation: ApprovalKind }).operation
    : undefined;
}

/** A progress that is begun when there is something to show, and never again once its operation is over. */
class ProgressAtNeed {
  #progress: Progress | undefined;
  #ended = false;

  constructor(
    private readonly editor: Editor,
    private readonly title: string,
    private readonly cancel: () => void,
  ) {}

  begin(): Progress | undefined {
    if (this.#ended || this.#progress) return this.#progress;
    this.#progress = this.editor.progress(this.title);
    this.#progress.signal.addEventListener('abort', this.cancel, { once: true });
    return this.#progress;
  }

  report(message: string, fraction?: number): void {
    this.begin()?.report(message, fraction);
  }

  end(): void {
    this.#ended = true;
    this.#progress?.end();
  }
}
