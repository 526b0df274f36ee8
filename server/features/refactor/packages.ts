/** Additions to a DEFPACKAGE: exports, imports and nicknames, in the style of what is there. */
import { readString, readSymbol } from '../../source/symbols.ts';
import type { Edit } from '../format/format.ts';
import { insert, siteAt, textOf, type Node, type Site } from './site.ts';
import type { Snapshot } from '../../source/types.ts';

/** The DEFPACKAGE form at an offset. What reader conditionals decide about is no part. */
export interface PackageForm {
  readonly site: Site;
  readonly list: Node;
  readonly parts: readonly Node[];
}

export function packageFormAt(snapshot: Snapshot, offset: number): PackageForm | undefined {
  const site = siteAt(snapshot, offset, offset);
  const list = site?.path.findLast(({ type }) => type === 'list_lit');
  const parts = list && certain(list);
  return site && list && parts && parts.length >= 2 ? { site, list, parts } : undefined;
}

const certain = ({ children }: Node): readonly Node[] =>
  children.filter(({ type }) => !/comment$|^(?:dis_expr|include_reader_macro)$/.test(type));

interface Clause {
  readonly list: Node;
  /** The names in it, behind its keyword. */
  readonly names: readonly Node[];
}

/** The clauses with a keyword, in lower case with its colon. */
function clauses({ site, parts }: PackageForm, keyword: string): Clause[] {
  return parts.slice(2).flatMap(list => {
    const [head, ...names] = list.type === 'list_lit' ? certain(list) : [];
    return head?.type === 'kwd_lit' && textOf(site, head).toLowerCase() === keyword ? [{ list, names }] : [];
  });
}

const designated = (site: Site, node: Node): string =>
  node.type === 'str_lit' ? readString(textOf(site, node)) : readSymbol(textOf(site, node)).name;

/** A name written as another one is. @param name as the reader interns it */
function designator(like: string, name: string): string {
  if (like.startsWith('"')) return `"${name.replace(/["\\]/g, '\\$&')}"`;
  const plain = !/^[A-Z0-9!$%&*+./<=>?@^_~-]+$/.test(name)
    ? `|${name.replace(/[|\\]/g, '\\$&')}|`
    : /[A-Z]/.test(like) && !/[a-z|]/.test(like)
      ? name
      : name.toLowerCase();
  return (/^#?:/.exec(like)?.[0] ?? '') + plain;
}

/** As the names of a clause are written, else as the form's other names are. */
const styleOf = ({ site, parts }: PackageForm, clause?: Clause): string => {
  const like = clause?.names.findLast(({ type }) => type !== 'list_lit');
  return textOf(site, like ?? parts[1]!);
};

export function exportEdit(form: PackageForm, name: string): Edit | undefined {
  const existing = clauses(form, ':export');
  if (existing.some(({ names }) => names.some(node => designated(form.site, node) === name)))
    return undefined;
  const clause = existing.at(-1);
  const written = designator(styleOf(form, clause), name);
  return addTo(form, clause, written, `(:export ${written})`);
}

export function importEdit(form: PackageForm, from: string, name: string): Edit | undefined {
  const all = clauses(form, ':import-from');
  const existing = all.filter(
    ({ names: [its] }) => its && designated(form.site, its).toUpperCase() === from.toUpperCase(),
  );
  if (existing.some(({ names }) => names.slice(1).some(node => designated(form.site, node) === name)))
    return undefined;
  const clause = existing.at(-1);
  const style = styleOf(form, clause ?? all.at(-1));
  const written = designator(style, name);
  return addTo(form, clause, written, `(:import-from ${designator(style, from)} ${written})`);
}

/** Undefined where the nickname is taken. */
export function nicknameEdit(form: PackageForm, nickname: string, from: string): Edit | undefined {
  const existing = clauses(form, ':local-nicknames');
  const { site, parts } = form;
  const taken = existing.flatMap(({ names }) =>
    names.flatMap(pair => certain(pair)[0] ?? []).map(node => designated(site, node)),
  );
  if ([...taken, designated(site, parts[1]!)].includes(nickname)) return undefined;
  const clause = existing.at(-1);
  const like = clause?.names.flatMap(pair => certain(pair)[0] ?? []).at(-1);
  const style = like ? textOf(site, like) : styleOf(form);
  const pair = `(${designator(style, nickname)} ${designator(style, from)})`;
  return addTo(form, clause, pair, `(:local-nicknames ${pair})`);
}

/** Behind the last name of a clause, below it where the names stand in lines of their own; else as a clause. */
function addTo(
  { site: { text }, list }: PackageForm,
  clause: Clause | undefined,
  name: string,
  whole: string,
): Edit {
  if (clause) {
    const { children } = clause.list;
    const last = children.findLast(({ type }) => !/comment$/.test(type))!;
    const before = children[children.indexOf(last) - 1];
    const below = before !== undefined && text.slice(before.end, last.start).includes('\n');
    const line = text.slice(text.lastIndexOf('\n', last.end) + 1, last.end).length + name.length;
    // a comment in the line is about what stands there
    const comment = /^[^\S\n]*;[^\r\n]*/.exec(text.slice(last.end, last.end + 2000))?.[0];
    if (comment === undefined) return insert(last.end, below || line > 78 ? `\n${name}` : ` ${name}`);
    return insert(last.end + comment.length, `\n${name}`);
  }
  const last = list.children.at(-1)!;
  return insert(last.end, `\n${whole}${last.type === 'comment' ? '\n' : ''}`);
}
