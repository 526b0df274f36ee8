/** A selected expression becomes a variable, selected forms a function. */
import { freeIn, symbolAt } from '../../source/scope.ts';
import type { Span } from '../../source/types.ts';
import type { Edit } from '../format/format.ts';
import { evaluatedAt, isEvaluated, valuesCount } from './evaluation.ts';
import {
  insert,
  isQuoted,
  nameOf,
  operatorOf,
  partsOf,
  replace,
  selectedIn,
  textOf,
  type Node,
  type Refactoring,
  type Selected,
  type Site,
} from './site.ts';
import { literally } from '../../source/pattern.ts';

const kind = 'refactor.extract';

export function extraction(site: Site): Refactoring[] {
  const selected = selectedIn(site);
  if (!selected?.parent || isQuoted(site, selected.parent)) return [];
  if (selected.nodes.some(({ type }) => type === 'include_reader_macro')) return [];
  if (partsOf(selected.parent)?.[0] === selected.nodes[0]) return [];
  return [...extractVariable(site, selected), ...extractFunction(site, selected)];
}

interface Statement {
  /** The form of a body that holds an expression. */
  readonly form: Node;
  /** What is evaluated before the expression, and after the form begins to be, in order. */
  readonly before: readonly Node[];
  /** Operators of calls between the two: a macro among them would decide for itself. */
  readonly through: readonly string[];
}

/** Undefined where the node is not evaluated, or where no form around it is known that a binding could stand around. */
function statementOf(site: Site, node: Node): Statement | undefined {
  const before: Node[] = [];
  const through: string[] = [];
  for (let each = node; ;) {
    const evaluated = evaluatedAt(site, each);
    if (!evaluated) return undefined;
    if (evaluated.standing === 'form') return { form: each, before, through };
    const { form } = evaluated;
    before.unshift(...earlier(site, each, form));
    const operator = partsOf(form)?.[0];
    if (operator && /^(?:sym|package)_lit$/.test(operator.type)) through.push(textOf(site, operator));
    each = form;
  }
}

/** In the list of the node, and in the bindings before its own. */
function earlier(site: Site, node: Node, form: Node): readonly Node[] {
  const parts = partsOf(node.parent!)!;
  if (node.parent === form) {
    const before = parts.slice(1, parts.indexOf(node));
    // of a place what stands in it is evaluated
    return /^p?set[fq]$/.test(nameOf(site, parts[0]) ?? '')
      ? before.flatMap((each, i) => (i % 2 === 1 ? each : (partsOf(each)?.slice(1) ?? [])))
      : before;
  }
  const bindings = node.parent!.parent!;
  return bindings === form
    ? []
    : bindings.children.filter(({ end }) => end < node.start).flatMap(each => partsOf(each)?.[1] ?? []);
}

function extractVariable(site: Site, { nodes, start, end }: Selected): Refactoring[] {
  const [node] = nodes;
  if (nodes.length !== 1 || !node || valuesCount(site, node)) return [];
  const statement = statementOf(site, node);
  if (!statement || (statement.form === node && isResult(site, node) && !hasOneValue(site, node))) return [];
  const { form, before, through } = statement;
  // what is evaluated before the expression stays before it: it is bound, too
  const bound = before.filter(each => !commutes(site, each, node));
  if (bound.some(each => evaluatedAt(site, each)?.form !== each.parent)) return [];
  // what an expression uses must be there where the variable is bound
  const isFree = (span: Span) =>
    freeIn(site.snapshot, span).used.every(
      ({ binding }) => binding.span.start < form.start || form.end < binding.span.end,
    );
  if (!isFree({ start, end }) || !bound.every(isFree)) return [];
  return [
    {
      title: 'Extract variable',
      kind,
      moved: form,
      through,
      edits: () => {
        const names = unusedNames(site, 'value', bound.length + 1);
        const name = names.at(-1)!;
        if (form === node) return [insert(node.start, `(let ((${name} `), insert(node.end, `))\n ${name})`)];
        const bindings = [...bound, node].map((each, i) => `(${names[i]!} ${textOf(site, each)})`);
        return [
          insert(form.start, `(let (${bindings.join('\n')})\n `),
          ...[...bound, node].map((each, i) => replace(each, names[i]!)),
          insert(form.end, ')'),
        ];
      },
    },
  ];
}

/** Whether a form of a body is its last one: all of its values are the body's. */
function isResult(site: Site, node: Node): boolean {
  const parts = partsOf(node.parent!);
  return parts?.at(-1) === node && !/^(?:loop|do\*?|dolist|dotimes)$/.test(nameOf(site, parts[0]) ?? '');
}

/** Whether it makes no difference which of two expressions is evaluated first. */
function commutes(site: Site, one: Node, other: Node): boolean {
  if (isConstant(site, one)) return true;
  if (/^(?:sym|package)_lit$/.test(one.type)) {
    const { binding } = symbolAt(site.snapshot, one.start) ?? {};
    if (binding && binding.special !== true && binding.occurrences.every(({ access }) => access !== 'write'))
      return true;
  }
  return isPure(site, one) && isPure(site, other);
}

const isConstant = (site: Site, { type, children }: Node): boolean =>
  /^(?:str|num|complex_num|char|kwd|nil|quoting)_lit$/.test(type) ||
  (type === 'var_quoting_lit' && children.every(each => nameOf(site, each) !== undefined));

/** It reads, and changes nothing. */
const isPure = (site: Site, node: Node): boolean =>
  isConstant(site, node) ||
  /^(?:sym|package)_lit$/.test(node.type) ||
  (pure.test(nameOf(site, partsOf(node)?.[0]) ?? '') &&
    partsOf(node)!
      .slice(1)
      .every(each => isPure(site, each)));

const hasOneValue = (site: Site, node: Node): boolean => {
  const operator = operatorOf(site, node);
  return operator === undefined
    ? isPure(site, node)
    : pure.test(operator) && !/^(?:floor|ceiling|round|truncate|gethash|if|and|or)$/.test(operator);
};

const pure =
  /^(?:[-+*/]|1[-+]|[<>]=?|\/?=|eql?|equalp?|not|null|and|or|if|c[ad]{1,4}r|first|second|third|fourth|fifth|rest|nth|nthcdr|last|length|list\*?|cons|append|vector|min|max|abs|mod|rem|floor|ceiling|round|truncate|zerop|plusp|minusp|evenp|oddp|atom|consp|listp|symbolp|stringp|numberp|integerp|functionp|string=|char=|elt|aref|svref|char|schar|gethash|getf|symbol-name|char-code|code-char)$/;

function extractFunction(site: Site, { nodes, start, end }: Selected): Refactoring[] {
  const { form, snapshot, text } = site;
  // a definition beside one that reader conditionals hide would not be hidden
  if (form.bodyStart !== form.span.start || !form.definitions.some(({ kind: each }) => isCode(each)))
    return [];
  if (nodes.every(({ type }) => type !== 'list_lit')) return [];
  const statement = statementOf(site, nodes[0]!);
  if (!statement || !nodes.every(node => isEvaluated(site, node)) || leaves.test(text.slice(start, end)))
    return [];
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
            `(defun ${name} (${names.join(' ')})\n ${body}${/;[^\n"]*$/.test(body) ? '\n' : ''})\n\n`,
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
function beforeComments(text: string, start: number): number {
  let from = start;
  for (;;) {
    const line = /(?:^|\n)([ \t]*;[^\n]*\n)$/.exec(text.slice(Math.max(0, from - 2000), from));
    if (!line) return from;
    from -= line[1]!.length;
  }
}

/** A name that the form does not mention yet. */
const unusedName = (site: Site, name: string): string => unusedNames(site, name, 1)[0]!;

function unusedNames({ text, form }: Site, name: string, count: number): string[] {
  const mentioned = text.slice(form.span.start, form.span.end).toLowerCase();
  const names: string[] = [];
  for (let n = 1; names.length < count; n++) {
    const each = n === 1 ? name : `${name}-${n}`;
    if (!new RegExp(`(?<![^\\s()'\`,@#])${literally(each)}(?![^\\s()])`).test(mentioned)) names.push(each);
  }
  return names;
}
