/** Latencies of every kind of request: one at a time, then with edits all the while and many in flight, then with the image's processor time taken as well. */
import { questions, Session } from './session.ts';

export interface LatencyBounds {
  readonly files: number;
  readonly seconds: number;
  readonly editsPerSecond: number;
  readonly inFlight: number;
}

export interface Phase {
  readonly name: string;
  /** Milliseconds by kind of request. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  readonly edits: number;
  readonly seconds: number;
  /** Milliseconds, of more than 4, for which the server's event loop was held. */
  readonly holds: readonly number[];
}

/** Threads of the image that compute and allocate without an end, until told to stop. */
const spin = (threads: number) => `(progn
  (defvar cl-user::*spinning* t)
  (setf cl-user::*spinning* t)
  (dotimes (n ${threads} t)
    (sb-thread:make-thread
      (lambda ()
        (loop while cl-user::*spinning*
              for list = (loop for i below 2000 collect (* i 1.5d0))
              do (setf list (sort list #'>))))
      :name "spinner")))`;

const kinds = [...Object.keys(questions), 'reload'];

/** @throws Error when an answer does not hold, or when at the end a buffer or the image is not what was typed and reloaded */
export async function measureLatencies(bounds: LatencyBounds): Promise<Phase[]> {
  const session = await Session.start(bounds.files, 7);
  try {
    // What is compiled, read or asked for the first time is not what a day consists of.
    for (const kind of kinds) for (let n = 0; n < 5; n++) await request(session, kind);
    const phases = [
      await phase('idle', session, { ...bounds, editsPerSecond: 0, inFlight: 1 }),
      await phase('under load', session, bounds),
    ];
    await session.editor.evaluate(spin(2));
    phases.push(await phase('and a busy image', session, bounds));
    await session.editor.evaluate('(setf cl-user::*spinning* nil)');
    await session.checkImage();
    await session.checkBuffers();
    await session.finish();
    return phases;
  } finally {
    await session.abandon();
  }
}

const request = async (session: Session, kind: string): Promise<void> => {
  if (kind === 'reload') await session.reload();
  else await session.ask(kind);
};

async function phase(
  name: string,
  session: Session,
  { seconds, editsPerSecond, inFlight }: LatencyBounds,
): Promise<Phase> {
  await session.probe.read();
  const begun = performance.now();
  const end = begun + seconds * 1000;
  const times = new Map(kinds.map(kind => [kind, [] as number[]]));
  let edits = 0;
  let turn = 0;
  const typing = (async () => {
    while (editsPerSecond > 0 && performance.now() < end) {
      for (const due = ((performance.now() - begun) / 1000) * editsPerSecond; edits < due; edits++)
        session.edit();
      await new Promise(resolve => setTimeout(resolve, 1000 / editsPerSecond));
    }
  })();
  const asking = Array.from({ length: inFlight }, async () => {
    while (performance.now() < end) {
      const kind = kinds[turn++ % kinds.length]!;
      const asked = performance.now();
      await request(session, kind);
      times.get(kind)!.push(performance.now() - asked);
    }
  });
  await Promise.all([typing, ...asking]);
  const elapsed = (performance.now() - begun) / 1000;
  const { holds } = await session.probe.read();
  session.forget();
  return { name, times, edits, seconds: elapsed, holds };
}
