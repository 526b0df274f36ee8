/** What of a text says how the forms behind it are read: IN-READTABLE of named-readtables, and forms that have to be run for it. */
import { sayings } from './saying.ts';
import type { Snapshot, SourceDefinition, Span, TopLevelForm } from './types.ts';

const named = /in-readtable/i;
const call = /\(\s*(?:[^\s()"';:|]+::?)?in-readtable(?:\s+([^\s()"';]+))?\s*\)/gi;
/** Operators inside which it still counts. */
const transparent: ReadonlySet<string | undefined> = new Set(['in-readtable', 'eval-when', 'progn']);

const chosen = sayings<string>(named, (snapshot, { active, operator, span }) =>
  active && transparent.has(operator)
    ? [...snapshot.slice(span.start, span.end).matchAll(call)].map(([, name]) => name ?? 'nil')
    : [],
);

/** The argument, as written, of the last IN-READTABLE that takes effect before an offset; undefined where there is none. */
export const readtableAt = (snapshot: Snapshot, offset: number): string | undefined =>
  chosen(snapshot, offset).at(-1);

const switching =
  /\*readtable\*|(?:enable|disable|activate|use)-[^\s()"';]{0,80}(?:syntax|reader|read-macro|quasiquote)/i;
/** (enable-interpol-syntax), (clsql:file-enable-sql-reader-syntax), (use-syntax :annot) */
const switcher =
  /^(?:\S{1,80}-)?(?:enable|disable|activate|use)-\S{0,80}(?:syntax|reader|read-macro|quasiquote)/;
const setter = /\(\s*set[fq]\s+(?:[^\s()"';:|]+::?)?\*readtable\*/i;

/** The forms before an offset that have to be run for what stands there to be read as it is meant; none in nearly all files. */
export const syntaxForms = sayings<TopLevelForm>(switching, (snapshot, form) =>
  switchesSyntax(snapshot, form) ? [form] : [],
);

function switchesSyntax(snapshot: Snapshot, form: TopLevelForm): boolean {
  const { active, broken, operator = '', definitions, span } = form;
  if (!active || broken) return false;
  if (switcher.test(operator)) return definitions.length === 0;
  return (
    /^(?:eval-when|progn|set[fq])$/.test(operator) &&
    pieces(span, definitions).some(each => isSwitch(snapshot.slice(each.start, each.end)))
  );
}

/** What of a span lies outside of the definitions inside it, which come in order. */
function pieces(span: Span, definitions: readonly SourceDefinition[]): Span[] {
  const ends = [span.start, ...definitions.map(each => each.span.end)];
  const starts = [...definitions.map(each => each.span.start), span.end];
  return ends.map((start, index) => ({ start, end: Math.max(start, starts[index]!) }));
}

const isSwitch = (text: string): boolean =>
  setter.test(text) ||
  [...text.matchAll(/\(\s*(?:[^\s()"';:|]+::?)?([^\s()"';:|]+)/g)].some(([, operator]) =>
    switcher.test(operator!.toLowerCase()),
  );
