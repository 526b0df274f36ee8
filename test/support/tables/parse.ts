/** The text format of the tables in test/language; test/language/tables.test.ts describes it. */

/** A text with its marks taken out. */
export interface MarkedText {
  readonly text: string;
  /** UTF-16 offsets by mark: `¦`, `①` … `⑨`. */
  readonly marks: ReadonlyMap<string, number>;
}

export interface NamedText extends MarkedText {
  readonly name: string;
}

/** One question at one place, and the lines that answer it. */
export interface Expectation {
  readonly feature: string;
  readonly argument: string;
  /** Which mark is meant. */
  readonly mark: string;
  readonly lines: readonly string[];
  /** 1-based, in the table. */
  readonly line: number;
}

export interface Case {
  readonly title: string;
  readonly line: number;
  readonly buffer: MarkedText;
  readonly others: readonly NamedText[];
  readonly expectations: readonly Expectation[];
}

export interface Table {
  /** `key: value` lines before the first case; values are JSON where they look so. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Files that are in the workspace when the server starts. */
  readonly files: readonly NamedText[];
  readonly cases: readonly Case[];
}

const MARKS = /[¦①-⑨]/gu;

/** @throws Error naming the line of a table that is not one */
export function parseTable(text: string): Table {
  const options: Record<string, unknown> = {};
  const files: NamedText[] = [];
  const cases: Case[] = [];
  /** A stretch of lines that begins with `===`, `+++` or `---`. */
  const parts: { kind: string; head: string; line: number; lines: string[] }[] = [];
  text.split('\n').forEach((line, i) => {
    const [, kind, head] = /^(===|\+\+\+|---) (.*)$/.exec(line) ?? [];
    if (kind !== undefined) parts.push({ kind, head: head!.trim(), line: i + 1, lines: [] });
    else if (parts.length > 0) parts.at(-1)!.lines.push(line);
    else readOption(line, i + 1, options);
  });
  for (const { kind, head, line, lines } of parts) {
    const last = cases.at(-1) as Mutable<Case> | undefined;
    if (kind === '===') {
      const [, title, tags] = /^(.*?)((?: \[\w+\])*)$/.exec(head)!;
      const content = trimmed(lines).join(tags!.includes('[crlf]') ? '\r\n' : '\n');
      cases.push({ title: title!, line, buffer: marked(content), others: [], expectations: [] });
    } else if (kind === '+++') {
      const file = { name: head, ...marked(`${trimmed(lines).join('\n')}\n`) };
      if (last) last.others.push(file);
      else files.push(file);
    } else {
      if (!last) throw new Error(`line ${line}: an answer stands before the first case`);
      const [, feature, argument, mark] = /^(\S+)(?: (.*?))??(?: @([①-⑨]))?$/u.exec(head)!;
      last.expectations.push({
        feature: feature!,
        argument: argument ?? '',
        mark: mark ?? '¦',
        lines: trimmed(lines),
        line,
      });
    }
  }
  for (const each of cases)
    if (each.expectations.length === 0)
      throw new Error(`line ${each.line}: the case "${each.title}" expects nothing`);
  return { options, files, cases };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

function readOption(line: string, number: number, options: Record<string, unknown>): void {
  if (line.trim() === '' || line.startsWith('#')) return;
  const [, key, value] = /^([\w.]+):\s*(.*)$/.exec(line) ?? [];
  if (key === undefined) throw new Error(`line ${number}: neither an option nor a comment: ${line}`);
  options[key] = /^[[{"]|^(?:true|false|\d+)$/.test(value!) ? (JSON.parse(value!) as unknown) : value;
}

/** Without the empty lines at the end. */
function trimmed(lines: readonly string[]): string[] {
  let end = lines.length;
  while (end > 0 && lines[end - 1]!.trim() === '') end--;
  return lines.slice(0, end);
}

function marked(text: string): MarkedText {
  const marks = new Map<string, number>();
  let taken = 0;
  for (const { 0: mark, index } of text.matchAll(MARKS)) {
    if (marks.has(mark)) throw new Error(`the mark ${mark} stands twice in: ${text}`);
    marks.set(mark, index - taken);
    taken += mark.length;
  }
  return { text: text.replace(MARKS, ''), marks };
}

/**
 * What of the expected lines does not hold; undefined when all do. The lines have to be the answer's, in order; a line `…` stands for any
 * number of lines, and `! line` (at the end) for one that is not there at all.
 */
export function mismatch(expected: readonly string[], actual: readonly string[]): string | undefined {
  const forbidden = expected.filter(line => line.startsWith('! ')).map(line => line.slice(2));
  const wanted = expected.filter(line => !line.startsWith('! '));
  for (const line of forbidden) if (actual.includes(line)) return `there is a line that must not be: ${line}`;
  // alone, they say nothing of the other lines
  if (wanted.length === 0 && forbidden.length > 0) return undefined;
  return fits(wanted, 0, actual, 0) ? undefined : 'other lines are expected';
}

function fits(wanted: readonly string[], w: number, actual: readonly string[], a: number): boolean {
  if (w === wanted.length) return a === actual.length;
  if (wanted[w] !== '…')
    return a < actual.length && wanted[w] === actual[a] && fits(wanted, w + 1, actual, a + 1);
  for (let from = a; from <= actual.length; from++) if (fits(wanted, w + 1, actual, from)) return true;
  return false;
}
