/** Forms put into another form, and docstrings added. */
import type { Edit } from '../format/format.ts';
import { isEvaluated } from './evaluation.ts';
import {
  insert,
  isQuoted,
  nameOf,
  partsOf,
  selectedIn,
  type Node,
  type Refactoring,
  type Site,
} from './site.ts';

const kind = 'refactor.rewrite';

/** For the selected forms. */
export function wrapping(site: Site): Refactoring[] {
  const selected = selectedIn(site);
  if (!selected || !selected.parent || isQuoted(site, selected.parent)) return [];
  const { start, end, nodes } = selected;
  const wrap = (title: string, before: string): Refactoring => ({
    title,
    kind,
    moved: { start, end },
    edits: () => [insert(start, before), insert(end, endsInComment(site, end) ? '\n)' : ')')],
  });
  // what stands as an operator, a binding, a clause or a place is no form
  if (!nodes.every(node => isEvaluated(site, node))) return [];
  return [
    // as they stand they change nothing: the buffer may be reloaded before they are filled in
    wrap('Wrap in when', '(when t\n '),
    wrap('Wrap in let', '(let ()\n '),
    wrap('Wrap in progn', '(progn\n '),
  ];
}

const endsInComment = ({ text }: Site, end: number): boolean =>
  /;[^\n]*$/.test(text.slice(text.lastIndexOf('\n', end - 1) + 1, end)) &&
  !/["|]/.test(text.slice(end, end + 1));

/** Operators whose docstring stands behind a lambda list, which is this argument. */
const lambdaLists: Readonly<Record<string, number>> = {
  defstruct: 1,
  defun: 2,
  defmacro: 2,
  deftype: 2,
  'define-compiler-macro': 2,
  'define-setf-expander': 2,
};
/** Those whose docstring is the last argument, behind a value. */
const variables = /^(?:defvar|defparameter|defconstant)$/;
/** Those that have it as an option, and how much stands before the options. */
const withOption = /^(?:defclass|defgeneric|define-condition|(?:def|define-)package)$/;
const leading: Readonly<Record<string, number>> = { defclass: 4, 'define-condition': 4, defgeneric: 3 };

/** For the definition whose operator or name the cursor is at. */
export function docstring(site: Site): Refactoring[] {
  const { form, path, start, text } = site;
  const list = path.findLast(
    node => node.type === 'list_lit' && form.definitions.some(({ span }) => span.start === node.start),
  );
  const definition = form.definitions.find(({ span }) => span.start === list?.start);
  if (!list || !definition || definition.docstring !== undefined) return [];
  const parts = partsOf(list);
  if (!parts || parts.length < 2 || start > parts[1]!.end) return [];
  const operator = nameOf(site, parts[0]) ?? '';
  const named = operator === 'defstruct' ? (partsOf(parts[1]!)?.[0] ?? parts[1]!) : parts[1]!;
  const string = `"${`What ${shownName(text.slice(named.start, named.end))} is for.`.replace(/["\\]/g, '\\$&')}"`;
  const edit = placeOf(site, operator, list, parts, string);
  return edit ? [{ title: 'Add a docstring', kind, edits: () => [edit] }] : [];
}

/** As documentation names things: in upper case, without what makes a name a designator. */
const shownName = (written: string): string =>
  /[|"\\]/.test(written)
    ? written
    : written.replace(/^(?:#?:)|\s+/g, each => (each.trim() ? '' : ' ')).toUpperCase();

function placeOf(
  { text }: Site,
  operator: string,
  list: Node,
  parts: readonly Node[],
  string: string,
): Edit | undefined {
  if (withOption.test(operator)) {
    if (parts.length < (leading[operator] ?? 0)) return undefined;
    const options = text.slice(list.start, list.end);
    if (/\(\s*:documentation\b/i.test(options)) return undefined;
    const last = list.children.at(-1)!;
    return insert(last.end, `\n(:documentation ${string})${last.type === 'comment' ? '\n' : ''}`);
  }
  if (variables.test(operator)) return parts.length === 3 ? insert(parts[2]!.end, `\n${string}`) : undefined;
  const lambdaList =
    operator === 'defmethod'
      ? parts.slice(2).find(({ type }) => /^(?:list|nil)_lit$/.test(type))
      : parts[lambdaLists[operator] ?? parts.length];
  if (!lambdaList || !/^(?:list|nil)_lit$/.test(lambdaList.type)) return undefined;
  const next = parts[parts.indexOf(lambdaList) + 1];
  if (next?.type === 'str_lit' && parts.at(-1) !== next) return undefined;
  const joined = next && !text.slice(lambdaList.end, next.start).includes('\n');
  // alone it would be the value of the function
  return insert(lambdaList.end, next ? `\n${string}${joined ? '\n' : ''}` : `\n${string}\nnil`);
}
