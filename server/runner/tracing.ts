/** Traced functions: each is one call of the wire that lasts until somebody ends it, so that no image keeps a trace that nobody reads. */
import { oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Call, TracePlan } from '../operations/operation.ts';
import type { Editor } from '../ports.ts';
import { digestOfDeed } from './deeds.ts';
import type { Approved, Desk } from './desk.ts';
import { outputLog } from './output.ts';
import { since } from './report.ts';
import { toolDeed } from './tool.ts';

interface Traced {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

/** Functions that are traced at a time. */
const most = 50;
/** Milliseconds that the image has to begin. */
const beginWithin = 20_000;

export class Tracing {
  readonly #traced = new Map<string, Traced>();

  constructor(private readonly editor: Editor) {}

  /** Names with their packages: `APP::COMPUTE`, `(SETF APP::PRICE)`. */
  get names(): readonly string[] {
    return [...this.#traced.keys()];
  }

  /** Has the calls of a function logged from now on; answers its name. @throws HotlispError when the image refuses */
  async begin(image: Image, name: string, packageName: string | undefined): Promise<string> {
    if (this.#traced.size >= most)
      throw new HotlispError(
        'invalid-arguments',
        `${most} functions are traced already; end some traces with hotlisp.untrace.`,
      );
    const controller = new AbortController();
    const late = setTimeout(() => controller.abort(), beginWithin);
    const output = outputLog(this.editor, Number.POSITIVE_INFINITY);
    let began!: (label: string) => void;
    const label = new Promise<string>(resolve => (began = resolve));
    const call = image.call(
      'trace',
      { function: name, ...(packageName !== undefined && { package: packageName }) },
      {
        signal: controller.signal,
        onEvent(event) {
          if (event.event === 'progress') began(event.data.message);
          else output.onEvent(event);
        },
      },
    );
    try {
      const known = await Promise.race([label, call.then(() => Promise.reject(new Error('it ended')))]);
      // Tracing it twice would tell each call twice.
      await this.end(known);
      this.#traced.set(known, {
        controller,
        ended: this.#follow(known, call, controller, () => output.end()),
      });
      return known;
    } catch (error) {
      controller.abort();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  async #follow(
    name: string,
    call: Promise<unknown>,
    controller: AbortController,
    flush: () => void,
  ): Promise<void> {
    let why = '';
    await call.catch((error: unknown) => {
      if (!controller.signal.aborted) why = ` (${(error as Error).message})`;
    });
    flush();
    if (this.#traced.get(name)?.controller === controller) this.#traced.delete(name);
    this.editor.log('info', `${name} is not traced any more${why}.`);
  }

  /** Ends the trace of a function, or all; answers the names of those that were traced. */
  async end(name?: string): Promise<string[]> {
    const ending = [...this.#traced].filter(([each]) => name === undefined || each === name);
    for (const [, { controller }] of ending) controller.abort();
    await Promise.all(ending.map(([, { ended }]) => ended));
    return ending.map(([each]) => each);
  }
}

/** @throws HotlispError `read-only`, `unknown-symbol`, and what the image refuses */
export async function runTrace(
  desk: Desk,
  approved: Approved,
  { function: name, package: packageName }: TracePlan,
  call: Call,
  started: number,
): Promise<unknown> {
  const image = await desk.deps.images.connect(undefined, call.signal);
  desk.refuseReadOnly(image);
  const deed = toolDeed(image, approved, `(trace ${name})`, { trace: name, package: packageName }, call);
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  try {
    const traced = await desk.deps.tracing.begin(image, name, packageName);
    await desk.deps.deeds.recordOutcome(deed, call, { status: 'applied' });
    desk.deps.editor.tell('info', `${oneLine(traced)} is traced: its calls are in the log.`);
    return { function: traced, traced: desk.deps.tracing.names, duration_ms: since(started) };
  } catch (error) {
    await desk.deps.deeds.recordFailure(deed, call, error);
    throw error;
  }
}
