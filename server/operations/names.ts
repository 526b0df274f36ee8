/** Names as people write them, compared with those of definitions in a text. */
import { readSymbol } from '../source/symbols.ts';
import type { SourceDefinition, TopLevelForm } from '../source/types.ts';

const PREFIX = /^([^:|\\"()\s]+)::?(?=[^:])/;
const TOKEN = /[()]|(?:\\[^]|\|[^|]*\||[^()\s|\\])+/g;

/** A symbol's text without its package prefix and in the case of the standard readtable; as an image prints it where only |bars| can. */
export function bareName(text: string): string {
  const token = text.trim();
  if (!/[|\\]/.test(token) || /^["#']/.test(token)) return token.replace(PREFIX, '').toUpperCase();
  const { package: prefix, name } = readSymbol(token);
  const plain = /^[!-~]+$/.test(name) && !/[()"';`,:|\\#a-z]/.test(name);
  return (prefix === '' ? ':' : '') + (plain ? name : `|${name.replace(/[|\\]/g, '\\$&')}|`);
}

/** The name of a function in its parts. */
export interface FunctionName {
  /** The symbol as written, with its prefix. */
  readonly token: string;
  /** The prefix in the case that FIND-PACKAGE wants. */
  readonly package: string | undefined;
  readonly setf: boolean;
}

/** `app:f`, `|a b|::f`, `(setf app:f)`. */
export function functionName(text: string): FunctionName {
  const setf = /^\(\s*(?:(?:cl|common-lisp):)?setf\s+([^]*?)\s*\)$/i.exec(text.trim());
  const token = setf ? setf[1]! : text.trim();
  const { package: prefix } = readSymbol(token);
  return { token, package: prefix === '' || prefix === '#' ? undefined : prefix, setf: setf !== null };
}

/** Without its package: "F", "( SETF F )". */
export const withoutPackage = ({ token, setf }: FunctionName) =>
  setf ? `( SETF ${bareName(token)} )` : bareName(token);

const words = (text: string) =>
  (text.match(TOKEN) ?? []).map(each => (each === '(' || each === ')' ? each : bareName(each))).join(' ');

interface Spelled {
  readonly name: string;
  readonly qualifiers?: readonly string[] | undefined;
  readonly specializers?: readonly string[] | undefined;
}

/** "COMPUTE", "( SETF FOO )", "AREA :AROUND ( CIRCLE T )": what two spellings of one definition have in common. */
export const spelling = ({ name, qualifiers = [], specializers }: Spelled): string =>
  words([name, ...qualifiers, ...(specializers ? [`(${specializers.join(' ')})`] : [])].join(' '));

/** As an image writes it: "(SETF FOO)", "AREA :AROUND (CIRCLE T)". */
export const printedName = (definition: Spelled): string =>
  spelling(definition).replaceAll('( ', '(').replaceAll(' )', ')');

/** As it was written: "app:area :around (circle t)". */
export const wholeName = ({ name, qualifiers = [], specializers }: Spelled): string =>
  [
    name,
    ...qualifiers,
    ...(specializers && specializers.length > 0 ? [`(${specializers.join(' ')})`] : []),
  ].join(' ');

const DESIGNATOR = /^(?:'\s*|#?:)((?:\\[^]|\|[^|]*\||[^\s()"':;`,|\\])+)$/;

/**
 * The name that a string designator as Lisp has it, `:shop`, `#:shop`, `'shop` or `"SHOP"`, stands for; other texts are names as they are.
 * Undefined: it begins like a designator and is none.
 * @param fold what becomes of the letters of a symbol
 */
export function designatedName(text: string, fold: (name: string) => string): string | undefined {
  const trimmed = text.trim();
  if (!/^(?:["':]|#:)/.test(trimmed)) return trimmed === '' ? undefined : text;
  const string = /^"((?:\\[^]|[^"\\])+)"$/.exec(trimmed);
  if (string) return string[1]!.replace(/\\([^])/g, '$1');
  const token = DESIGNATOR.exec(trimmed)?.[1];
  if (token === undefined) return undefined;
  return /[|\\]/.test(token) ? readSymbol(token).name : fold(token);
}

/** "shop", ":shop", "#:shop" and "\"SHOP\"" as one. */
const designated = (text: string) =>
  text
    .trim()
    .replace(/^#?:(?=.)/, '')
    .replace(/^"([^]*)"$/, '$1')
    .toUpperCase();

/**
 * Whether `asked` means the definition: its name, or for a method its name with qualifiers and specializers
 * ("area", "area :around", "area (circle)", "area :around (circle)"; trailing specializers of T may be left out), or with its qualifiers and
 * lambda list as written ("area :around ((shape circle))"). Packages, systems and what is named by a string go by any designator.
 */
export function isCalled(definition: SourceDefinition, asked: string, wanted = words(asked)): boolean {
  const { kind, name, qualifiers = [], specializers, lambdaList } = definition;
  if (kind === 'package' || kind === 'system' || name.startsWith('"'))
    return designated(asked) === designated(name);
  if (wanted === words(name)) return true;
  if (!specializers) return false;
  if (qualifiers.length > 0 && wanted === words([name, ...qualifiers].join(' '))) return true;
  if (lambdaList !== undefined && wanted === words([name, ...qualifiers, lambdaList].join(' '))) return true;
  for (let shown = specializers.length; shown > 0; shown--) {
    if (wanted === spelling({ ...definition, specializers: specializers.slice(0, shown) })) return true;
    if (bareName(specializers[shown - 1]!) !== 'T') return false;
  }
  return false;
}

/** Without the quote before a name: 'name, #'name. */
const unquoted = (asked: string): string => asked.trim().replace(/^#?'\s*/, '');

/** The name alone of what may be spelled with qualifiers and specializers. */
export const nameAlone = (asked: string): string =>
  /^(?:\(\s*(?:(?:cl|common-lisp):)?setf\s[^()]*\)|[^\s()]+)/i.exec(unquoted(asked))?.[0] ?? asked;

/** Whether a form of this type is asked for: "defun", or the kind ("function"); any where `type` is undefined. */
const isOfType = (definition: SourceDefinition, type: string | undefined) =>
  type === undefined ||
  definition.operator === bareName(type).toLowerCase() ||
  definition.kind === type.trim().toLowerCase();

export interface Named {
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
}

/** The forms of a text that define the name asked for, with the definition in question. Yields after each form. */
export function* definitionsCalled(
  forms: readonly TopLevelForm[],
  type: string | undefined,
  name: string,
): Generator<void, Named[], void> {
  const found: Named[] = [];
  const asked = unquoted(name);
  const wanted = words(asked);
  for (const form of forms) {
    for (const definition of form.definitions)
      if (isOfType(definition, type) && isCalled(definition, asked, wanted)) found.push({ form, definition });
    yield;
  }
  return found;
}

/**
 * Those of several that are meant most: in the package of the prefix that was asked for; else spelled as asked; and of what
 * reader conditionals offer, that which is read.
 */
export function mostMeant(found: readonly Named[], asked: string): readonly Named[] {
  const prefix = prefixOf(asked);
  const steps: ((each: Named) => boolean)[] = [
    ({ form, definition }) => (prefixOf(definition.name) ?? form.package ?? '') === prefix,
    ({ definition }) => definition.name.toUpperCase() === asked.trim().toUpperCase(),
    ({ form }) => form.active,
  ];
  let left = found;
  for (const step of steps) {
    const better = left.length > 1 ? left.filter(step) : [];
    if (better.length > 0) left = better;
  }
  return left;
}

/** The package in the case that FIND-PACKAGE wants, of a name or of the name in `(setf name)`. */
function prefixOf(name: string): string | undefined {
  const token = /^\(\s*\S+\s+([^\s()]+)\s*\)$/.exec(name.trim())?.[1] ?? name.trim();
  return PREFIX.exec(token)?.[1]?.toUpperCase();
}
