/** Additions to a DEFPACKAGE: exports, imports and nicknames, in the style of what is there. */
import { readSymbol } from '../../source/symbols.ts';
import type { Edit } from '../format/format.ts';
import { insert, partsOf, siteAt, textOf, type Node, type Site } from './site.ts';
import type { Snapshot } from '../../source/types.ts';

/** The DEFPACKAGE form at an offset. */
export interface PackageForm {
  readonly site: Site;
  readonly list: Node;
  readonly parts: readonly Node[];
}

export function packageFormAt(snapshot: Snapshot, offset: number): PackageForm | undefined {
  const site = siteAt(snapshot, offset, offset);
  const list = site?.path.findLast(({ type }) => type === 'list_lit');
  const parts = list && partsOf(list);
  return site && list && parts && parts.length >= 2 ? { site, list, parts } : undefined;
}

/** The clauses with a keyword, in lower case with its colon. */
function clauses({ site, parts }: PackageForm, keyword: string): (readonly Node[])[] {
  return parts.slice(2).flatMap(part => {
    const inside = partsOf(part);
    return inside?.[0]?.type === 'kwd_lit' && textOf(site, inside[0]).toLowerCase() === keyword
      ? [inside]
      : [];
  });
}

const designated = (site: Site, node: Node): string =>
  node.type === 'str_lit' ? textOf(site, node).slice(1, -1) : readSymbol(textOf(site, node)).name;

/** A name written as the others of the form are. @param name as the reader interns it */
export function designator({ site, parts }: PackageForm, name: string): string {
  const like = textOf(site, parts[1]!);
  if (like.startsWith('"')) return JSON.stringify(name);
  const plain = /^[A-Z0-9!$%&*+./<=>?@^_~-]+$/.test(name) ? name.toLowerCase() : `|${name}|`;
  if (like.startsWith('#:')) return `#:${plain}`;
  return like.startsWith(':') ? `:${plain}` : `#:${plain}`;
}

export function exportEdit(form: PackageForm, name: string): Edit | undefined {
  const existing = clauses(form, ':export');
  if (existing.some(names => names.slice(1).some(node => designated(form.site, node) === name)))
    return undefined;
  return addTo(form, existing.at(-1), designator(form, name), `(:export ${designator(form, name)})`);
}

export function importEdit(form: PackageForm, from: string, name: string): Edit | undefined {
  const existing = clauses(form, ':import-from').filter(
    each => each[1] && designated(form.site, each[1]).toUpperCase() === from.toUpperCase(),
  );
  if (existing.some(names => names.slice(2).some(node => designated(form.site, node) === name)))
    return undefined;
  return addTo(
    form,
    existing.at(-1),
    designator(form, name),
    `(:import-from ${designator(form, from)} ${designator(form, name)})`,
  );
}

export function nicknameEdit(form: PackageForm, nickname: string, from: string): Edit | undefined {
  const pair = `(${designator(form, nickname)} ${designator(form, from)})`;
  return addTo(form, clauses(form, ':local-nicknames').at(-1), pair, `(:local-nicknames ${pair})`);
}

/** Behind the last name of a clause, below it where the names stand in lines of their own; else as a clause. */
function addTo(
  { site, list }: PackageForm,
  clause: readonly Node[] | undefined,
  name: string,
  whole: string,
): Edit {
  const { text } = site;
  if (clause && clause.length > 1) {
    const last = clause.at(-1)!;
    const before = clause.at(-2)!;
    const below = text.slice(before.end, last.start).includes('\n');
    const line = text.slice(text.lastIndexOf('\n', last.end) + 1, last.end).length + name.length;
    const commented = /^[^\S\n]*;/.test(text.slice(last.end, last.end + 200));
    return insert(
      last.end,
      below || line > 78 || commented ? `\n${name}${commented ? '\n' : ''}` : ` ${name}`,
    );
  }
  const last = list.children.at(-1)!;
  return insert(last.end, `\n${whole}${last.type === 'comment' ? '\n' : ''}`);
}
