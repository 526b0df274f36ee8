/**
 * The only pipeline: plan, assess, approve, journal, call the image, verify, journal, report.
 * Nothing outside this folder calls an operation of the wire that writes.
 */
import { aborted } from '../approval/prompts.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import { operations, type Args, type Op, type Result } from '../image/protocol.ts';
import type {
  Call,
  ChangePlan,
  EditPlan,
  Plan,
  PlanContext,
  PlannedOperation,
  QueryPlan,
} from '../operations/operation.ts';
import { definitionOfSystem } from '../workspaceSystems.ts';
import { assess } from './assess.ts';
import { runChange } from './change.ts';
import { Desk, type RunnerDependencies } from './desk.ts';
import { runEvaluation } from './evaluate.ts';
import { describeHistory, runHistory } from './history.ts';
import { countedInstances } from './instances.ts';
import { loadedForm } from './loaded.ts';
import { describeFasl, describeSystem, runFasl, runSystem } from './load.ts';
import { runRemoval } from './removal.ts';
import { describeReplay, runReplay } from './replay.ts';
import { changePreview } from './report.ts';
import { runThread } from './threads.ts';
import { runTool } from './tool.ts';
import { runTrace } from './tracing.ts';

/** Milliseconds for an edit: some editors ask the person first. */
const editWithin = 120_000;
const unanswered = `The editor has not said within ${editWithin / 1000} s whether it made the edit. Look at the buffer before you run the command again.`;

export class Runner {
  readonly #desk: Desk;

  constructor(private readonly deps: RunnerDependencies) {
    this.#desk = new Desk(deps);
  }

  /** See Desk. */
  get isChanging(): boolean {
    return this.#desk.isChanging;
  }

  /** Plans and carries out an operation of the catalogue that has a plan. @throws HotlispError */
  async run(operation: PlannedOperation, args: unknown, call: Call): Promise<unknown> {
    const ended = operation.approval ? this.deps.onDone : undefined;
    const result = await this.#carryOut(operation, args, call).finally(ended);
    return isTimed(result) ? { ...result, duration_ms: rounded(result.duration_ms - call.waited) } : result;
  }

  async #carryOut(operation: PlannedOperation, args: unknown, call: Call): Promise<unknown> {
    const started = performance.now();
    if (operation.approval) this.#desk.refuseReadOnly(undefined);
    const plan = await operation.plan(args, this.#context(call.signal, operation.approval !== undefined));
    call.signal.throwIfAborted();
    const approved = { name: operation.name, approval: operation.approval! };
    switch (plan.type) {
      case 'answer':
        return plan.value;
      case 'edit':
        return this.#edit(plan, call.signal);
      case 'query':
        return this.#query(plan, call);
      case 'change':
        return runChange(this.#desk, approved, plan, call, started);
      case 'undo':
      case 'redo':
        return runHistory(this.#desk, approved, plan, call, started);
      case 'replay':
        return runReplay(this.#desk, approved, plan, call, started);
      case 'eval':
        return runEvaluation(this.#desk, approved, plan, call, started);
      case 'tool':
        return runTool(this.#desk, approved, plan, call, started);
      case 'trace':
        return runTrace(this.#desk, approved, plan, call, started);
      case 'fasl':
        return runFasl(this.#desk, approved, plan, call, started);
      case 'system':
        return runSystem(this.#desk, approved, plan, call, started);
      case 'removal':
        return runRemoval(this.#desk, approved, plan, call, started);
      case 'thread':
        return runThread(this.#desk, approved, plan, call, started);
    }
  }

  async plan(operation: PlannedOperation, args: unknown, signal: AbortSignal): Promise<Plan> {
    return operation.plan(args, this.#context(signal));
  }

  /** What a change would do, without asking anybody. @throws HotlispError */
  async preview(plan: ChangePlan, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { encoding } = this.#desk;
    if (plan.broken.length > 0) return changePreview(plan, undefined, encoding);
    const image = await this.#desk.imageFor(plan, signal);
    const assessed = await assess(this.#desk, image, plan, signal);
    const instances = await countedInstances(image, assessed, signal);
    return { ...changePreview(plan, assessed, encoding), ...(instances.length > 0 && { instances }) };
  }

  /** What carrying out a plan other than a change would do, as far as it can be told. @throws HotlispError */
  async describe(plan: Exclude<Plan, ChangePlan>, signal: AbortSignal): Promise<Record<string, unknown>> {
    switch (plan.type) {
      case 'fasl':
        return describeFasl(this.#desk, plan, signal);
      case 'system':
        return describeSystem(this.#desk, plan, signal);
      case 'removal': {
        const image = await this.deps.images.connect(undefined, signal);
        const wanted = { definitions: [...plan.definitions], package: plan.package };
        return image.call('removal', wanted, { signal });
      }
      case 'replay':
        return describeReplay(this.#desk, plan, signal);
      case 'thread':
        return { action: plan.action, thread: plan.thread };
      case 'undo':
      case 'redo':
        return describeHistory(this.#desk, plan, signal);
      default:
        return {};
    }
  }

  /**
   * @param signal ends what the image is asked
   * @param changes whether the plan is to be carried out and changes the image: a read-only one is asked nothing then
   */
  #context(signal: AbortSignal, changes = false): PlanContext {
    const connect = async () => {
      const image = await this.deps.images.connect(undefined, signal);
      if (changes) this.#desk.refuseReadOnly(image);
      return image;
    };
    return {
      encoding: this.#desk.encoding,
      snapshot: (uri, version) => this.deps.documents.snapshot(uri, version),
      scratch: code => this.deps.documents.scratch(code),
      isOpen: uri => this.deps.documents.get(uri) !== undefined,
      uriOf: file => this.deps.documents.uriOf(file),
      fileOf: uri => this.deps.documents.fileOf(uri),
      definitionOfSystem: name => definitionOfSystem(this.deps.roots(), name),
      ask: async (op, args, seconds) => this.#ask(await connect(), op, args, seconds, signal),
      locate: async (symbol, packageName) => {
        const image = await connect();
        const args = { symbol, ...(packageName !== undefined && { package: packageName }) };
        return (await image.call('source', args, { signal })).locations;
      },
      written: (symbol, packageName) => this.deps.written(symbol, packageName),
      homeOf: (symbol, packageName) => this.deps.homeOf(symbol, packageName),
      loadedDigest: async (uri, location) => {
        const { digest, fileWriteDate } = location;
        return digest ?? (await loadedForm(this.deps.documents, uri, fileWriteDate, location))?.digest;
      },
    };
  }

  /** @param seconds how long the image may take; undefined: as long as it likes */
  async #ask<O extends Op>(
    image: Image,
    op: O,
    args: Args<O>,
    seconds: number | undefined,
    caller: AbortSignal,
  ): Promise<Result<O>> {
    if (operations[op].writes) throw new HotlispError('internal', `Planning may not ask an image to ${op}.`);
    const limit = seconds === undefined ? undefined : AbortSignal.timeout(seconds * 1000);
    const signal = limit ? AbortSignal.any([caller, limit]) : caller;
    try {
      return await image.call(op, args, { signal });
    } catch (error) {
      throw limit?.aborted && !caller.aborted ? tooLate(op, seconds!) : error;
    }
  }

  async #edit(
    { dryRun, label, uri, version, edits, report: what }: EditPlan,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (dryRun) return { status: 'unchanged', dry_run: true, ...what };
    const tooLong = AbortSignal.timeout(editWithin);
    const end = AbortSignal.any([signal, tooLong]);
    const problem = await Promise.race([
      this.deps.editor.edit(label, uri, version, edits),
      aborted(end),
    ]).catch((error: unknown) => {
      throw signal.aborted ? error : new HotlispError('timeout', unanswered);
    });
    if (problem !== undefined) throw new HotlispError('stale', `The buffer was not edited: ${problem}.`);
    return { status: 'applied', dry_run: false, ...what };
  }

  async #query(plan: QueryPlan, call: Call): Promise<unknown> {
    const image = await this.deps.images.connect(undefined, call.signal);
    const answer = await this.#ask(image, plan.op, plan.args, plan.seconds, call.signal).catch(
      (error: unknown) => {
        throw plan.blames !== undefined && error instanceof HotlispError && error.kind === 'invalid-arguments'
          ? new HotlispError(error.kind, error.message, { ...error.details, path: plan.blames })
          : error;
      },
    );
    return plan.report(answer, this.#context(call.signal));
  }
}

const tooLate = (op: Op, seconds: number) =>
  new HotlispError('timeout', `The image did not finish ${op} within ${seconds} s; it was told to give up.`);

const isTimed = (result: unknown): result is { duration_ms: number } =>
  typeof result === 'object' &&
  result !== null &&
  'duration_ms' in result &&
  typeof result.duration_ms === 'number';

/** To a microsecond. */
const rounded = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;
