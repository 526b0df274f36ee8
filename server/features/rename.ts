/** Renaming what is local to one form, and editing it in step. Pure. */
import { HotlispError } from '../errors.ts';
import {
  readSymbol,
  type PositionEncoding,
  type Range,
  type Snapshot,
  type TopLevelForm,
} from '../source/index.ts';
import { meansTheSame, nameSpanOf, problemOfName, renameBinding } from '../source/renaming.ts';
import { spaceOf } from '../source/scope/model.ts';
import { symbolAt, symbolsIn, type Binding, type Occurrence } from '../source/scope.ts';
import { leafAt } from './highlight.ts';
import { standardSymbols } from '../workspace/standardSymbols.ts';

/** The range of the name alone, and the name as written. */
export function prepareLocal(
  snapshot: Snapshot,
  { span }: Pick<Occurrence, 'span'>,
  encoding: PositionEncoding,
): { range: Range; placeholder: string } {
  const name = nameSpanOf(snapshot.text, span);
  return { range: snapshot.rangeOf(name, encoding), placeholder: snapshot.text.slice(name.start, name.end) };
}

/** As `prepareLocal`, of whatever stands there: of `shop:total` the part that the offset touches, of `"TOTAL"` what is inside. */
export function prepareGlobal(
  snapshot: Snapshot,
  offset: number,
  encoding: PositionEncoding,
): ReturnType<typeof prepareLocal> | null {
  const form = snapshot.formAt(offset);
  const leaf = form && leafAt(snapshot, form, offset);
  if (!leaf) return null;
  const name = nameSpanOf(snapshot.text, leaf.span);
  if (leaf.type !== 'package_lit' || offset >= name.start) return prepareLocal(snapshot, leaf, encoding);
  const prefix = snapshot.text.slice(leaf.span.start, name.start).replace(/:+$/, '');
  return {
    range: snapshot.rangeOf({ start: leaf.span.start, end: leaf.span.start + prefix.length }, encoding),
    placeholder: prefix,
  };
}

/** What may care how the variable is called: the constructor of a structure, or a macro that is given slots' names. */
function looksUp({ kind, operator, parameter, guessed, named }: Binding): string | undefined {
  if (operator === 'defstruct' && kind === 'parameter' && parameter !== 'SUPPLIED-P')
    return "the structure's constructor";
  return guessed && (named || OF_SLOTS.test(operator)) ? operator : undefined;
}

/** Macros of a program's own that are given slots' names, by their look. */
const OF_SLOTS = /-(?:slots|accessors|readers|fields)$/;

/** The macro in whose list of slots the variable's name stands, behind that of what it binds: there it may be a slot's. */
function namesSlotIn(snapshot: Snapshot, form: TopLevelForm, { occurrences }: Binding): string | undefined {
  return symbolsIn(form).bindings.find(
    ({ guessed, operator, span: { end } }) =>
      guessed &&
      OF_SLOTS.test(operator) &&
      occurrences.some(({ span: { start } }) => start > end && /^\s+$/.test(snapshot.slice(end, start))),
  )?.operator;
}

/** Variables and constants of the standard cannot be bound, by their look. */
const STANDARD_VALUE =
  /^(?:T|NIL|PI|BOOLE-.*|(?:MOST|LEAST)-.*|.*-EPSILON|.*-LIMIT|LAMBDA-LIST-KEYWORDS|INTERNAL-TIME-UNITS-PER-SECOND|[-+*/]{1,3})$/;

/**
 * The edits that give a local thing another name. Yields often.
 * @param read makes a snapshot of a text
 * @throws HotlispError `invalid-arguments` with the reason where code would mean something else afterwards
 */
export function* renameLocal(
  snapshot: Snapshot,
  binding: Binding,
  newName: string,
  encoding: PositionEncoding,
  read: (text: string) => Snapshot,
): Generator<void, { range: Range; newText: string }[], void> {
  const refuse = (reason: string) => new HotlispError('invalid-arguments', `Not renamed: ${reason}`);
  const problem = problemOfName(newName);
  if (problem !== undefined) throw refuse(problem);
  const { name } = readSymbol(newName);
  if (name.startsWith('&')) throw refuse(`${newName} reads as a lambda list keyword.`);
  const space = spaceOf[binding.kind];
  if (
    space === 'v' &&
    (/^\*.+\*$/.test(name) || (STANDARD_VALUE.test(name) && standardSymbols.has(name)) || name === 'T')
  )
    throw refuse(`${newName} is a special variable or a constant, or looks like one.`);
  if (space === 'f' && standardSymbols.has(name))
    throw refuse(`${newName} is a symbol of COMMON-LISP, whose functions cannot be bound locally.`);
  const form = snapshot.formAt(binding.span.start);
  if (!form || form.broken) throw refuse('the form around it does not read. Mend it first.');
  const looker = looksUp(binding) ?? namesSlotIn(snapshot, form, binding);
  if (looker !== undefined)
    throw refuse(`${looker} may find a slot, or something else, by the name ${binding.name}.`);
  if (binding.special) throw refuse(`${binding.name} is declared special: other functions may use it.`);
  const replacements = renameBinding(snapshot, binding, newName);
  if (name !== binding.name && !(yield* meansTheSame(snapshot, form, replacements, read)))
    throw refuse(`${newName} names something else there already. Choose another name.`);
  return replacements.map(({ span, text }) => ({ range: snapshot.rangeOf(span, encoding), newText: text }));
}

/** The places of a local thing, to be edited in step; null where that is not safe. */
export function linkedRanges(
  snapshot: Snapshot,
  offset: number,
  encoding: PositionEncoding,
): { ranges: Range[]; wordPattern: string } | null {
  const binding = symbolAt(snapshot, offset)?.binding;
  if (!binding || binding.doubles || binding.special || binding.guessed) return null;
  const spans = binding.occurrences.map(({ span }) => span);
  const texts = new Set(spans.map(({ start, end }) => snapshot.text.slice(start, end)));
  if (texts.size !== 1 || spans.length < 2) return null;
  const inOrder = [...spans].sort((a, b) => a.start - b.start);
  return {
    ranges: inOrder.map(span => snapshot.rangeOf(span, encoding)),
    wordPattern: '[^\\s()"\';`,|\\\\:]+',
  };
}
