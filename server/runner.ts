/**
 * The only pipeline: plan, assess, approve, journal, call the image, verify, journal, report.
 * Nothing else calls an operation of the wire that writes.
 */
import { randomUUID } from 'node:crypto';
import { displayDefinition, listed, oneLine } from './approval/display.ts';
import type { Approval, ApprovalKind } from './approval/approver.ts';
import type { Journal } from './approval/journal.ts';
import { assess, type Assessed } from './assess.ts';
import { digestOfDeed, type Deed, type Deeds } from './deeds.ts';
import type { Documents } from './documents.ts';
import { HotlispError } from './errors.ts';
import { transactionsOf } from './history.ts';
import { wireKind } from './image/connection.ts';
import type { Image } from './image/image.ts';
import type { Args, Change, Note, Op, Result } from './image/protocol.ts';
import type { Images } from './images.ts';
import type {
  Call,
  ChangePlan,
  EditPlan,
  EvalPlan,
  HistoryPlan,
  Plan,
  PlanContext,
  PlannedOperation,
  PlannedForm,
  QueryPlan,
} from './operations/operation.ts';
import { outputLog } from './output.ts';
import type { Editor } from './ports.ts';
import { PreviousSources, diffOf } from './previous.ts';
import * as report from './report.ts';
import type { Settings } from './settings.ts';
import type { PositionEncoding } from './source/types.ts';
import { rulesFor } from './verify.ts';

export interface RunnerDependencies {
  readonly editor: Editor;
  readonly settings: () => Settings;
  readonly documents: Documents;
  readonly images: Images;
  readonly deeds: Deeds;
  readonly journal: () => Journal;
  readonly encoding: () => PositionEncoding;
  /** Shows the image's notes on these forms in place of those of their last reload. */
  readonly showNotes: (forms: readonly PlannedForm[], notes: readonly Note[]) => void;
  /** Called once a change left threads in the code it replaced. */
  readonly onOldCode: (image: Image, transaction: string, title: string) => void;
}

export class Runner {
  readonly #previous: PreviousSources;
  #previousOf = '';

  constructor(private readonly deps: RunnerDependencies) {
    this.#previous = new PreviousSources(uri => deps.documents.onDisk(uri).catch(() => undefined));
  }

  /** Plans and carries out an operation of the catalogue that has a plan. @throws HotlispError */
  async run(operation: PlannedOperation, args: unknown, call: Call): Promise<unknown> {
    const started = performance.now();
    const plan = await this.plan(operation, args);
    call.signal.throwIfAborted();
    switch (plan.type) {
      case 'answer':
        return plan.value;
      case 'edit':
        return this.#edit(plan);
      case 'change':
        return this.#change(operation.name, operation.approval!, plan, call, started);
      case 'undo':
      case 'redo':
        return this.#history(operation.name, operation.approval!, plan, call, started);
      case 'eval':
        return this.#evaluate(operation.name, operation.approval!, plan, call, started);
      case 'query':
        return this.#query(plan, call);
    }
  }

  async plan(operation: PlannedOperation, args: unknown): Promise<Plan> {
    return operation.plan(args, this.#context);
  }

  /** What a change would do, without asking anybody. @throws HotlispError */
  async preview(plan: ChangePlan): Promise<Assessed> {
    return assess(await this.#imageFor(plan), plan, this.deps.documents);
  }

  get #context(): PlanContext {
    return {
      encoding: this.#encoding,
      snapshot: (uri, version) => this.deps.documents.snapshot(uri, version),
      scratch: code => this.deps.documents.scratch(code),
      isOpen: uri => this.deps.documents.get(uri) !== undefined,
      uriOf: file => this.deps.documents.uriOf(file),
      fileOf: uri => this.deps.documents.fileOf(uri),
      locate: async (symbol, packageName) => {
        const image = await this.deps.images.connect(undefined);
        const args = { symbol, ...(packageName !== undefined && { package: packageName }) };
        return (await image.call('source', args)).locations;
      },
    };
  }

  // ------------------------------------------------------------------ changes

  async #change(
    operation: string,
    kind: ApprovalKind,
    plan: ChangePlan,
    call: Call,
    started: number,
  ): Promise<report.OperationResult> {
    if (plan.broken.length > 0) return report.brokenResult(plan, this.#encoding, started);
    if (plan.forms.length === 0)
      return { ...report.emptyResult, status: 'unchanged', duration_ms: report.since(started) };
    const image = await this.#imageFor(plan, call.signal);
    this.#refuseReadOnly(image);
    let granted: { approval: Approval; digest: string; transaction: string } | undefined;
    for (;;) {
      const assessed = await assess(image, plan, this.deps.documents, call.signal);
      if (assessed.forms.length === 0)
        return { ...report.emptyResult, status: 'unchanged', duration_ms: report.since(started) };
      const transaction = granted?.transaction ?? randomUUID();
      const deed = await this.#changeDeed(operation, kind, plan, assessed, image, transaction, call);
      const digest = digestOfDeed(deed);
      // Another server changed the image meanwhile: what was approved still stands only if it would do exactly the same.
      if (granted?.digest !== digest) {
        const approval = await this.deps.deeds.approve(deed, call);
        approval.consume(digest);
        granted = { approval, digest, transaction };
      }
      const change = await this.#applyUnlessStale(image, deed, assessed, call);
      if (change) return this.#finishChange(plan, deed, assessed, change, call, started);
    }
  }

  async #changeDeed(
    operation: string,
    kind: ApprovalKind,
    plan: ChangePlan,
    { forms, assessments, threads }: Assessed,
    image: Image,
    transaction: string,
    call: Call,
  ): Promise<Deed> {
    const sources = await Promise.all(
      forms.map(async form => ({ form, before: await this.#previousSources(image).of(form) })),
    );
    return {
      operation,
      kind,
      image,
      bound: {
        forms: forms.map(({ wire }) => wire),
        effects: assessments.map(({ definition, class: effect, hazard }) => ({ definition, effect, hazard })),
      },
      message: report.changeQuestion(call.request, { ...plan, forms }, image.title, assessments, threads),
      hazardous: assessments.some(each => each.class === 'hazardous'),
      buffers: plan.buffers,
      transaction,
      definitions: assessments.map(({ definition }) => definition),
      source: sources.map(({ form: { wire }, before }) => ({
        before,
        after: wire.text,
        file: wire.file ?? null,
        package: wire.package,
      })),
      diff: async () => diffOf(sources),
    };
  }

  /** The image's answer; undefined when the image changed since it was assessed, and nothing was done. */
  async #applyUnlessStale(
    image: Image,
    deed: Deed,
    { forms, generation }: Assessed,
    call: Call,
  ): Promise<Change | undefined> {
    try {
      const args = { transaction: deed.transaction!, generation, forms: forms.map(({ wire }) => wire) };
      return await this.#call(image, 'apply', args, call.signal);
    } catch (error) {
      if (wireKind(error) === 'stale-generation') return undefined;
      await this.deps.deeds.recordFailure(deed, call, error);
      throw error;
    }
  }

  async #finishChange(
    plan: ChangePlan,
    deed: Deed,
    assessed: Assessed,
    change: Change,
    call: Call,
    started: number,
  ): Promise<report.OperationResult> {
    const { forms, assessments } = assessed;
    const result = report.changeResult(change, forms, assessments, this.#encoding, started);
    const verified = change.status === 'applied' ? await this.#verify(deed, forms, call) : undefined;
    const status = verified === undefined ? change.status : 'rolled-back';
    await this.deps.deeds.recordOutcome(deed, call, {
      status,
      ...(verified && { message: verified }),
      ...(change.remains.length > 0 && { remains: change.remains }),
    });
    this.deps.showNotes(forms, change.notes);
    if (status === 'applied') {
      this.#previousSources(deed.image).remember(forms);
      if (change.threads.length > 0) this.deps.onOldCode(deed.image, change.transaction, plan.title);
    }
    const failure = verified && {
      status: 'rolled-back' as const,
      notes: [...result.notes, { severity: 'error' as const, message: verified, uri: null, range: null }],
    };
    return { ...result, ...failure, duration_ms: report.since(started) };
  }

  /** Runs the rules that the change falls under; on the first that fails the change is taken back, and why is answered. */
  async #verify(deed: Deed, forms: readonly PlannedForm[], call: Call): Promise<string | undefined> {
    for (const rule of rulesFor(this.deps.settings(), forms)) {
      const failure = await this.#failureOf(
        deed.image,
        rule.form,
        rule.when.package ?? forms[0]!.wire.package,
        rule.timeoutSeconds,
        call.signal,
      );
      if (failure === undefined) continue;
      const undone = await this.#call(deed.image, 'undo', { transaction: deed.transaction!, force: true });
      const rest = undone.remains.length > 0 ? ` What could not be put back: ${listed(undone.remains)}.` : '';
      return `Verification failed: ${oneLine(rule.form)} ${failure}.${rest}`;
    }
    return undefined;
  }

  async #failureOf(
    image: Image,
    form: string,
    packageName: string,
    seconds: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
    try {
      const { status, values, condition, notes } = await this.#call(
        image,
        'eval',
        { code: form, package: packageName, outputLimit },
        limit,
      );
      if (status === 'evaluated')
        return values[0] === 'NIL' || values.length === 0 ? 'answered NIL' : undefined;
      return condition
        ? `signalled ${condition.type}: ${oneLine(condition.text)}`
        : `cannot be read: ${oneLine(notes[0]?.message ?? '')}`;
    } catch (error) {
      return limit.aborted && !signal.aborted
        ? `did not finish within ${seconds} s`
        : oneLine((error as Error).message);
    }
  }

  // ------------------------------------------------------------------ history

  async #history(
    operation: string,
    kind: ApprovalKind,
    plan: HistoryPlan,
    call: Call,
    started: number,
  ): Promise<report.OperationResult> {
    const image = await this.deps.images.connect(undefined, call.signal);
    this.#refuseReadOnly(image);
    const past = transactionsOf(await this.deps.journal().read(), image.hello.image);
    const candidates = past.filter(({ undone }) => undone === (plan.type === 'redo'));
    const target =
      plan.transaction === undefined
        ? candidates.at(-1)
        : candidates.find(({ id }) => id === plan.transaction);
    if (!target) throw noTransaction(plan);
    const attempt = async (force: boolean, warning: string) => {
      const what = listed(target.definitions.map(displayDefinition));
      const verb = plan.type === 'undo' ? 'Roll back' : 'Do again';
      const deed: Deed = {
        operation,
        kind,
        image,
        bound: { transaction: target.id, force },
        message: `#${call.request} ${verb} ${what} in ${oneLine(image.title)}?${warning}`,
        hazardous: force,
        buffers: [],
        transaction: randomUUID(),
        definitions: target.definitions,
        diff: async () => `${verb}: ${what}\n`,
      };
      (await this.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
      try {
        const change = await this.#call(image, plan.type, { transaction: target.id, force }, call.signal);
        await this.deps.deeds.recordOutcome(deed, call, {
          status: change.status,
          target: target.id,
          remains: change.remains,
        });
        this.#previousSources(image).forget();
        if (change.threads.length > 0) this.deps.onOldCode(image, change.transaction, verb);
        return report.changeResult(change, [], [], this.#encoding, started);
      } catch (error) {
        await this.deps.deeds.recordFailure(deed, call, error);
        throw error;
      }
    };
    try {
      return await attempt(false, '');
    } catch (error) {
      if (wireKind(error) !== 'superseded') throw error;
      return attempt(true, ` Hazard: ${oneLine((error as Error).message)} It would be overwritten.`);
    }
  }

  // --------------------------------------------------------- eval and queries

  async #evaluate(
    operation: string,
    kind: ApprovalKind,
    plan: EvalPlan,
    call: Call,
    started: number,
  ): Promise<report.OperationResult> {
    const image = await this.deps.images.connect(undefined, call.signal);
    this.#refuseReadOnly(image);
    const { code, package: packageName } = plan;
    const deed: Deed = {
      operation,
      kind,
      image,
      bound: { code, package: packageName },
      message: `#${call.request} Evaluate ${oneLine(code, 300)} in ${packageName ? `package ${oneLine(packageName)} of ` : ''}${oneLine(image.title)}?`,
      hazardous: false,
      buffers: [],
      source: [{ before: null, after: code, file: null, package: packageName ?? 'COMMON-LISP-USER' }],
      diff: async () => code,
    };
    (await this.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
    const seconds = this.deps.settings().evalTimeoutSeconds;
    const limit = AbortSignal.timeout(seconds * 1000);
    try {
      const args = { code, outputLimit, ...(packageName !== undefined && { package: packageName }) };
      const answer = await this.#call(image, 'eval', args, AbortSignal.any([call.signal, limit]));
      await this.deps.deeds.recordOutcome(deed, call, {
        status: answer.status === 'evaluated' ? 'applied' : 'failed',
      });
      const notes = report.codeNotes(this.deps.documents.scratch(code), answer.notes, this.#encoding);
      if (answer.status === 'signalled') {
        const { type, text } = answer.condition!;
        throw new HotlispError('debugger-aborted', `${type}: ${text}`, {
          condition: answer.condition,
          output: answer.output,
          results: answer.results,
        });
      }
      return {
        ...report.emptyResult,
        status: answer.status === 'evaluated' ? 'applied' : 'failed',
        values: answer.values,
        results: answer.results,
        notes,
        output: answer.output,
        truncated: answer.truncated,
        package: answer.package,
        duration_ms: report.since(started),
      };
    } catch (error) {
      if (error instanceof HotlispError && error.kind === 'debugger-aborted') throw error;
      await this.deps.deeds.recordFailure(deed, call, error);
      if (limit.aborted && !call.signal.aborted)
        throw new HotlispError(
          'timeout',
          `The evaluation did not finish within ${seconds} s (hotlisp.evalTimeoutSeconds) and was cancelled.`,
        );
      throw error;
    }
  }

  async #edit({ dryRun, label, uri, version, edits, report: what }: EditPlan): Promise<unknown> {
    if (dryRun) return { status: 'unchanged', dry_run: true, ...what };
    const problem = await this.deps.editor.edit(label, uri, version, edits);
    if (problem !== undefined)
      throw new HotlispError('stale', `The buffer was not edited: ${problem}. Run the command again.`);
    return { status: 'applied', dry_run: false, ...what };
  }

  async #query(plan: QueryPlan, call: Call): Promise<unknown> {
    const image = await this.deps.images.connect(undefined, call.signal);
    return plan.report(await image.call(plan.op, plan.args, { signal: call.signal }), this.#context);
  }

  // ------------------------------------------------------------------ helpers

  get #encoding(): PositionEncoding {
    return this.deps.encoding();
  }

  async #imageFor(plan: ChangePlan, signal?: AbortSignal): Promise<Image> {
    return this.deps.images.connect(plan.forms[0]?.wire.file, signal);
  }

  #refuseReadOnly(image: Image): void {
    if (this.deps.settings()['image.readOnly'])
      throw new HotlispError(
        'read-only',
        'The setting hotlisp.image.readOnly forbids every change of the image.',
      );
    if (image.hello.readOnly)
      throw new HotlispError('read-only', `${image.title} serves read-only: it refuses every change.`);
  }

  /** What is known to be installed, for this image: another one starts from nothing. */
  #previousSources(image: Image): PreviousSources {
    if (this.#previousOf !== image.hello.image) this.#previous.forget();
    this.#previousOf = image.hello.image;
    return this.#previous;
  }

  /** A writing call whose output goes to the log as it comes. */
  async #call<O extends Op>(image: Image, op: O, args: Args<O>, signal?: AbortSignal): Promise<Result<O>> {
    const output = outputLog(this.deps.editor);
    try {
      return await image.call(op, args, { onEvent: output.onEvent, ...(signal && { signal }) });
    } finally {
      output.end();
    }
  }
}

/** Characters of output that an operation returns; the rest is cut and said to be. */
const outputLimit = 100_000;

function noTransaction({ type, transaction }: HistoryPlan): HotlispError {
  const done = type === 'undo' ? 'rolled back' : 'done again';
  const which =
    transaction === undefined
      ? 'There is no change of this image that can be'
      : `Transaction ${transaction} is not a change of this image that can be`;
  return new HotlispError('invalid-arguments', `${which} ${done}. See hotlisp.history.`, {
    path: 'transaction',
  });
}
