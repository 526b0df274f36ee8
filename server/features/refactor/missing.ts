/** A function that is called and not there yet. */
import { standardName } from '../standard.ts';
import { insert, isQuoted, nameOf, partsOf, textOf, type Node, type Refactoring, type Site } from './site.ts';

/** The call whose operator the cursor is at. */
export function callAt(site: Site): { list: Node; operator: Node } | undefined {
  const { path, start, end } = site;
  const operator = path[0];
  const list = operator?.parent;
  if (!list || !/^(?:sym|package)_lit$/.test(operator.type) || end > operator.end || start < operator.start)
    return undefined;
  return partsOf(list)?.[0] === operator && !isQuoted(site, list) ? { list, operator } : undefined;
}

/** Puts a function with parameters after the call's arguments behind the form; one of SETF where the call is the place of one. */
export function missingFunction(site: Site): Refactoring | undefined {
  const call = callAt(site);
  const { form } = site;
  if (!call || form.bodyStart !== form.span.start) return undefined;
  if (form.definitions.length > 0 && call.list === site.root) return undefined; // a definer is a macro
  const written = textOf(site, call.operator);
  const sets = isSetfPlace(site, call.list);
  const name = sets ? `(setf ${written})` : written;
  return {
    title: `Define function ${name}`,
    kind: 'quickfix',
    edits: () => {
      const { text } = site;
      const comment = /^[ \t]*;[^\n]*/.exec(text.slice(form.span.end, form.span.end + 1000))?.[0] ?? '';
      const { lambdaList, variables } = parametersOf(
        site,
        partsOf(call.list)!.slice(1),
        sets ? ['new-value'] : [],
      );
      const ignored = variables.length > 0 ? `(declare (ignore ${variables.join(' ')}))\n` : '';
      return [
        insert(
          form.span.end + comment.trimEnd().length,
          `\n\n(defun ${name} (${lambdaList})\n${ignored}(error "~s is not written yet." '${name}))`,
        ),
      ];
    },
  };
}

function isSetfPlace(site: Site, list: Node): boolean {
  const parts = list.parent && partsOf(list.parent);
  return parts !== undefined && nameOf(site, parts[0]) === 'setf' && parts.indexOf(list) % 2 === 1;
}

/** @param first parameters before those for the arguments */
function parametersOf(
  site: Site,
  given: readonly Node[],
  first: readonly string[],
): { lambdaList: string; variables: readonly string[] } {
  const taken = new Set<string>(first);
  const fresh = (wanted: string | undefined): string => {
    const base = wanted !== undefined && canBeBound(wanted) ? wanted : 'argument';
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    taken.add(name);
    return name;
  };
  const required = [...first];
  const keys: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const node = given[i]!;
    const even = (given.length - i) % 2 === 0;
    if (
      node.type === 'kwd_lit' &&
      even &&
      given.slice(i).every(({ type }, n) => n % 2 === 1 || type === 'kwd_lit')
    ) {
      const names = given.slice(i).flatMap((each, n) => (n % 2 === 0 ? [textOf(site, each).slice(1)] : []));
      for (const name of new Set(names.map(each => each.toLowerCase()))) {
        const variable = fresh(name);
        keys.push(variable === name ? name : `((:${name} ${variable}))`);
      }
      break;
    }
    required.push(fresh(nameOf(site, node) ?? accessorName(site, node)));
  }
  return {
    lambdaList: [...required, ...(keys.length > 0 ? ['&key', ...keys] : [])].join(' '),
    variables: [...taken],
  };
}

/** A name that needs no escapes, and is neither a constant nor a special variable, as far as it tells. */
const canBeBound = (name: string): boolean =>
  /[a-z]/.test(name) && !/^[*+].*[*+]$|^&|[|\\:]/.test(name) && !/[kv]/.test(standardName(name)?.is ?? '');

/** `(order-total x)` and `#'foo` give names, too. */
const accessorName = (site: Site, node: Node): string | undefined =>
  node.type === 'var_quoting_lit' && node.children[0] ? nameOf(site, node.children[0]) : undefined;
