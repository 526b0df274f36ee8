/** What a place wants to be completed with. */
import type { SyntaxNode } from '../../source/index.ts';
import { objectsOf, symbolOf } from '../../workspace/nodes.ts';
import { textAt, type ListPlace, type Place } from '../place.ts';
import * as words from './words.ts';

export type Wanted =
  /** Symbols; with `prefer` those that name such a thing come first. */
  | { readonly type: 'symbols'; readonly prefer?: 'operators' | 'classes' }
  | { readonly type: 'functions' }
  | { readonly type: 'classes' }
  /** Names of packages or systems as string designators, or of what a package exports or holds. */
  | { readonly type: 'packages' | 'systems' }
  | { readonly type: 'exports'; readonly of: string; readonly internal: boolean }
  /** Keywords that the call around takes and that are not given yet. */
  | { readonly type: 'arguments' }
  /** Slots, or initargs, of a class as written; undefined: of any. */
  | { readonly type: 'slots' | 'initargs'; readonly of: string | undefined }
  /** Plain words, and words with a colon. */
  | { readonly type: 'words' | 'keywords'; readonly words: readonly string[] }
  /** Any keyword. */
  | { readonly type: 'any-keyword' }
  | { readonly type: 'features' };

/** Operators by the 1-based number of the argument that names such a thing. */
const packageArguments: Readonly<Record<string, number>> = {
  'IN-PACKAGE': 1,
  'FIND-PACKAGE': 1,
  'USE-PACKAGE': 1,
  'UNUSE-PACKAGE': 1,
  'DELETE-PACKAGE': 1,
  'DO-EXTERNAL-SYMBOLS': 1,
  'PACKAGE-USE-LIST': 1,
  'PACKAGE-USED-BY-LIST': 1,
  'PACKAGE-NICKNAMES': 1,
  'FIND-SYMBOL': 2,
  INTERN: 2,
  'SYMBOL-CALL': 1,
  'FIND-SYMBOL*': 2,
  'ADD-PACKAGE-LOCAL-NICKNAME': 2,
  'LOCK-PACKAGE': 1,
  'UNLOCK-PACKAGE': 1,
};
const systemArguments: Readonly<Record<string, number>> = {
  'LOAD-SYSTEM': 1,
  'TEST-SYSTEM': 1,
  'COMPILE-SYSTEM': 1,
  'FIND-SYSTEM': 1,
  'CLEAR-SYSTEM': 1,
  'REQUIRE-SYSTEM': 1,
  REQUIRE: 1,
  'SYSTEM-RELATIVE-PATHNAME': 1,
  'SYSTEM-SOURCE-DIRECTORY': 1,
  'LOAD-ASD': 1,
  QUICKLOAD: 1,
  MAKE: 1,
  OPERATE: 2,
  OOS: 2,
};
const quotedClassArguments: Readonly<Record<string, number>> = {
  'MAKE-INSTANCE': 1,
  'MAKE-CONDITION': 1,
  'ALLOCATE-INSTANCE': 1,
  'CHANGE-CLASS': 2,
  'FIND-CLASS': 1,
  ERROR: 1,
  SIGNAL: 1,
  WARN: 1,
  CERROR: 2,
  TYPEP: 2,
  SUBTYPEP: 1,
  COERCE: 2,
  CONCATENATE: 1,
  MAP: 1,
  MERGE: 1,
  'MAKE-SEQUENCE': 1,
};
const classArguments: Readonly<Record<string, number>> = { 'CHECK-TYPE': 2, THE: 1, DEFMETHOD: 0 };
const clausesOfClasses: ReadonlySet<string> = new Set(['TYPECASE', 'ETYPECASE', 'CTYPECASE', 'HANDLER-CASE']);
const packageClauses: ReadonlySet<string> = new Set([
  'USE',
  'MIX',
  'REEXPORT',
  'USE-REEXPORT',
  'MIX-REEXPORT',
  'RECYCLE',
  'INHERIT-FROM',
  'IMPLEMENT',
]);
const packageForms: ReadonlySet<string> = new Set(['DEFPACKAGE', 'DEFINE-PACKAGE']);
const classForms: ReadonlySet<string> = new Set(['DEFCLASS', 'DEFINE-CONDITION']);

/** In the order in which they count; empty where nothing is to be offered. */
export function wantedAt(place: Place): readonly Wanted[] {
  const { inside, lists, marks } = place;
  if (inside === 'comment' || inside === 'character') return [];
  if (inside === 'feature') return [{ type: 'features' }];
  const special = specialWants(place);
  if (inside === 'string')
    return special.filter(({ type }) => type === 'packages' || type === 'systems' || type === 'exports');
  if (special.length > 0) return special;
  if (marks[0] === 'var_quoting_lit') return [{ type: 'functions' }];
  const [list] = lists;
  const keyword = /^:/.test(place.typed);
  const argument = list !== undefined && !list.quoted && (list.index > 0 || lists.length > 1);
  const given: Wanted[] = argument && (keyword || list.index > 1) ? [{ type: 'arguments' }] : [];
  if (keyword) return [...given, { type: 'any-keyword' }];
  const operator = list?.index === 0 && marks.length === 0 && !list.quoted && !isBinding(place);
  return [...given, operator ? { type: 'symbols', prefer: 'operators' } : { type: 'symbols' }];
}

/** Whether the list is one of bindings or of parameters, where names are made. */
function isBinding({ lists: [, outer, next] }: Place): boolean {
  const operator = next?.operator?.name ?? '';
  return outer !== undefined && /^(?:LET\*?|DO\*?|PROG\*?)$/.test(operator) && next?.index === 1;
}

function specialWants(place: Place): readonly Wanted[] {
  const { lists, typed } = place;
  const [list, outer, third] = lists;
  if (!list) return [];
  const operator = list.operator?.name ?? '';
  const around = outer?.operator?.name ?? '';
  const keyword = typed.startsWith(':');
  const at = list.index;

  if (operator === 'LOOP' && !keyword && list.operator?.package !== '')
    return [{ type: 'words', words: words.loopWords }, { type: 'symbols' }];
  if (operator === 'LOOP' && keyword)
    return [{ type: 'keywords', words: words.loopWords }, { type: 'any-keyword' }];

  const fromPackages = packageWants(place, operator, around);
  if (fromPackages) return fromPackages;

  if (Object.hasOwn(packageArguments, operator) && packageArguments[operator] === at)
    return [{ type: 'packages' }, ...(typed === '' || place.inside === 'string' ? [] : plainSymbols(place))];
  if (Object.hasOwn(systemArguments, operator) && systemArguments[operator] === at)
    return [{ type: 'systems' }];
  if (around === 'DEFSYSTEM' || around === 'DEFINE-SYSTEM') {
    const before = textAt(place.snapshot, outer?.objects[outer.index - 1])?.toUpperCase() ?? '';
    if (/^:(?:WEAKLY-|DEFSYSTEM-)?DEPENDS-ON$/.test(before)) return [{ type: 'systems' }];
  }
  if (operator === 'DEFSYSTEM' && keyword) return [{ type: 'keywords', words: words.systemOptions }];
  if (keyword && lists.some(each => each.operator?.name === 'DEFSYSTEM'))
    return [
      { type: 'keywords', words: at === 0 ? ['file', 'module', 'static-file'] : words.componentOptions },
    ];

  return (
    classWants(place, operator, around) ??
    declarationWants(place, operator, around) ??
    slotWants(place, operator, around, third) ??
    []
  );
}

const plainSymbols = ({ typed }: Place): Wanted[] => (/^[#:]/.test(typed) ? [] : [{ type: 'symbols' }]);

function packageWants({ lists, typed, snapshot }: Place, operator: string, around: string) {
  const [list, outer, third] = lists;
  if (packageForms.has(operator) && list!.index >= 2 && typed.startsWith(':'))
    return [{ type: 'keywords', words: words.options[operator]! }] as const;
  if (packageForms.has(around) && outer!.index >= 2) {
    if (list!.index === 0) return [{ type: 'keywords', words: words.options[around]! }] as const;
    if (list!.operator?.package !== '') return undefined;
    if (packageClauses.has(operator)) return [{ type: 'packages' }] as const;
    if (operator === 'IMPORT-FROM' || operator === 'SHADOWING-IMPORT-FROM')
      return list!.index === 1
        ? ([{ type: 'packages' }] as const)
        : ([{ type: 'exports', of: nameIn(textAt(snapshot, list!.objects[1])), internal: true }] as const);
    if (operator === 'SHADOW') return [{ type: 'exports', of: 'COMMON-LISP', internal: false }] as const;
    if (operator === 'EXPORT')
      return [{ type: 'exports', of: nameIn(textAt(snapshot, outer!.objects[1])), internal: true }] as const;
    return [];
  }
  if (packageForms.has(third?.operator?.name ?? '') && outer?.operator?.name === 'LOCAL-NICKNAMES')
    return list!.index === 1 ? ([{ type: 'packages' }] as const) : [];
  return undefined;
}

/** The name that a string designator stands for, in the case that FIND-PACKAGE wants. */
const nameIn = (text: string | undefined): string =>
  text === undefined
    ? ''
    : text.startsWith('"')
      ? text.replace(/^"|"$/g, '')
      : text.replace(/^#?:/, '').toUpperCase();

function classWants(place: Place, operator: string, around: string): readonly Wanted[] | undefined {
  const { lists, marks, typed, snapshot } = place;
  const [list, outer, third] = lists;
  const at = list!.index;
  const quoted = marks[0] === 'quoting_lit';
  if (quoted && quotedClassArguments[operator] === at && !list!.quoted)
    return [{ type: 'classes' }, { type: 'symbols' }];
  if (!quoted && at > 0 && classArguments[operator] === at) return [{ type: 'classes' }, { type: 'symbols' }];
  if (clausesOfClasses.has(around) && at === 0 && outer!.index >= 2 && !list!.quoted)
    return [{ type: 'classes' }];
  if (third?.operator?.name === 'HANDLER-BIND' && third.index === 1 && at === 0) return [{ type: 'classes' }];
  if (classForms.has(around) && outer!.index === 2) return [{ type: 'classes' }];
  if (operator === 'INCLUDE' && list!.operator?.package === '' && third?.operator?.name === 'DEFSTRUCT')
    return [{ type: 'classes' }];
  // a specializer: ((x ¦) …) of DEFMETHOD
  if (third?.operator?.name === 'DEFMETHOD' && at === 1 && outer !== undefined && isLambdaList(third, outer))
    return [{ type: 'classes' }];
  const before = textAt(snapshot, list!.objects[at - 1])?.toUpperCase();
  const isSlot = classForms.has(third?.operator?.name ?? '') && third!.index === 3;
  const isStructureSlot = around === 'DEFSTRUCT' && outer!.index >= 2;
  if (before === ':TYPE' && (isSlot || isStructureSlot)) return [{ type: 'classes' }, { type: 'symbols' }];
  if (typed.startsWith(':') || typed === '') {
    const wanted = (list: readonly string[] | undefined): readonly Wanted[] | undefined =>
      list && (typed !== '' ? [{ type: 'keywords', words: list }] : undefined);
    if (isSlot && at > 0) return wanted(words.slotOptions[third!.operator!.name]);
    if (isStructureSlot && at > 0 && outer!.index >= 2) return wanted(words.slotOptions['DEFSTRUCT']);
    if (third?.operator?.name === 'DEFSTRUCT' && at === 0) return wanted(words.structureOptions);
    if (Object.hasOwn(words.options, around) && at === 0 && outer!.index >= (around === 'DEFGENERIC' ? 3 : 4))
      return wanted(words.options[around]);
    if (operator === 'DEFMETHOD' && at >= 2 && typed.startsWith(':'))
      return [{ type: 'keywords', words: words.qualifiers }, { type: 'any-keyword' }];
  }
  return undefined;
}

/** Whether the list is the method's lambda list: the first list behind its name. */
function isLambdaList(method: ListPlace, list: ListPlace): boolean {
  const first = method.objects.slice(2).find(({ type }) => type === 'list_lit' || type === 'nil_lit');
  return first?.span.start === list.node.span.start;
}

function declarationWants({ lists }: Place, operator: string, around: string): readonly Wanted[] | undefined {
  const [list, , third] = lists;
  const declaring = /^(?:DECLARE|DECLAIM|PROCLAIM)$/;
  if (declaring.test(around) && list!.index === 0)
    return [{ type: 'words', words: words.declarations }, { type: 'classes' }];
  if (declaring.test(around) && operator === 'OPTIMIZE') return [{ type: 'words', words: words.qualities }];
  if (around === 'OPTIMIZE' && list!.index === 0 && third && declaring.test(third.operator?.name ?? ''))
    return [{ type: 'words', words: words.qualities }];
  if (declaring.test(around) && (operator === 'TYPE' || operator === 'FTYPE') && list!.index === 1)
    return [{ type: 'classes' }, { type: 'symbols' }];
  return undefined;
}

function slotWants(
  place: Place,
  operator: string,
  around: string,
  third: ListPlace | undefined,
): readonly Wanted[] | undefined {
  const { lists, marks, typed, snapshot } = place;
  const [list, outer] = lists;
  const at = list!.index;
  if (around === 'EVAL-WHEN' && outer!.index === 1) return [{ type: 'keywords', words: words.situations }];
  // (with-slots (¦) object) and (with-slots ((name ¦)) object)
  if (around === 'WITH-SLOTS' && outer!.index === 1) return slotsIn(classOf(place, outer!.objects[2]));
  if (third?.operator?.name === 'WITH-SLOTS' && third.index === 1 && at === 1)
    return slotsIn(classOf(place, third.objects[2]));
  if (/^SLOT-(?:VALUE|BOUNDP|MAKUNBOUND|EXISTS-P)$/.test(operator) && at === 2 && marks[0] === 'quoting_lit')
    return [{ type: 'slots', of: classOf(place, list!.objects[1]) }, { type: 'symbols' }];
  if (operator === 'MAKE-INSTANCE' && at >= 2 && (typed === '' || typed.startsWith(':'))) {
    const named = list!.objects[1];
    const symbol = named?.type === 'quoting_lit' ? objectsOf(named)[0] : undefined;
    if (symbol && symbolOf(snapshot, symbol) && at % 2 === 0)
      return [
        { type: 'initargs', of: textAt(snapshot, symbol) },
        ...(typed === '' ? [{ type: 'symbols' } as const] : [{ type: 'any-keyword' } as const]),
      ];
  }
  return undefined;
}

/** Where the class is not known its slots may be any symbols. */
const slotsIn = (of: string | undefined): readonly Wanted[] =>
  of === undefined ? [{ type: 'symbols' }] : [{ type: 'slots', of }];

/** The class that is said with THE, or that a variable is specialized on by the method around; undefined where that is not known. */
function classOf({ lists, snapshot }: Place, instance: SyntaxNode | undefined): string | undefined {
  const variable = symbolOf(snapshot, instance);
  if (!variable) {
    const [the, type] = instance?.type === 'list_lit' ? objectsOf(instance) : [];
    return symbolOf(snapshot, the)?.name === 'THE' && symbolOf(snapshot, type)
      ? textAt(snapshot, type)
      : undefined;
  }
  const method = lists.find(({ operator }) => operator?.name === 'DEFMETHOD');
  const lambdaList = method?.objects.slice(2).find(({ type }) => type === 'list_lit');
  if (!lambdaList) return undefined;
  for (const parameter of objectsOf(lambdaList)) {
    const [name, specializer] = parameter.type === 'list_lit' ? objectsOf(parameter) : [];
    if (symbolOf(snapshot, name)?.name === variable.name && symbolOf(snapshot, specializer))
      return textAt(snapshot, specializer);
  }
  return undefined;
}
