/** Functions that DEFCLASS, DEFINE-CONDITION and DEFSTRUCT define besides: accessors, constructors, predicates, copiers. */
import type { DefinitionKind, Snapshot, Span, SyntaxNode } from '../source/index.ts';
import { objectsOf, symbolOf, textOf } from './nodes.ts';

export interface Derived {
  readonly kind: DefinitionKind;
  readonly operator: string;
  readonly name: string;
  /** Where the name stands, or what it is made of. */
  readonly nameSpan: Span;
  /** The slot or the form that brings it along. */
  readonly span: Span;
  readonly container: string;
  /** Of a constructor. */
  readonly lambdaList?: string;
}

const SLOT_READERS: ReadonlySet<string> = new Set(['ACCESSOR', 'READER', 'WRITER']);

export function derivedFrom(snapshot: Snapshot, operator: string, form: SyntaxNode): Derived[] {
  if (operator === 'DEFCLASS' || operator === 'DEFINE-CONDITION') return slotFunctions(snapshot, form);
  if (operator === 'DEFSTRUCT') return structureFunctions(snapshot, form);
  return [];
}

function slotFunctions(snapshot: Snapshot, form: SyntaxNode): Derived[] {
  const [, name, , slots] = objectsOf(form);
  if (!symbolOf(snapshot, name) || slots?.type !== 'list_lit') return [];
  const container = textOf(snapshot, name!);
  return objectsOf(slots).flatMap(slot => {
    if (slot.type !== 'list_lit') return [];
    const [, ...options] = objectsOf(slot);
    const out: Derived[] = [];
    for (let i = 0; i + 1 < options.length; i += 2) {
      const option = symbolOf(snapshot, options[i]);
      const named = options[i + 1];
      if (!option || option.package !== '' || !named || !SLOT_READERS.has(option.name)) continue;
      const function_ = named.type === 'list_lit' ? objectsOf(named)[1] : named;
      if (!function_ || !symbolOf(snapshot, function_)) continue;
      out.push({
        kind: 'method',
        operator: option.name.toLowerCase(),
        name: textOf(snapshot, named),
        nameSpan: named.span,
        span: slot.span,
        container,
      });
    }
    return out;
  });
}

function structureFunctions(snapshot: Snapshot, form: SyntaxNode): Derived[] {
  const [, head, ...rest] = objectsOf(form);
  const [nameNode, ...options] =
    head === undefined ? [] : head.type === 'list_lit' ? objectsOf(head) : [head];
  if (!nameNode || !symbolOf(snapshot, nameNode)) return [];
  const container = textOf(snapshot, nameNode);
  const bare = bareText(container);
  const out: Derived[] = [];
  const slots = rest[0]?.type === 'str_lit' ? rest.slice(1) : rest;
  /** What a constructor takes that has no lambda list of its own. */
  const usualList = `(&key ${slots.map(slot => oneLine(textOf(snapshot, slot.type === 'list_lit' ? (objectsOf(slot)[0] ?? slot) : slot))).join(' ')})`;
  const add = (operator: string, name: string, nameSpan: Span, span: Span, own?: SyntaxNode) =>
    out.push({
      kind: 'function',
      operator,
      name,
      nameSpan,
      span,
      container,
      ...(operator === 'constructor' && {
        lambdaList: (own ? oneLine(textOf(snapshot, own)) : usualList).slice(0, 200),
      }),
    });
  /** The operands of each such option: `(:constructor make-it (a b))`, `:conc-name`. */
  const given = (wanted: string): (readonly SyntaxNode[])[] =>
    options.flatMap(option => {
      if (symbolOf(snapshot, option)?.name === wanted) return [[]];
      if (option.type !== 'list_lit') return [];
      const [key, ...operands] = objectsOf(option);
      return symbolOf(snapshot, key)?.name === wanted ? [operands] : [];
    });
  const isNil = (node: SyntaxNode | undefined) => node?.type === 'nil_lit';
  const typed = given('TYPE').length > 0;

  const functions: [operator: string, option: string, usual: string, always: boolean][] = [
    ['constructor', 'CONSTRUCTOR', `make-${bare}`, true],
    ['copier', 'COPIER', `copy-${bare}`, true],
    ['predicate', 'PREDICATE', `${bare}-p`, !typed || given('NAMED').length > 0],
  ];
  for (const [operator, option, usual, always] of functions) {
    const asked = given(option);
    if (asked.length === 0 && always) add(operator, usual, nameNode.span, form.span);
    for (const [name, own] of asked)
      if (isNil(name)) continue;
      else if (name && symbolOf(snapshot, name))
        add(operator, textOf(snapshot, name), name.span, form.span, own);
      else add(operator, usual, nameNode.span, form.span);
  }

  const [conc] = given('CONC-NAME');
  const prefix =
    conc === undefined ? `${bare}-` : isNil(conc[0]) || !conc[0] ? '' : nameText(snapshot, conc[0]);
  for (const slot of slots) {
    const slotName = slot.type === 'list_lit' ? objectsOf(slot)[0] : slot;
    if (slotName && symbolOf(snapshot, slotName))
      add('accessor', prefix + bareText(textOf(snapshot, slotName)), slotName.span, slot.span);
  }
  return out;
}

/** A symbol's text without its package prefix. */
const bareText = (text: string) => text.replace(/^[^:|\\]+::?(?=.)/, '');

/** The text of a symbol or of a string's contents. */
const nameText = (snapshot: Snapshot, node: SyntaxNode) => {
  const text = textOf(snapshot, node);
  return node.type === 'str_lit' ? text.slice(1, -1) : bareText(text.replace(/^#?:/, ''));
};

const oneLine = (text: string) => text.replace(/\s+/g, ' ');
