/** Where faults are made: a program, a proxy before it, a server attached through it, an editor; each made anew after it was broken. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { operations as wire } from '../../server/image/protocol.ts';
import { Surroundings } from '../support/images.ts';
import { RpcError } from '../support/jsonRpc.ts';
import { Editor, repository, type TextDocument } from '../support/lspClient.ts';
import { commandLine, survivors } from '../support/processes.ts';
import { within } from '../support/wait.ts';
import { SmallDisk } from './disk.ts';
import { describeStep, type Fault, type Hands, type Step } from './faults.ts';
import type { OperationCase, Stage } from './operations.ts';
import { placeIn, Program, text, type Place } from './program.ts';
import { AgentProxy, type Passing } from './proxy.ts';
import type { WireName } from './wires.ts';

const INVALID_PARAMS = -32602;
/** Milliseconds until a request whose image was stopped is taken back. */
const patience = 150;

interface JournalLine {
  readonly event: string;
  readonly operation: string;
  readonly decision?: string;
  readonly outcome?: { readonly status: string };
}

type Settled = { readonly value: unknown } | { readonly error: Error };

export class FaultBench {
  readonly #surroundings = new Surroundings();
  readonly #place: Place;
  readonly #disk = new SmallDisk(this.#surroundings.make('disk'));
  readonly #journal = path.join(this.#disk.folder, 'journal', 'journal.ndjson');
  readonly #clock = path.join(this.#surroundings.folder, 'clock');
  #program: Program | undefined;
  #proxy: AgentProxy | undefined;
  #editor: Editor | undefined;
  /** Whether the editor shows prompts. */
  #prompts = true;
  #document!: TextDocument;

  constructor(wire: WireName = 'socket') {
    this.#place = placeIn(this.#surroundings, wire);
    mkdirSync(path.dirname(this.#journal), { mode: 0o700 });
  }

  /** The calls that the operation makes when nothing goes wrong. */
  async callsOf(operation: OperationCase): Promise<readonly string[]> {
    const stage = await this.#ready(operation);
    const argument = await operation.arrange(stage);
    this.#proxy!.watch({ connecting: operation.connects });
    await this.#succeed(operation, stage, argument);
    return this.#proxy!.ops;
  }

  /** Makes the fault at the step of the operation. @throws Error saying what came of it that must not */
  async try(operation: OperationCase, fault: Fault, step: Step): Promise<void> {
    const stage = await this.#ready(operation);
    const proxy = this.#proxy!;
    const argument = await operation.arrange(stage);
    await stage.program.lisp('(fingerprint:remember "SHOP")');
    const journalled = this.#journalLines().length;
    let struck = false;
    let writeAsked = false;
    const request = { id: 0 };
    const hands = this.#hands(stage, request);
    const at = (passing: Passing) => {
      writeAsked ||= passing.phase === 'asked' && isWrite(passing);
      if (struck || step.at !== passing.phase || step.index !== passing.index) return 'pass';
      struck = true;
      return fault.strike?.(hands, passing) ?? 'pass';
    };
    proxy.watch({ at, connecting: operation.connects });
    if (operation.asks && !operation.withoutPrompts)
      void stage.editor.expectPrompt(/./, async () => {
        if (step.at !== 'prompt') return 'Approve';
        struck = true;
        await fault.strike?.(hands, undefined);
        return fault.answer === undefined ? 'Approve' : fault.answer;
      });
    const { id, reply } = stage.editor.rpc.start('workspace/executeCommand', {
      command: `hotlisp.${operation.command ?? operation.name}`,
      arguments: [argument],
    });
    request.id = id;
    if (step.at === 'sent' || (step.at === 'prompt' && operation.withoutPrompts)) {
      struck = true;
      await fault.strike?.(hands, undefined);
    }
    const answered = operation.answer?.(stage, argument).then(
      () => undefined,
      // Of a question that was taken back meanwhile there is nothing to answer.
      (error: Error) => (error instanceof RpcError && error.code === INVALID_PARAMS ? undefined : error),
    );
    const settled: Settled = await within(
      'the one reply',
      reply.then(
        value => ({ value }),
        (error: Error) => ({ error }),
      ),
      (fault.seconds ?? 20) * 1000,
    );
    if (!struck) throw new Error(`the step never came; the calls were ${proxy.ops.join(', ')}`);
    const ops = proxy.ops;
    this.#judge(operation, fault, step, settled, describeStep(step, ops));
    const unanswered = await answered;
    if (unanswered && !ends(fault))
      throw new Error(`the answer to the question came to ${unanswered.message}`);
    if (!ends(fault)) this.#overWith(stage.editor);
    await stage.program.recover();
    if (ends(fault)) await this.#serverEnds();
    else await operation.finish?.(stage, argument).catch(() => undefined);
    if (fault.journal === 'lost') mkdirSync(path.dirname(this.#journal), { recursive: true, mode: 0o700 });
    const lines = this.#journalLines()
      .slice(fault.journal === 'lost' ? 0 : journalled)
      .filter(line => line.operation === (operation.journalled ?? operation.name));
    await this.#compare(stage.program, lines, writeAsked, fault);
    if (stage.program.isWorn) await stage.program.kill();
    const again = await this.#ready(operation);
    await this.#succeed(operation, again, await operation.arrange(again));
  }

  /** Ends everything; fails when the server left a process behind or did not keep to the protocol. */
  async close(): Promise<void> {
    try {
      await this.#editor?.finish();
    } finally {
      await this.#proxy?.close();
      await this.#program?.kill();
      this.#disk.close();
      this.#surroundings.remove();
    }
  }

  #hands(stage: Stage, request: { id: number }): Hands {
    const { editor, program } = stage;
    return {
      killProgram: () => program.shoot(),
      stopProgram: () => program.stop(),
      cutConnection: () => this.#proxy!.cut(),
      drip: () => this.#proxy!.drip(),
      splitCharacters: () => this.#proxy!.splitCharacters(),
      fillHeap: () => program.fillHeap(),
      exhaustStack: op => program.exhaustStack(op),
      engageThread: () => program.engageThread(),
      silenceClient: () => asked.forEach(method => editor.silentTo.add(method)),
      confuseClient: () => asked.forEach(method => editor.nonsenseTo.add(method)),
      setClockBack: () => writeFileSync(this.#clock, String(-86_400_000)),
      fillDisk: () => this.#disk.fill(this.#journal, editor.pid),
      refuseWriting: () => this.#disk.refuseWriting(path.dirname(this.#journal), this.#journal, editor.pid),
      removeJournal: () => rmSync(path.dirname(this.#journal), { recursive: true, force: true }),
      tearJournal: () => appendFileSync(this.#journal, '{"time":"'),
      killServer: () => process.kill(editor.pid, 'SIGKILL'),
      closeInput: () => editor.hangUp(),
      cancelSoon: () => setTimeout(() => editor.rpc.notify('$/cancelRequest', { id: request.id }), patience),
    };
  }

  #judge(operation: OperationCase, fault: Fault, step: Step, settled: Settled, where: string): void {
    if (ends(fault)) return;
    const leadsTo = [...fault.leadsTo];
    // It may be done with before it comes to that.
    if (step.at === 'sent') leadsTo.push('works');
    if (fault.leadsTo.some(each => each !== 'works')) leadsTo.push(...(operation.leadsTo ?? []));
    const got = 'error' in settled ? settled.error : settled.value;
    const kind =
      got instanceof RpcError
        ? got.kind
        : got instanceof Error
          ? 'no reply'
          : (got as { status?: string })?.status;
    if (leadsTo.includes('works') && !('error' in settled)) return;
    if (leadsTo.includes(kind ?? '')) return;
    const shown = got instanceof Error ? `${kind}: ${got.message}` : JSON.stringify(got)?.slice(0, 500);
    throw new Error(`${where}: it came to ${shown}`);
  }

  /** The image is as it was before, or as the journal says; what the journal cannot know it says it does not. */
  async #compare(
    program: Program,
    lines: readonly JournalLine[],
    writeAsked: boolean,
    fault: Fault,
  ): Promise<void> {
    const outcome = lines.filter(line => line.event === 'outcome').at(-1)?.outcome?.status;
    const said = `the journal says ${JSON.stringify(lines.map(line => line.decision ?? line.outcome?.status))}`;
    // Where entries are refused or lost, nothing is asked for without one, and the outcome may be unknown.
    const whole = fault.journal === undefined;
    if (writeAsked && fault.journal !== 'lost' && !lines.some(line => line.event === 'decision'))
      throw new Error(`a change was asked for without a decision in the journal: ${said}`);
    if (writeAsked && whole && !ends(fault) && outcome === undefined)
      throw new Error(`a change was asked for, and its outcome is not in the journal: ${said}`);
    // What a server sends into a connection that breaks at that moment it does not know to have got lost.
    const mayBeLost = outcome === 'unknown' && fault.leadsTo.includes('image-lost');
    // An approval that was not used says so.
    const unused = outcome === 'failed' || outcome === 'unchanged';
    if (!writeAsked && outcome !== undefined && !unused && !mayBeLost)
      throw new Error(`no change was asked for: ${said}`);
    if (!program.isAlive) return;
    await this.#quiet(program);
    const mayDiffer =
      outcome === 'applied' || outcome === 'unknown' || ((ends(fault) || !whole) && writeAsked);
    if (!mayDiffer && (await program.isChanged())) throw new Error(`the image was changed, but ${said}`);
  }

  /** Nothing of ours goes on in the image once nobody waits for it. */
  async #quiet(program: Program): Promise<void> {
    const end = Date.now() + 15_000;
    while ((await program.busyThreads()) > 0)
      if (Date.now() > end) throw new Error('a request goes on in the image, with nobody who waits for it');
      else await new Promise(resolve => setTimeout(resolve, 20));
  }

  async #serverEnds(): Promise<void> {
    const editor = this.#editor!;
    this.#editor = undefined;
    const children = editor.children();
    await editor.ended();
    const left = await survivors(children);
    await editor.abandon();
    if (left.length > 0) throw new Error(`the server left behind ${left.map(commandLine).join(', ')}`);
  }

  /** What was broken for this editor and its disk is whole again. */
  #overWith(editor: Editor): void {
    editor.forgetExpectedPrompts();
    editor.silentTo.clear();
    editor.nonsenseTo.clear();
    rmSync(this.#clock, { force: true });
    this.#disk.free();
  }

  async #succeed(operation: OperationCase, stage: Stage, argument: Record<string, unknown>): Promise<void> {
    const { editor } = stage;
    if (operation.asks && !operation.withoutPrompts) void editor.expectPrompt(/./, 'Approve');
    const outcome = editor.command<unknown>(operation.command ?? operation.name, argument);
    const [result] = await Promise.all([outcome, operation.answer?.(stage, argument)]);
    const status = (result as { status?: string } | null)?.status;
    if (operation.asks && status !== 'applied' && status !== 'unchanged')
      throw new Error(`the next ${operation.name} came to ${JSON.stringify(result).slice(0, 800)}`);
    await operation.finish?.(stage, argument);
  }

  /** Everything in order for the operation, and the image as its files say. */
  async #ready({ withoutPrompts = false }: OperationCase): Promise<Stage> {
    this.#proxy ??= await AgentProxy.start(this.#surroundings.make('front'), this.#place.wire, () =>
      this.#program!.reach(),
    );
    this.#proxy.watch();
    if (!this.#program?.isAlive) {
      await this.#program?.kill();
      this.#program = await Program.start(this.#place);
    }
    if (this.#prompts === withoutPrompts) {
      await this.#editor?.finish();
      this.#editor = undefined;
      this.#prompts = !this.#prompts;
    }
    if (!this.#editor) {
      this.#editor = await Editor.start({
        root: this.#place.root,
        env: {
          XDG_RUNTIME_DIR: this.#surroundings.run,
          HOTLISP_TEST_CLOCK: this.#clock,
          NODE_OPTIONS: `--import=${pathToFileURL(path.join(repository, 'test/faults/clock.mjs')).href}`,
        },
        settings: {
          image: { mode: 'attach', address: this.#proxy.address },
          journal: { directory: path.dirname(this.#journal) },
          approval: { timeoutSeconds: 5 },
          verify: [{ when: { package: 'SHOP' }, form: '(integerp 1)' }],
        },
      });
      this.#document = this.#editor.openFile(this.#place.file);
    }
    await this.#program.baseline();
    if (this.#document.text !== text) this.#document.set(text);
    return {
      editor: this.#editor,
      document: this.#document,
      program: this.#program,
      root: this.#place.root,
    };
  }

  #journalLines(): JournalLine[] {
    if (!existsSync(this.#journal)) return [];
    return readFileSync(this.#journal, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .flatMap(line => {
        try {
          return [JSON.parse(line) as JournalLine];
        } catch {
          return []; // torn
        }
      });
  }
}

/** What a server asks its client, prompts but for. */
const asked = [
  'client/registerCapability',
  'window/showDocument',
  'window/workDoneProgress/create',
  'workspace/applyEdit',
  'workspace/configuration',
  'workspace/codeLens/refresh',
  'workspace/inlayHint/refresh',
  'workspace/semanticTokens/refresh',
];

const ends = ({ leadsTo }: Fault): boolean => leadsTo.includes('ended');

const isWrite = ({ op }: Passing): boolean => wire[op as keyof typeof wire]?.writes === true;
