/** A selected expression becomes a variable, selected forms a function. */
import { freeIn } from '../../source/scope.ts';
import type { Edit } from '../format/format.ts';
import {
  insert,
  isQuoted,
  nameOf,
  partsOf,
  replace,
  selectedIn,
  textOf,
  type Node,
  type Refactoring,
  type Selected,
  type Site,
} from './site.ts';

const kind = 'refactor.extract';

export function extraction(site: Site): Refactoring[] {
  const selected = selectedIn(site);
  if (!selected?.parent || isQuoted(selected.parent)) return [];
  if (selected.nodes.some(({ type }) => type === 'include_reader_macro')) return [];
  if (partsOf(selected.parent)?.[0] === selected.nodes[0]) return [];
  return [...extractVariable(site, selected), ...extractFunction(site, selected)];
}

/** The first of the body's forms, by operator: the number of its argument, 1-based. */
const bodies: Readonly<Record<string, number>> = {
  progn: 1,
  when: 2,
  unless: 2,
  let: 2,
  'let*': 2,
  flet: 2,
  labels: 2,
  macrolet: 2,
  'symbol-macrolet': 2,
  'handler-bind': 2,
  'multiple-value-bind': 3,
  'destructuring-bind': 3,
  lambda: 2,
  defun: 3,
  dolist: 2,
  dotimes: 2,
  block: 2,
  'eval-when': 2,
  'with-slots': 3,
  'with-accessors': 3,
};

/** The form of a body around a node that is evaluated where its body is; undefined where there is none. */
function statementOf(site: Site, node: Node): Node | undefined {
  let each = node;
  while (each.parent) {
    const list = each.parent;
    const parts = list.type === 'list_lit' ? partsOf(list) : undefined;
    if (parts) {
      const operator = nameOf(site, parts[0]) ?? '';
      const at = parts.indexOf(each);
      const first = operator === 'defmethod' ? lambdaListAt(parts) + 1 : bodies[operator];
      if (first !== undefined && at >= first) return each;
      // a clause of COND, and what stands in a branch, are evaluated in another place than what is around them
      if (/^(?:if|and|or)$/.test(operator) && at > 1) return each;
      if (
        list.parent &&
        /^(?:cond|(?:[ce]|)(?:type|)case)$/.test(nameOf(site, partsOf(list.parent)?.[0]) ?? '') &&
        at > 0
      )
        return each;
      if (/^(?:loop|do|do\*|iterate|iter|prog|prog\*|tagbody)$/.test(operator)) return undefined;
    } else if (!/^(?:list_lit|var_quoting_lit)$/.test(list.type)) return undefined;
    each = list;
  }
  return undefined;
}

const lambdaListAt = (parts: readonly Node[]): number =>
  parts.findIndex(({ type }, i) => i > 1 && /^(?:list|nil)_lit$/.test(type));

function extractVariable(site: Site, { nodes, start, end }: Selected): Refactoring[] {
  const [node] = nodes;
  if (nodes.length !== 1 || !node) return [];
  const statement = statementOf(site, node);
  if (
    !statement ||
    nameOf(site, partsOf(statement)?.[0]) === 'declare' ||
    (node.type === 'str_lit' && statement === node)
  )
    return [];
  // what the expression uses must be there where the variable is bound
  const bound = freeIn(site.snapshot, { start, end }).used.some(
    ({ binding: { span } }) => statement.start <= span.start && span.end <= statement.end,
  );
  if (bound) return [];
  const name = unusedName(site, 'value');
  return [
    {
      title: 'Extract variable',
      kind,
      moved: statement,
      edits: () => {
        if (statement === node)
          return [insert(node.start, `(let ((${name} `), insert(node.end, `))\n${name})`)];
        return [
          insert(statement.start, `(let ((${name} ${textOf(site, node)}))\n`),
          replace(node, name),
          insert(statement.end, ')'),
        ];
      },
    },
  ];
}

function extractFunction(site: Site, { nodes, start, end }: Selected): Refactoring[] {
  const { form, snapshot, text } = site;
  // a definition beside one that reader conditionals hide would not be hidden
  if (form.bodyStart !== form.span.start || !form.definitions.some(({ kind: each }) => isCode(each)))
    return [];
  if (nodes.every(({ type }) => type !== 'list_lit')) return [];
  if (!statementOf(site, nodes[0]!) || leaves.test(text.slice(start, end))) return [];
  const { used, escaping } = freeIn(snapshot, { start, end });
  const local = used.map(({ binding }) => binding);
  const movable =
    escaping.length === 0 &&
    local.every(
      ({ kind: each, special }) => (each === 'variable' || each === 'parameter') && special !== true,
    ) &&
    // an assignment would not reach the variable outside
    used.every(
      ({ binding, written }) =>
        !written || binding.occurrences.slice(1).every(({ span }) => start <= span.start && span.end <= end),
    );
  if (!movable) return [];
  const names = local.map(({ span }) => text.slice(span.start, span.end));
  const name = unusedName(site, 'extracted-function');
  return [
    {
      title: 'Extract function',
      kind,
      edits: (): Edit[] => {
        const body = text.slice(start, end);
        const call = `(${[name, ...names].join(' ')})`;
        return [
          insert(
            beforeComments(text, form.span.start),
            `(defun ${name} (${names.join(' ')})\n${body}${/;[^\n"]*$/.test(body) ? '\n' : ''})\n\n`,
          ),
          replace({ start, end }, call),
        ];
      },
    },
  ];
}

/** What has a meaning only where it stands: exits from blocks around it, and the next method. */
const leaves =
  /\(\s*(?:[\w-]+::?)?(?:return|return-from|go|loop-finish|call-next-method|next-method-p)(?![\w-])/i;

const isCode = (kind: string): boolean =>
  /^(?:function|method|generic-function|macro|variable|test|other)$/.test(kind);

/** Where the comment lines directly above a form begin. */
export function beforeComments(text: string, start: number): number {
  let from = start;
  for (;;) {
    const line = /(?:^|\n)([ \t]*;[^\n]*\n)$/.exec(text.slice(Math.max(0, from - 2000), from));
    if (!line) return from;
    from -= line[1]!.length;
  }
}

/** A name that the form does not mention yet. */
export function unusedName({ text, form }: Site, name: string): string {
  const mentioned = text.slice(form.span.start, form.span.end).toLowerCase();
  let each = name;
  for (let n = 2; new RegExp(`(?<![^\\s()'\`,@#])${each}(?![^\\s()])`).test(mentioned); n++)
    each = `${name}-${n}`;
  return each;
}
