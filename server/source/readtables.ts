/** What of a text says how the forms behind it are read: IN-READTABLE of named-readtables, and forms that have to be run for it. */
import type { Snapshot, TopLevelForm } from './types.ts';

const named = /in-readtable/i;
const call = /\(\s*(?:[^\s()"';:|]+::?)?in-readtable(?:\s+([^\s()"';]+))?\s*\)/gi;
/** Operators inside which it still counts. */
const transparent: ReadonlySet<string | undefined> = new Set(['in-readtable', 'eval-when', 'progn']);

/** The argument, as written, of the last IN-READTABLE that takes effect before an offset; undefined where there is none. */
export function readtableAt(snapshot: Snapshot, offset: number): string | undefined {
  // Hardly any file has one: its forms need not be looked at.
  if (!named.test(snapshot.slice(0, offset))) return undefined;
  for (const form of snapshot.forms.filter(({ span }) => span.end <= offset).reverse()) {
    const name = chosenBy(snapshot, form);
    if (name !== undefined) return name;
  }
  return undefined;
}

function chosenBy(snapshot: Snapshot, { active, operator, span }: TopLevelForm): string | undefined {
  if (!active || !transparent.has(operator)) return undefined;
  const last = [...snapshot.slice(span.start, span.end).matchAll(call)].at(-1);
  return last && (last[1] ?? 'nil');
}

const switching =
  /\*readtable\*|(?:enable|disable|activate|use)-[^\s()"';]*(?:syntax|reader|read-macro|quasiquote)/i;
/** (enable-interpol-syntax), (clsql:file-enable-sql-reader-syntax), (use-syntax :annot) */
const switcher = /^(?:\S+-)?(?:enable|disable|activate|use)-\S*(?:syntax|reader|read-macro|quasiquote)/;
const setter = /\(\s*set[fq]\s+(?:[^\s()"';:|]+::?)?\*readtable\*/i;

/** The forms before an offset that have to be run for what stands there to be read as it is meant; none in nearly all files. */
export function syntaxForms(snapshot: Snapshot, offset: number): readonly TopLevelForm[] {
  if (!switching.test(snapshot.slice(0, offset))) return [];
  return snapshot.forms.filter(form => form.span.end <= offset && switchesSyntax(snapshot, form));
}

function switchesSyntax(snapshot: Snapshot, form: TopLevelForm): boolean {
  const { active, broken, operator = '', definitions, span } = form;
  if (!active || broken || definitions.length > 0) return false;
  if (switcher.test(operator)) return true;
  return /^(?:eval-when|progn|set[fq])$/.test(operator) && isSwitch(snapshot.slice(span.start, span.end));
}

const isSwitch = (text: string): boolean =>
  setter.test(text) ||
  [...text.matchAll(/\(\s*(?:[^\s()"';:|]+::?)?([^\s()"';:|]+)/g)].some(([, operator]) =>
    switcher.test(operator!.toLowerCase()),
  );
