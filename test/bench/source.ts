/**
 * `npm run bench:source`: what a keystroke costs beside a full parse of the same buffer and SBCL's own reader over the same text.
 * All in one run, interleaved, so that a busy machine slows all of it alike; medians and their ratios count. Nothing is asserted but
 * the targets that are printed; figures go to build/bench-source.json.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { Language, Parser } from 'web-tree-sitter';
import { outlineSteps } from '../../server/features/documentSymbol.ts';
import { Editor } from '../support/lspClient.ts';
import { FRAME } from '../load/probe.ts';
import { holdsIn } from './holds.ts';
import { holdsInLongForms } from './longForms.ts';
import { inventory } from './texts.ts';
import { finish } from '../../server/source/slices.ts';
import { createSource, type Snapshot, type SourceDocument } from '../../server/source/index.ts';

const ROUNDS = Number(process.env['HOTLISP_BENCH_ROUNDS'] ?? 300);
const FULL = 9;
const SIZES = [200, 2000, 20_000] as const;
const wasm = {
  runtimeWasm: 'node_modules/web-tree-sitter/web-tree-sitter.wasm',
  grammarWasm: 'grammar-wasm/tree-sitter-commonlisp.wasm',
};

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/** Of so many lines at most. */
function textOf(lines: number): string {
  const text = inventory(lines).split('\n').slice(0, lines).join('\n');
  // without the form that the last line cuts
  return text.slice(0, text.lastIndexOf('\n\n(') + 1);
}

function quantile(times: readonly number[], at: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))]!;
}
const median = (times: readonly number[]): number => quantile(times, 0.5);

/** Milliseconds that `work` takes. */
function timed(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

/** The outline as it is sent, bytes included. */
const outline = (snapshot: Snapshot): Buffer =>
  Buffer.from([...finish(outlineSteps(snapshot, 'utf-16')).pieces()].join(''));

/** What an editor needs after a keystroke: the problems, and the form at the cursor. */
const known = (snapshot: Snapshot, at: number): unknown => [
  snapshot.problems.length,
  snapshot.formAt(at)?.span,
];

const KEYSTROKES = { letter: 'x', open: '(', quote: '"', bar: '|', comment: '#|' } as const;

/** Types something in the middle of a form and deletes it again. */
function keystroke(document: SourceDocument, at: number, text: string): number[] {
  return [
    timed(() => known(document.apply([{ range: { start: at, end: at }, text }], 2), at)),
    timed(() => known(document.apply([{ range: { start: at, end: at + text.length }, text: '' }], 3), at)),
  ];
}

/** Milliseconds that SBCL's reader takes for a text, with *READ-SUPPRESS*: the median of some runs in one image. */
function sbclReader(text: string): number | undefined {
  const directory = mkdtempSync(path.join(tmpdir(), 'hotlisp-bench-'));
  try {
    const file = path.join(directory, 'text.lisp');
    writeFileSync(file, text);
    const program = `(let ((text (with-open-file (s ${JSON.stringify(file)} :external-format :utf-8)
                         (let* ((b (make-string (file-length s))) (n (read-sequence b s))) (subseq b 0 n)))) (times '()))
      (dotimes (i ${FULL})
        (flet ((now () (multiple-value-bind (s ns) (sb-unix::clock-gettime 1) (+ (* s 1000000000) ns))))
          (let ((begun (now)) (*read-suppress* t))
            (with-input-from-string (s text) (loop until (eq (read s nil s) s) while (peek-char t s nil nil)))
            (push (- (now) begun) times))))
      (format t "~f" (/ (nth ${FULL >> 1} (sort times #'<)) 1000000.0)))`;
    const out = execFileSync(
      process.env['SBCL'] ?? 'sbcl',
      ['--noinform', '--no-sysinit', '--no-userinit', '--non-interactive', '--eval', program],
      {
        encoding: 'utf8',
        timeout: 120_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    return Number(out);
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The longest time that the event loop stood still while `work` went on, in milliseconds. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let on = true;
  const tick = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (on) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  tick();
  on = false;
  return longest;
}

const source = await createSource(wasm);
await Parser.init({ wasmBinary: readFileSync(wasm.runtimeWasm), locateFile: () => wasm.runtimeWasm });
const parser = new Parser();
parser.setLanguage(await Language.load(readFileSync(wasm.grammarWasm)));

const texts = new Map(SIZES.map(size => [size, textOf(size)]));
const documents = new Map([...texts].map(([size, text]) => [size, source.open(`bench:${size}`, 1, text)]));
const strokes = new Map<string, number[]>();
const record = (key: string, times: readonly number[]): void => {
  strokes.set(key, [...(strokes.get(key) ?? []), ...times]);
};
for (let round = -30; round < ROUNDS; round++)
  for (const [size, document] of documents) {
    const at = texts.get(size)!.indexOf('(item-count', texts.get(size)!.length / 2) + 3;
    for (const [name, text] of Object.entries(KEYSTROKES)) {
      const times = keystroke(document, at, text);
      if (round >= 0) record(`${name} ${size}`, times);
    }
  }

const full = new Map<string, number[]>();
for (let round = 0; round < FULL; round++)
  for (const [size, text] of texts) {
    const add = (key: string, time: number): void =>
      void full.set(`${key} ${size}`, [...(full.get(`${key} ${size}`) ?? []), time]);
    add(
      'tree-sitter',
      timed(() => parser.parse(text)!.delete()),
    );
    add(
      'open',
      timed(() => known(source.open('bench:', 1, text).snapshot, 0)),
    );
    const document = source.open('bench:', 1, text);
    known(document.snapshot, 0);
    add(
      'outline',
      timed(() => outline(document.snapshot)),
    );
    const at = text.indexOf('(item-count', text.length / 2) + 3;
    document.apply([{ range: { start: at, end: at }, text: 'x' }], 2);
    add(
      'outline after a keystroke',
      timed(() => outline(document.snapshot)),
    );
    document.apply([{ range: { start: 0, end: 0 }, text: '\n' }], 3);
    add(
      'outline after a line above all',
      timed(() => outline(document.snapshot)),
    );
  }

const memory = new Map<number, { read: number; outlined: number }>();
for (const [size, text] of texts) {
  const heap = (): number => (collect(), process.memoryUsage().heapUsed);
  const before = heap();
  // a copy: the buffer of an editor is nobody else's
  const document = source.open('bench:', 1, Buffer.from(text).toString());
  known(document.snapshot, 0);
  const read = heap() - before;
  outline(document.snapshot);
  memory.set(size, { read, outlined: heap() - before });
  document.dispose();
}

const big = `${texts.get(20_000)!}\n`;
const huge = big.repeat(Math.ceil(10_000_000 / big.length));
const openings = {
  'open 20,000 lines': (): Promise<void> => source.open('bench:', 1, big).snapshot.ready(),
  'open 10 MB': (): Promise<void> => source.open('bench:', 1, huge).snapshot.ready('forms'),
};
const holds: Record<string, number> = {};
for (const [name, open] of Object.entries(openings)) {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    collect();
    times.push(await longestHold(open));
  }
  // other work of the machine counts in none of the rounds alone
  holds[name] = Math.min(...times);
}

const ASKED = { form: 'textDocument/selectionRange', outline: 'textDocument/documentSymbol' };
type OverStdio = Record<keyof typeof ASKED, Map<number, number[]>>;

/** As an editor sees it: from didChange to the answer about the form at the cursor, and to the outline, over stdio. */
async function overStdio(): Promise<OverStdio> {
  const editor = await Editor.start({ settings: { image: { mode: 'off' } } });
  try {
    const noTimes = () => new Map<number, number[]>(SIZES.map(size => [size, []]));
    const times: OverStdio = { form: noTimes(), outline: noTimes() };
    const buffers = SIZES.map(size => {
      const text = texts.get(size)!;
      const document = editor.open(`bench-${size}.lisp`, text);
      return { size, document, at: document.positionAt(text.indexOf('(item-count', text.length / 2) + 3) };
    });
    for (const [what, method] of Object.entries(ASKED))
      for (let round = -30; round < ROUNDS; round++)
        for (const { size, document, at } of buffers) {
          const inserted = round % 2 === 0;
          const end = inserted ? at : { line: at.line, character: at.character + 1 };
          const begun = performance.now();
          document.change([{ range: { start: at, end }, text: inserted ? 'x' : '' }]);
          await editor.request(method, { textDocument: { uri: document.uri }, positions: [at] });
          if (round >= 0) times[what as keyof OverStdio].get(size)!.push(performance.now() - begun);
        }
    return times;
  } finally {
    await editor.finish();
  }
}
const stdio = await overStdio();
const held = new Map([
  ['20,000 lines', await holdsIn(20_000, 5)],
  ['10 MB', await holdsIn(300_000, 3)],
]);
const heldByForms = await holdsInLongForms(3);

const ms = (time: number): string => `${time < 1 ? time.toFixed(3) : time.toFixed(1)} ms`;
const targets: Record<string, boolean> = {};
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}; medians of ${ROUNDS * 2} keystrokes and ${FULL} full passes\n`,
);
console.log('lines'.padEnd(48) + SIZES.map(size => String(size).padStart(12)).join(''));
const row = (name: string, cells: readonly string[]): void =>
  console.log(name.padEnd(34) + cells.map(cell => cell.padStart(12)).join(''));
for (const name of Object.keys(KEYSTROKES)) {
  const [small, , large] = SIZES.map(size => median(strokes.get(`${name} ${size}`)!)) as [
    number,
    number,
    number,
  ];
  row(
    `keystroke: ${name}`,
    SIZES.map(size => ms(median(strokes.get(`${name} ${size}`)!))),
  );
  row(
    '  99 of 100 within',
    SIZES.map(size => ms(quantile(strokes.get(`${name} ${size}`)!, 0.99))),
  );
  const parse = median(full.get('tree-sitter 20000')!);
  const open = median(full.get('open 20000')!);
  row('  of a full parse / of an open', [
    `1/${(parse / large).toFixed(0)}`,
    `1/${(open / large).toFixed(0)}`,
  ]);
  row('  20,000 lines : 200 lines', [(large / small).toFixed(2)]);
  targets[`${name}: at most 1/25 of an open and of a full parse`] = large <= Math.min(parse, open) / 25;
}
{
  const [small, , large] = SIZES.map(size => median(stdio.form.get(size)!)) as [number, number, number];
  row(
    'didChange to the form, over stdio',
    SIZES.map(size => ms(median(stdio.form.get(size)!))),
  );
  row('  20,000 lines : 200 lines', [(large / small).toFixed(2)]);
  targets['over stdio: at most twice the edit in 200 lines'] = large <= 2 * small;
  row(
    'didChange to the outline, over stdio',
    SIZES.map(size => ms(median(stdio.outline.get(size)!))),
  );
}
for (const name of [
  'tree-sitter',
  'open',
  'outline',
  'outline after a keystroke',
  'outline after a line above all',
])
  row(
    name === 'tree-sitter' ? 'full parse by tree-sitter' : name,
    SIZES.map(size => ms(median(full.get(`${name} ${size}`)!))),
  );
const sbcl = SIZES.map(size => sbclReader(texts.get(size)!));
row(
  "SBCL's reader, *read-suppress*",
  sbcl.map(time => (time === undefined ? '-' : ms(time))),
);
row(
  'memory, read',
  SIZES.map(size => `${(memory.get(size)!.read / 1e6).toFixed(2)} MB`),
);
row(
  'memory, with outline',
  SIZES.map(size => `${(memory.get(size)!.outlined / 1e6).toFixed(2)} MB`),
);
for (const [name, time] of Object.entries(holds)) {
  row(`longest hold: ${name} (best of 5)`, [ms(time)]);
  targets[`${name} holds the event loop at most ${FRAME} ms`] = time <= FRAME;
}
console.log(
  `\n${'longest hold per request, over stdio'.padEnd(48)}${[...held.keys()].map(name => name.padStart(14)).join('')}`,
);
for (const name of held.get('10 MB')!.keys())
  console.log(name.padEnd(48) + [...held.values()].map(each => ms(each.get(name)!).padStart(14)).join(''));
const tables = [...heldByForms];
console.log(`\n${'in one form'.padEnd(30)}${tables.map(([name]) => name.padStart(30)).join('')}`);
for (const name of tables[0]![1].keys())
  console.log(name.padEnd(30) + tables.map(([, each]) => ms(each.get(name)!).padStart(30)).join(''));
for (const [size, requests] of [...held, ...heldByForms]) {
  const long = [...requests].filter(([, time]) => time > FRAME).map(([name]) => name);
  targets[
    `in ${size} no request holds the event loop longer than ${FRAME} ms${long.length > 0 ? ` (${long.join(', ')})` : ''}`
  ] = long.length === 0;
}
targets['outline of 2,000 lines in at most 8 ms, also after a keystroke over stdio'] =
  Math.max(median(full.get('outline 2000')!), median(stdio.outline.get(2000)!)) <= 8;
for (const [target, met] of Object.entries(targets)) console.log(`${met ? 'met   ' : 'MISSED'}  ${target}`);
mkdirSync('build', { recursive: true });
const medians = (all: ReadonlyMap<string, readonly number[]>): Record<string, number> =>
  Object.fromEntries([...all].map(([key, times]) => [key, median(times)]));
writeFileSync(
  'build/bench-source.json',
  JSON.stringify(
    {
      unit: 'ms',
      keystrokes: medians(strokes),
      stdio: Object.fromEntries(
        Object.entries(stdio).map(([what, bySize]) => [
          what,
          Object.fromEntries([...bySize].map(([size, times]) => [size, median(times)])),
        ]),
      ),
      full: medians(full),
      sbcl: Object.fromEntries(SIZES.map((size, i) => [size, sbcl[i]])),
      memory: Object.fromEntries(memory),
      holds,
      requests: Object.fromEntries(
        [...held, ...heldByForms].map(([size, requests]) => [size, Object.fromEntries(requests)]),
      ),
      targets,
    },
    null,
    1,
  ),
);
