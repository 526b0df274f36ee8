/** A person types a form, key by key, into a sound file: are all other forms exact after each key? */
import type { SourceDocument, Source } from '../../server/source/index.ts';
import { random, type Original } from './mutations.ts';

/** How the form comes about. */
const WAYS = [
  'a form written again',
  'with paired brackets',
  'a piece of a form',
  'a new form behind one',
] as const;
export type TypingWay = (typeof WAYS)[number];

/** What is typed behind a form: everything that is half open for a while. */
const NEW = [
  '(defun new-one (x &key (y "a (b) c"))\n  "Doc with (parens\n(and column zero)\nend."\n  (format t "~a|~a" x |odd sym|) ; it\'s "quoted\n  #| block ( comment |#\n  (list #\\( #\\" y))',
  "#| put away\n(defun old () 1)\n|#\n(defvar *y* '|a b|)",
  '(defmacro m (a)\n  `(progn ,@a #\'car (list "unfinished, then finished" \'|q|)))',
  '(defvar *x* #+sbcl #(1 2 "three") #-sbcl nil)',
];
/** Longer ones teach nothing more. */
const LONGEST = 1500;

export interface TypingTally {
  sessions: number;
  keys: number;
  /** Keys after which some other form was not exact. */
  missed: number;
}

export interface TypingReport {
  readonly tallies: ReadonlyMap<TypingWay, TypingTally>;
  /** The first key of each session that missed: what was typed up to it. */
  readonly failures: readonly {
    readonly way: TypingWay;
    readonly file: string;
    readonly form: number;
    readonly typed: string;
  }[];
}

interface Session {
  /** What is taken out first, [start, end). */
  readonly gap: readonly [number, number];
  readonly typed: string;
  /** How many forms stand before the place. */
  readonly before: number;
  /** The first form behind it. */
  readonly behind: number;
}

function sessionOf(
  { text, forms }: Original,
  way: TypingWay,
  next: (below: number) => number,
): Session | undefined {
  const form = next(forms.length);
  const [start, end] = forms[form]!;
  if (way === 'a new form behind one')
    return { gap: [end, end], typed: `\n\n${NEW[next(NEW.length)]!}`, before: form + 1, behind: form + 1 };
  const whole = way !== 'a piece of a form';
  const from = whole ? start : start + 1 + next(Math.max(1, end - start - 2));
  const to = whole ? end : Math.min(end - 1, from + next(200));
  const typed = text.slice(from, to);
  if (typed === '' || typed.length > LONGEST || /[\ud800-\udfff]/.test(typed)) return undefined;
  return { gap: [from, to], typed, before: form, behind: form + 1 };
}

/** A reader conditional without its form yet takes the next one, as the reader does: there is nothing to hold against that. */
const GUARDING = /#[+-](?:[^\s()]*|\([^\n]*\)*)\s*$/;

/** Types one session and answers what was typed at each key that missed. */
function* misses(
  document: SourceDocument,
  original: Original,
  session: Session,
  paired: boolean,
): Generator<string | undefined> {
  const { forms } = original;
  const { gap, typed, before, behind } = session;
  document.apply([{ range: { start: gap[0], end: gap[1] }, text: '' }], 2);
  let moved = gap[0] - gap[1];
  let at = gap[0];
  for (const key of typed) {
    const own = gap[1] + moved;
    const over = paired && (key === ')' || key === '"') && at < own && document.snapshot.text[at] === key;
    if (!over) {
      const inserted = paired && key === '(' ? '()' : paired && key === '"' ? '""' : key;
      document.apply([{ range: { start: at, end: at }, text: inserted }], 3);
      moved += inserted.length;
    }
    at++;
    const { snapshot } = document;
    const ours = new Map(snapshot.forms.map(({ span }) => [span.start, span.end]));
    const exact = forms.every(([start, end], i) =>
      i < before ? ours.get(start) === end : i < behind || ours.get(start + moved) === end + moved,
    );
    const written = snapshot.text.slice(gap[0], at);
    yield exact || GUARDING.test(written) ? undefined : written;
  }
}

/** @param count how many sessions of each way */
export function type(
  source: Source,
  originals: readonly Original[],
  { count, seed }: { count: number; seed: number },
): TypingReport {
  const next = random(seed);
  const tallies = new Map<TypingWay, TypingTally>();
  const failures: { way: TypingWay; file: string; form: number; typed: string }[] = [];
  for (const way of WAYS) {
    const tally: TypingTally = { sessions: 0, keys: 0, missed: 0 };
    tallies.set(way, tally);
    for (let tries = 0; tally.sessions < count && tries < 20 * count; tries++) {
      const original = originals[next(originals.length)]!;
      const session = sessionOf(original, way, next);
      if (!session) continue;
      const document = source.open('typed:', 1, original.text);
      void document.snapshot.forms;
      tally.sessions++;
      let failed = false;
      for (const missed of misses(document, original, session, way === 'with paired brackets')) {
        tally.keys++;
        if (missed === undefined) continue;
        tally.missed++;
        if (!failed) failures.push({ way, file: original.file, form: session.before, typed: missed });
        failed = true;
      }
      document.dispose();
    }
  }
  return { tallies, failures };
}

/** The target that mutations have: 99.5 % of the keys. */
export function typingReport(
  source: Source,
  originals: readonly Original[],
  options: { count: number; seed: number },
): boolean {
  console.log(
    `${options.count} forms typed in each way over ${originals.length} files, seed ${options.seed}`,
  );
  const { tallies, failures } = type(source, originals, options);
  for (const { way, file, form, typed } of failures)
    console.log(`  ${way}: ${file}, form ${form}, after ${JSON.stringify(typed.slice(-60))}`);
  console.log('\nway                      forms   keys     others exact');
  let [all, exact] = [0, 0];
  for (const [way, { sessions, keys, missed }] of tallies) {
    const share = `${((100 * (keys - missed)) / keys).toFixed(3)} %`;
    console.log(`${way.padEnd(24)} ${String(sessions).padEnd(7)} ${String(keys).padEnd(8)} ${share}`);
    all += keys;
    exact += keys - missed;
  }
  const met = exact >= 0.995 * all;
  console.log(`${met ? 'met   ' : 'MISSED'}  others exact after 99.5 % of the keys`);
  return met;
}
