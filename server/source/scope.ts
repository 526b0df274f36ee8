/**
 * Which local variable, function, macro, block or tag a symbol refers to, and where else that is used: read from the tree alone.
 *
 * - `symbolAt(snapshot, offset)`: the symbol there, what it stands for, and its binding where it is something local.
 * - `localsAt(snapshot, offset)`: what is in scope there, the innermost first, without what is shadowed.
 * - `symbolsIn(snapshot, form)`: every symbol of a top-level form, with bindings.
 * - `freeIn(snapshot, span)`: local things that a stretch of code uses but does not bind, and those it binds that are used behind it.
 *
 * Spans are UTF-16 offsets in the snapshot's text. A form is analysed when it is first asked about, and once as long as its text
 * stays; nothing is evaluated, expanded, or asked of an image. What macros of users bind is told from their names and from how
 * their calls look (`Binding.guessed`).
 */
import type { ChunkForm } from './chunk.ts';
import { definitionHandlers } from './scope/definitions.ts';
import { libraryHandlers, unknownOperator } from './scope/conventions.ts';
import { iterate, loop } from './scope/loop.ts';
import { standardHandlers } from './scope/standard.ts';
import { spaceOf, type Analysis, type Binding, type Occurrence } from './scope/model.ts';
import { Walker, type Handlers } from './scope/walker.ts';
import { contentsOf, readingOf } from './stretches.ts';
import { finish } from './slices.ts';
import type { Snapshot, Span, TopLevelForm } from './types.ts';

export type { Access, Analysis, Binding, BindingKind, Namespace, Occurrence } from './scope/model.ts';

const known = new Map(
  Object.entries({
    ...definitionHandlers,
    ...libraryHandlers,
    ...standardHandlers,
    LOOP: loop,
    ITER: iterate,
    ITERATE: iterate,
  }),
);
const handlers: Handlers = { find: name => known.get(name), unknown: unknownOperator };

const NOTHING: Analysis = { occurrences: [], bindings: [] };

/**
 * As the form's own tree has it: offsets from the start of its chunk. Not kept. Yields often.
 * @param step how many nodes are walked at once
 */
export function* analysisSteps(form: ChunkForm, step?: number): Generator<void, Analysis, void> {
  const kept = analyses.get(form);
  if (kept || !form.object) return kept ?? NOTHING;
  return yield* new Walker(form.reader, handlers, step).analyse(form.object);
}

const analyses = new WeakMap<ChunkForm, Analysis>();
const shifted = new WeakMap<TopLevelForm, Analysis>();

function* keeping(form: ChunkForm): Generator<void, Analysis, void> {
  const analysis = yield* analysisSteps(form);
  analyses.set(form, analysis);
  return analysis;
}

const keptAnalysis = (form: ChunkForm): Analysis => finish(keeping(form));

/** Analyses a form that the functions of this file will be asked about: of a long one that takes a while. Yields often. */
export function* analysing(form: TopLevelForm): Generator<void, Analysis, void> {
  const known = shifted.get(form);
  if (known) return known;
  yield* readingOf(form);
  const contents = contentsOf(form);
  if (!contents) return NOTHING;
  const analysis = yield* shift(yield* keeping(contents.form), contents.base);
  shifted.set(form, analysis);
  return analysis;
}

/** Every symbol of a form, keywords and `#:a` aside, in order. */
export const symbolsIn = (form: TopLevelForm): Analysis => finish(analysing(form));

/** Where a form mentions a name (as the reader interns it) and means nothing local by it. */
export function globalMentions(form: TopLevelForm, name: string): Occurrence[] {
  const contents = contentsOf(form);
  if (!contents) return [];
  const { base } = contents;
  return keptAnalysis(contents.form)
    .occurrences.filter(({ binding, symbol }) => !binding && symbol.name === name)
    .map(each => ({ ...each, span: { start: each.span.start + base, end: each.span.end + base } }));
}

/** The symbol that an offset touches, the one that begins there first; undefined where there is none, and for keywords. */
export function symbolAt(snapshot: Snapshot, offset: number): Occurrence | undefined {
  const form = snapshot.formAt(offset);
  if (!form) return undefined;
  let found: Occurrence | undefined;
  for (const occurrence of symbolsIn(form).occurrences) {
    if (occurrence.span.start > offset) break;
    if (occurrence.span.end < offset) continue;
    // one token can be bound and used at once: the binding tells more
    if (!found || occurrence.span.start > found.span.start || (!found.binding && occurrence.binding))
      found = occurrence;
  }
  return found;
}

/** What is in scope at an offset, the innermost first; of two with one name and one kind of use only the inner one. */
export function localsAt(snapshot: Snapshot, offset: number): Binding[] {
  let form = snapshot.formAt(offset);
  let at = offset;
  if (!form) {
    // behind a form that nothing closes
    while (at > 0 && /\s/.test(snapshot.text[at - 1]!)) at--;
    form = snapshot.formAt(at);
    if (!form?.broken) return [];
  }
  if (at === form.span.end && !form.broken) return [];
  const inScope = symbolsIn(form).bindings.filter(({ scope }) => scope.start <= at && at <= scope.end);
  const seen = new Set<string>();
  return inScope.reverse().filter(({ kind, name }) => {
    const key = spaceOf[kind] + name;
    return !seen.has(key) && seen.add(key);
  });
}

export interface Free {
  /** Bound outside of the span and used in it, in order of the first use. */
  readonly used: readonly { readonly binding: Binding; readonly written: boolean }[];
  /** Bound in the span and used behind it. */
  readonly escaping: readonly Binding[];
}

/** What a stretch of one top-level form shares with the code around it. */
export function freeIn(snapshot: Snapshot, span: Span): Free {
  const form = snapshot.formAt(span.start);
  if (!form) return { used: [], escaping: [] };
  const inside = (each: Span) => span.start <= each.start && each.end <= span.end;
  const used = new Map<Binding, boolean>();
  const escaping = new Set<Binding>();
  for (const { span: place, binding, access } of symbolsIn(form).occurrences) {
    if (!binding) continue;
    if (inside(binding.span)) {
      if (!inside(place)) escaping.add(binding);
    } else if (inside(place)) used.set(binding, used.get(binding) === true || access === 'write');
  }
  return { used: [...used].map(([binding, written]) => ({ binding, written })), escaping: [...escaping] };
}

/** How many are moved between two turns of others. */
const MANY = 4096;

function* shift(analysis: Analysis, by: number): Generator<void, Analysis, void> {
  if (by === 0) return analysis;
  const move = ({ start, end }: Span): Span => ({ start: start + by, end: end + by });
  const moved = new Map<Binding, Binding & { occurrences: Occurrence[] }>();
  for (const binding of analysis.bindings)
    moved.set(binding, {
      ...binding,
      span: move(binding.span),
      scope: move(binding.scope),
      ...(binding.lambdaList && { lambdaList: move(binding.lambdaList) }),
      occurrences: [],
    });
  yield;
  const occurrences: Occurrence[] = [];
  /** Of the bound ones: where it has moved. */
  const place = new Map<Occurrence, Occurrence>();
  for (const occurrence of analysis.occurrences) {
    const binding = occurrence.binding && moved.get(occurrence.binding);
    const copy: Occurrence = { ...occurrence, span: move(occurrence.span), binding };
    if (binding) place.set(occurrence, copy);
    if (occurrences.push(copy) % MANY === 0) yield;
  }
  yield;
  for (const [binding, copy] of moved)
    for (const each of binding.occurrences) copy.occurrences.push(place.get(each)!);
  return { occurrences, bindings: [...moved.values()] };
}
