/** A function that is called and not there yet. */
import { insert, isQuoted, nameOf, partsOf, textOf, type Node, type Refactoring, type Site } from './site.ts';

/** The call whose operator the cursor is at. */
export function callAt({ path, start, end }: Site): { list: Node; operator: Node } | undefined {
  const operator = path[0];
  const list = operator?.parent;
  if (!list || !/^(?:sym|package)_lit$/.test(operator.type) || end > operator.end || start < operator.start)
    return undefined;
  return partsOf(list)?.[0] === operator && !isQuoted(list) ? { list, operator } : undefined;
}

/** Puts a function with parameters after the call's arguments behind the form. */
export function missingFunction(site: Site): Refactoring | undefined {
  const call = callAt(site);
  if (!call || site.form.bodyStart !== site.form.span.start) return undefined;
  const name = textOf(site, call.operator);
  return {
    title: `Define function ${name}`,
    kind: 'quickfix',
    edits: () => {
      const { text, form } = site;
      const comment = /^[ \t]*;[^\n]*/.exec(text.slice(form.span.end, form.span.end + 1000))?.[0] ?? '';
      return [
        insert(
          form.span.end + comment.trimEnd().length,
          `\n\n(defun ${name} (${parametersOf(site, partsOf(call.list)!.slice(1)).join(' ')})\n(error "~a is not written yet." '${name}))`,
        ),
      ];
    },
  };
}

function parametersOf(site: Site, given: readonly Node[]): string[] {
  const out: string[] = [];
  const keys: string[] = [];
  const taken = new Set<string>();
  const add = (wanted: string | undefined): void => {
    const usable = wanted !== undefined && !/^(?:t|nil|pi)$|^[*+].*[*+]$|[|\\:]/.test(wanted);
    const base = usable ? wanted : 'argument';
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    taken.add(name);
    out.push(name);
  };
  for (let i = 0; i < given.length; i++) {
    const node = given[i]!;
    const even = (given.length - i) % 2 === 0;
    if (
      node.type === 'kwd_lit' &&
      even &&
      given.slice(i).every(({ type }, n) => n % 2 === 1 || type === 'kwd_lit')
    ) {
      for (let n = i; n < given.length; n += 2) keys.push(textOf(site, given[n]!).slice(1).toLowerCase());
      break;
    }
    add(nameOf(site, node) ?? accessorName(site, node));
  }
  return keys.length > 0 ? [...out, '&key', ...new Set(keys)] : out;
}

/** `(order-total x)` and `#'foo` give names, too. */
const accessorName = (site: Site, node: Node): string | undefined =>
  node.type === 'var_quoting_lit' && node.children[0] ? nameOf(site, node.children[0]) : undefined;
