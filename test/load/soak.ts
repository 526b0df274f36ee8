/**
 * A long day in a short time: edits, questions, reloads, rollbacks, evaluations, saves, buffers closed and opened, errors. What server and image keep is
 * looked at all the while, after their garbage was collected; whatever they keep for later is bounded, so it has to stay the same once that is full.
 */
import { readFileSync } from 'node:fs';
import { mib, percentile, slope } from './figures.ts';
import { FRAME } from './probe.ts';
import { questions, Session } from './session.ts';

export interface SoakBounds {
  readonly files: number;
  /** Operations that fill what is kept for later: transactions, outcomes, pages. */
  readonly warmUp: number;
  /** At least so long, and at least so many edits, after the warm-up. */
  readonly seconds: number;
  readonly edits: number;
  readonly samples: number;
  /** An edit is typed this often; 0: as fast as it goes. */
  readonly editsPerSecond: number;
}

/** Bytes, but for `minutes` and `threads`. */
export interface Sample {
  readonly minutes: number;
  readonly serverHeap: number;
  readonly threadsHeap: number;
  readonly serverOutside: number;
  readonly serverResident: number;
  /** Of that, what V8 keeps of its heaps for what comes: it rises and falls by tens of MiB with what was done just before. */
  readonly serverFree: number;
  readonly imageHeap: number;
  readonly imageResident: number;
  readonly imageThreads: number;
}

export interface Soak {
  readonly samples: readonly Sample[];
  readonly minutes: number;
  readonly edits: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly holds: readonly number[];
}

const asked = Object.keys(questions);

/** @throws Error when an answer does not hold, or when buffers or image are not what was typed and reloaded */
export async function soak(bounds: SoakBounds, told: (sample: Sample) => void = () => {}): Promise<Soak> {
  const session = await Session.start(bounds.files, 11);
  try {
    for (const kind of asked) await session.ask(kind);
    const counts = new Map<string, number>();
    const day = new Day(session, counts);
    for (let n = 0; n < bounds.warmUp; n++) {
      await day.deed(n);
      if (n % 500 === 0) session.forget();
    }
    counts.clear();
    await session.probe.read({ collect: true });
    const begun = performance.now();
    const elapsed = () => (performance.now() - begun) / 1000;
    const samples: Sample[] = [];
    const holds: number[] = [];
    let edits = 0;
    while (elapsed() < bounds.seconds || edits < bounds.edits) {
      const part = Math.min(elapsed() / bounds.seconds, bounds.edits === 0 ? 1 : edits / bounds.edits);
      if (part >= samples.length / bounds.samples) {
        holds.push(...(await session.probe.read()).holds);
        const sample = await look(session, elapsed() / 60);
        samples.push(sample);
        told(sample);
        session.forget();
      }
      edits += await day.deed(edits);
      if (bounds.editsPerSecond > 0) {
        const early = edits / bounds.editsPerSecond - elapsed();
        if (early > 0) await new Promise(resolve => setTimeout(resolve, early * 1000));
      }
    }
    holds.push(...(await session.probe.read()).holds);
    const last = await look(session, elapsed() / 60);
    samples.push(last);
    told(last);
    await session.checkImage();
    await session.checkBuffers();
    const minutes = last.minutes;
    await session.finish();
    return { samples, minutes, edits, counts, holds };
  } finally {
    await session.abandon();
  }
}

/** What a person does, one thing after the other. */
class Day {
  constructor(
    private readonly session: Session,
    private readonly counts: Map<string, number>,
  ) {}

  /** Does the next thing. Answers how many edits that was. */
  async deed(n: number): Promise<number> {
    const { session } = this;
    const { editor } = session;
    if (n % 4 === 1) await this.#counted(asked[session.below(asked.length)]!, kind => session.ask(kind));
    if (n % 3 === 0) {
      await this.#counted('reload', () => session.reload());
      if (n % 30 === 0) await this.#counted('rollback and redo', () => this.#rollBackAndRedo());
      return 1;
    }
    if (n % 50 === 7)
      await this.#counted('evaluation with output', () =>
        editor.command('repl_eval', { code: '(dotimes (i 200 (list i :done)) (format t "line ~d~%" i))' }),
      );
    if (n % 50 === 17)
      await this.#counted('failed evaluation', () =>
        editor.failure('repl_eval', { code: '(error "soaked")' }),
      );
    if (n % 50 === 27)
      await this.#counted('failed compilation', async () => {
        const { status } = await editor.command('code_compile_string', {
          code: '(defun load-test::broken (x) (let ((y)) (car 1 2 3)) (no-such-macro',
          package: 'LOAD-TEST',
        });
        if (status !== 'failed') throw new Error(`broken code was ${status}`);
      });
    if (n % 50 === 37)
      await this.#counted('close and open', async () => {
        const file = session.below(session.files);
        const document = session.documents[file]!;
        document.save();
        document.close();
        session.documents[file] = editor.openFile(document.file!);
      });
    if (n % 50 === 47)
      await this.#counted('save', async () => session.documents[session.below(session.files)]!.save());
    session.edit();
    return 1;
  }

  async #counted(what: string, deed: (what: string) => Promise<unknown>): Promise<void> {
    await deed(what);
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  async #rollBackAndRedo(): Promise<void> {
    for (const command of ['rollback', 'redo']) {
      const { status } = await this.session.editor.command(command, {});
      if (status !== 'applied') throw new Error(`${command} was ${status}`);
    }
  }
}

async function look(session: Session, minutes: number): Promise<Sample> {
  // What is done later, such as diagnostics of the last edit, is done first.
  await new Promise(resolve => setTimeout(resolve, 500));
  const code = `(progn (sb-ext:gc :full t)
    (list (sb-kernel:dynamic-usage) (length (sb-thread:list-all-threads)) (sb-unix:unix-getpid)))`;
  const { values } = await session.editor.command('repl_eval', { code }, 120_000);
  const [imageHeap, imageThreads, pid] = values![0]!.slice(1, -1).split(' ').map(Number);
  const server = await session.probe.read({ collect: true });
  return {
    minutes,
    serverHeap: server.heapUsed,
    threadsHeap: server.threadsHeapUsed,
    serverOutside: server.external + server.arrayBuffers,
    serverResident: server.rss,
    serverFree: server.heapsFree,
    imageHeap: imageHeap!,
    imageResident: resident(pid!),
    imageThreads: imageThreads!,
  };
}

/** Bytes of memory that a process holds; 0 where that cannot be told. */
function resident(pid: number): number {
  try {
    return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export interface Growth {
  readonly what: string;
  readonly first: number;
  readonly last: number;
  /** Of a line through all samples, over the whole time; bytes. */
  readonly growth: number;
  readonly perHour: number;
  readonly allowed: number;
}

/** How each figure grew, and how much of that counts as none. */
export function growths({ samples, minutes }: Pick<Soak, 'samples' | 'minutes'>): Growth[] {
  const of = (what: string, value: (sample: Sample) => number, part: number): Growth => {
    const points = samples.map(sample => ({ x: sample.minutes, y: value(sample) }));
    const perMinute = slope(points);
    return {
      what,
      first: points[0]!.y,
      last: points.at(-1)!.y,
      growth: perMinute * minutes,
      perHour: perMinute * 60,
      allowed:
        part *
          percentile(
            points.map(p => p.y),
            0.5,
          ) +
        2 * 2 ** 20,
    };
  };
  return [
    of('server, live heap of its main thread', sample => sample.serverHeap, 0.03),
    of('server, live heap of its other thread', sample => sample.threadsHeap, 0.03),
    of('server, outside of them', sample => sample.serverOutside, 0.03),
    of(
      'server, resident but for free parts of its heaps',
      sample => sample.serverResident - sample.serverFree,
      0.1,
    ),
    of('image, live heap', sample => sample.imageHeap, 0.03),
    of('image, resident', sample => sample.imageResident, 0.1),
  ];
}

export const grown = (all: readonly Growth[]): Growth[] =>
  all.filter(({ growth, allowed }) => growth > allowed);

export const inWords = ({
  minutes,
  serverHeap,
  threadsHeap,
  serverOutside,
  serverResident,
  serverFree,
  imageHeap,
  imageResident,
  imageThreads,
}: Sample): string =>
  `${minutes.toFixed(1).padStart(6)} min   server ${mib(serverHeap)} + ${mib(threadsHeap)} + ${mib(serverOutside)} MiB live, ${mib(serverResident)} resident, ${mib(serverFree)} of it free   image ${mib(imageHeap)} MiB live, ${mib(imageResident)} resident, ${imageThreads} threads`;

export const longHolds = (holds: readonly number[]): number => holds.filter(held => held > FRAME).length;
