/**
 * `npm run bench:language`: what language features cost over stdio, in a buffer of 2,000 lines and in one of 20,000, with an image connected.
 * Before every request a letter is typed or deleted, as it is in an editor. Medians of one run, features and buffers interleaved, so that a
 * busy machine slows all of it alike. Beside them what alive-lsp, the language server of an editor's extension for Common Lisp, takes for a
 * file of 1,900 lines on such a machine: the target is a tenth of that, and at most twice as much for ten times the lines.
 *
 * Then the image is stopped: what the first answer of each feature takes, which may wait for it as long as its budget says, what the others
 * take, and what requests take that are asked behind one that waits. Figures go to build/bench-language.json.
 *
 * Another feature is another entry of `features`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { Editor, repository, usualCapabilities, type TextDocument } from '../support/lspClient.ts';
import type { Position } from '../support/lspTypes.ts';
import { inventory } from './texts.ts';

const ROUNDS = Number(process.env['HOTLISP_BENCH_ROUNDS'] ?? 60);
const WARM_UP = 10;
const SIZES = [2000, 20_000] as const;

interface Place {
  readonly textDocument: { readonly uri: string };
  readonly position: Position;
}

interface Measured {
  readonly method: string;
  /** alive-lsp's milliseconds: the least and the most that were seen. */
  readonly alive: readonly [least: number, most: number];
  /** What is asked besides the place. */
  readonly more?: object | ((place: Place) => object);
  /** Where in the form of `probe`; `¦` is the place. */
  readonly at: string;
  /** Whether an answer is one: what answers nothing is fast. */
  readonly holds: (answer: unknown, place: Place) => boolean;
}

const lines = (from: number, to: number) => ({
  start: { line: from, character: 0 },
  end: { line: to, character: 0 },
});

/** A definition in the middle of the buffer, in which everything is asked. */
const probe = `(defun probe (item rate &key round)
  (let ((subtotal (value-of-7 item)))
    (multiple-v subtotal)
    (report-7 item :stream nil)
    (list rate round subtotal)))
`;

/** The id of the tokens that a buffer was sent last. */
const lastTokens = new Map<string, string>();

const features: Readonly<Record<string, Measured>> = {
  completion: {
    method: 'textDocument/completion',
    alive: [80, 136],
    more: { context: { triggerKind: 1 } },
    at: '(multiple-v¦',
    holds: answer =>
      (answer as { items: { label: string }[] }).items.some(({ label }) => label === 'multiple-value-bind'),
  },
  'completion of a local': {
    method: 'textDocument/completion',
    alive: [80, 136],
    more: { context: { triggerKind: 1 } },
    at: 'round subt¦otal',
    holds: answer =>
      (answer as { items: { label: string }[] }).items.some(({ label }) => label === 'subtotal'),
  },
  hover: {
    method: 'textDocument/hover',
    alive: [105, 164],
    at: '((subtotal (value-o¦f-7',
    holds: answer => JSON.stringify(answer).includes('value-of-7'),
  },
  signature: {
    method: 'textDocument/signatureHelp',
    alive: [115, 115],
    at: '(report-7 item¦',
    holds: answer => JSON.stringify(answer).includes('report-7'),
  },
  definition: {
    method: 'textDocument/definition',
    alive: [109, 286],
    at: '(repo¦rt-7 item :stream',
    holds: answer => (answer as object[]).length > 0,
  },
  'definition of a local': {
    method: 'textDocument/definition',
    alive: [109, 286],
    at: 'round subt¦otal',
    holds: answer => (answer as object[]).length === 1,
  },
  references: {
    method: 'textDocument/references',
    alive: [287, 287],
    more: { context: { includeDeclaration: true } },
    at: '(repo¦rt-7 item :stream',
    holds: answer => (answer as object[]).length > 1,
  },
  'tokens of a screen': {
    method: 'textDocument/semanticTokens/range',
    alive: [125, 125],
    more: ({ position: { line } }) => ({ range: lines(line - 20, line + 40) }),
    at: '(defun probe¦',
    holds: answer => (answer as { data: number[] }).data.length > 100,
  },
  'format a form': {
    method: 'textDocument/rangeFormatting',
    alive: [99, 99],
    more: ({ position: { line } }) => ({
      range: lines(line, line + 5),
      options: { tabSize: 8, insertSpaces: true },
    }),
    at: '(defun probe¦',
    holds: answer => Array.isArray(answer),
  },
  'tokens, what changed': {
    method: 'textDocument/semanticTokens/full/delta',
    alive: [125, 125],
    more: ({ textDocument: { uri } }) => ({ previousResultId: lastTokens.get(uri) ?? '' }),
    at: '(defun probe¦',
    holds: (answer, { textDocument: { uri } }) => {
      const { resultId, data, edits } = answer as { resultId: string; data?: object; edits?: object[] };
      lastTokens.set(uri, resultId);
      return data !== undefined || (edits !== undefined && edits.length <= 1);
    },
  },
};

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!;
const median = (values: readonly number[]) => quantile(values, 0.5);

async function ask(editor: Editor, document: TextDocument, feature: Measured): Promise<number> {
  const place: Place = {
    textDocument: { uri: document.uri },
    position: document.positionOf(feature.at),
  };
  const begun = performance.now();
  const { more } = feature;
  const answer = await editor.rpc.request(feature.method, {
    ...place,
    ...(typeof more === 'function' ? more(place) : more),
  });
  const taken = performance.now() - begun;
  if (!feature.holds(answer, place))
    throw new Error(`${feature.method} answered ${JSON.stringify(answer).slice(0, 500)}`);
  return taken;
}

/** Types a blank, or deletes it again. */
function keystroke(document: TextDocument): void {
  const [without, withBlank] = ['(let ((subtotal', '(let  ((subtotal'] as const;
  if (document.text.includes(withBlank)) document.replace(withBlank, without);
  else document.replace(without, withBlank);
}

interface Measurements {
  readonly times: Record<string, Record<number, number[]>>;
  /** With the image stopped, in the smaller buffer. */
  readonly stopped: Record<
    string,
    { readonly first: number; readonly later: number[]; readonly behind: number[] }
  >;
}

const tokenCapabilities = {
  ...usualCapabilities,
  textDocument: {
    ...(usualCapabilities['textDocument'] as object),
    semanticTokens: {
      requests: { full: { delta: true }, range: true },
      tokenTypes: [
        'class',
        'parameter',
        'variable',
        'function',
        'method',
        'macro',
        'keyword',
        'comment',
        'string',
      ],
      tokenModifiers: ['definition', 'readonly', 'defaultLibrary'],
      formats: ['relative'],
    },
  },
};

async function measure(): Promise<Measurements> {
  const editor = await Editor.start({
    capabilities: tokenCapabilities,
    files: { 'packages.lisp': '(defpackage :inventory (:use :cl))\n' },
    load: ['packages.lisp'],
    settings: { approval: { eval: 'allow' } },
  });
  try {
    const [pid] = await editor.evaluate('(sb-unix:unix-getpid)');
    const documents = SIZES.map(size => editor.open(`buffer-${size}.lisp`, inventory(size, probe)));
    // the index has read them
    await editor.request('workspace/symbol', { query: 'probe' });
    const times: Record<string, Record<number, number[]>> = {};
    for (let round = -WARM_UP; round < ROUNDS; round++)
      for (const [name, feature] of Object.entries(features))
        for (const [n, size] of SIZES.entries()) {
          const document = documents[n]!;
          keystroke(document);
          const taken = await ask(editor, document, feature);
          if (round >= 0) ((times[name] ??= {})[size] ??= []).push(taken);
        }
    process.kill(Number(pid), 'SIGSTOP');
    try {
      return { times, stopped: await withoutImage(editor, documents[0]!) };
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
  } finally {
    await editor.finish();
  }
}

/** The image owes answers from then on. */
async function withoutImage(editor: Editor, document: TextDocument): Promise<Measurements['stopped']> {
  const stopped: Measurements['stopped'] = {};
  for (const [name, feature] of Object.entries(features)) {
    keystroke(document);
    const waiting = ask(editor, document, feature);
    // Asked while that one may wait for the image: what the text alone answers.
    const behind = await ask(editor, document, outline);
    stopped[name] = { first: await waiting, later: [], behind: [behind] };
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, feature] of Object.entries(features)) {
      keystroke(document);
      stopped[name]!.later.push(await ask(editor, document, feature));
    }
  return stopped;
}

const outline: Measured = {
  method: 'textDocument/documentHighlight',
  alive: [0, 0],
  at: 'round subt¦otal',
  holds: answer => (answer as object[]).length > 1,
};

const { times, stopped } = await measure();
const row = (...cells: string[]) =>
  console.log(cells.map((cell, n) => (n === 0 ? cell.padEnd(26) : cell.padStart(13))).join(''));
const fixed = (value: number) => value.toFixed(2);
console.log(
  `\nMedians of ${ROUNDS} requests, each after an edit, over stdio, with an image (${cpus().length} cores), in ms\n`,
);
row('', '2,000 lines', '90 %', '20,000 lines', '90 %', 'ratio', 'alive-lsp', 'a tenth');
const summary: Record<string, object> = {};
let met = true;
for (const [name, bySize] of Object.entries(times)) {
  const [small, large] = SIZES.map(size => bySize[size]!);
  const [least, most] = features[name]!.alive;
  const ratio = median(large!) / median(small!);
  const isMet = median(small!) <= least / 10 && ratio <= 2;
  met &&= isMet;
  row(
    name,
    fixed(median(small!)),
    fixed(quantile(small!, 0.9)),
    fixed(median(large!)),
    fixed(quantile(large!, 0.9)),
    fixed(ratio),
    least === most ? String(least) : `${least}-${most}`,
    isMet ? 'met' : 'missed',
  );
  summary[name] = {
    milliseconds: Object.fromEntries(
      SIZES.map(size => [
        size,
        {
          least: Math.min(...bySize[size]!),
          median: median(bySize[size]!),
          p90: quantile(bySize[size]!, 0.9),
        },
      ]),
    ),
    ratio,
    alive: [least, most],
  };
}
console.log(
  `\nTarget: a tenth of alive-lsp's least at 2,000 lines, at most twice as much at 20,000. ${met ? 'Met' : 'Missed'}.`,
);
console.log('\nThe image stopped, 2,000 lines, in ms\n');
row('', 'first', 'later', 'beside it', 'with image');
for (const [name, { first, later, behind }] of Object.entries(stopped))
  row(name, fixed(first), fixed(median(later)), fixed(behind[0]!), fixed(median(times[name]![SIZES[0]]!)));
const output = path.join(repository, 'build/bench-language.json');
mkdirSync(path.dirname(output), { recursive: true });
writeFileSync(output, `${JSON.stringify({ rounds: ROUNDS, features: summary, stopped }, null, 2)}\n`);
console.log(`Written to ${path.relative(process.cwd(), output)}`);
