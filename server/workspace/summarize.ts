/**
 * From a snapshot to what the index keeps of it. What a form says is read once for as long as its text stays; only where it stands may
 * be another place in the next version.
 */
import type { PositionEncoding, Snapshot, SourceDefinition, TopLevelForm } from '../source/index.ts';
import type { ChunkForm } from '../source/chunk.ts';
import { contentsOf, formRowOf, sharedStretches, type FormRow } from '../source/stretches.ts';
import type { Position, Span } from '../source/types.ts';
import { derivedFrom } from './derived.ts';
import { visitForm } from './mentions.ts';
import { treeOf } from './nodes.ts';
import { supersOf } from './supers.ts';
import type { FileSummary, FormUses, IndexedDefinition, PackageForm } from './types.ts';

/** UTF-16 code units of a docstring or lambda list that are kept. */
const kept = 200;

/** A definition without its place; the spans count from the start of its form. */
interface Unplaced {
  readonly definition: Omit<IndexedDefinition, 'range' | 'nameRange' | 'package'>;
  readonly span: Span;
  readonly nameSpan: Span;
}

/** What a form says, wherever it stands. */
interface FormSummary {
  readonly active: boolean;
  readonly definitions: readonly Unplaced[];
  readonly packages: readonly PackageForm[];
  readonly uses: readonly string[];
  /** As it was placed last. */
  placed?: Placed;
}

interface Placed {
  readonly start: Position;
  readonly encoding: PositionEncoding;
  readonly definitions: readonly IndexedDefinition[];
  readonly uses: FormUses;
}

const summaries = new WeakMap<ChunkForm, FormSummary>();

/** What a form mentions: keys of mentions.ts; undefined where it was not read yet. */
export function usesOf(form: TopLevelForm): readonly string[] | undefined {
  const key = contentsOf(form)?.form;
  return key && summaries.get(key)?.uses;
}

/** What a stretch of a text says where it stands. */
interface Piece {
  readonly start: Position;
  /** The package in effect where it begins. */
  readonly package: string | undefined;
  readonly definitions: readonly IndexedDefinition[];
  readonly packages: readonly PackageForm[];
  readonly forms: readonly FormUses[];
  readonly conditional: boolean;
}

/** A summary, and what makes the next one quick. */
export interface Summary extends FileSummary {
  readonly pieces: readonly Piece[];
  readonly keys: readonly object[];
  readonly environment: object;
}

/** @param before of an earlier version of the text, with the same encoding */
export function summarize(snapshot: Snapshot, encoding: PositionEncoding, before?: Summary): Summary {
  const row = formRowOf(snapshot)!;
  const { keys, environment } = row;
  const old = before?.environment === environment ? before : undefined;
  const [first, last] = old ? sharedStretches(old.keys, keys) : [0, 0];
  const fresh = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => read(snapshot, row, from + i, encoding));
  const pieces = [...(old?.pieces.slice(0, first) ?? []), ...fresh(first, keys.length - last)];
  if (old && last > 0) {
    const changed = [...old.pieces.slice(first, -last), ...pieces.slice(first)];
    const behind = old.pieces.slice(-last);
    // A reader conditional may mean something to what stands behind it, and so may an IN-PACKAGE.
    const same =
      !changed.some(({ conditional }) => conditional) &&
      standsAt(behind[0]!, snapshot, row.starts[keys.length - last]!, encoding);
    pieces.push(...(same ? behind : fresh(keys.length - last, keys.length)));
  }
  return {
    pieces,
    keys,
    environment,
    definitions: joined(pieces, 'definitions'),
    packages: joined(pieces, 'packages'),
    // few ask
    get forms() {
      return joined(pieces, 'forms');
    },
    conditional: pieces.some(({ conditional }) => conditional),
  };
}

/** As flatMap does, in a tenth of its time: there is one after every edit. */
function joined<K extends 'definitions' | 'packages' | 'forms'>(
  pieces: readonly Piece[],
  key: K,
): Piece[K][number][] {
  const out: Piece[K][number][] = [];
  for (const piece of pieces) for (const each of piece[key]) out.push(each);
  return out;
}

function read(snapshot: Snapshot, row: FormRow, i: number, encoding: PositionEncoding): Piece {
  const [start, end] = [row.starts[i]!, row.starts[i + 1]!];
  const definitions: IndexedDefinition[] = [];
  const packages: PackageForm[] = [];
  const forms: FormUses[] = [];
  for (let n = 0; n < row.count(i); n++) {
    const form = row.form(i, n);
    const summary = summaryOf(snapshot, form);
    const placed = place(summary, snapshot, form, encoding);
    definitions.push(...placed.definitions);
    packages.push(...summary.packages);
    if (summary.uses.length > 0) forms.push(placed.uses);
  }
  return {
    start: snapshot.positionAt(start, encoding),
    package: snapshot.packageAt(start),
    definitions,
    packages,
    forms,
    conditional: /#[+-]/.test(snapshot.slice(start, end)),
  };
}

function standsAt(piece: Piece, snapshot: Snapshot, offset: number, encoding: PositionEncoding): boolean {
  const { line, character } = snapshot.positionAt(offset, encoding);
  return (
    line === piece.start.line &&
    character === piece.start.character &&
    snapshot.packageAt(offset) === piece.package
  );
}

function summaryOf(snapshot: Snapshot, form: TopLevelForm): FormSummary {
  const key = contentsOf(form)?.form;
  const known = key && summaries.get(key);
  if (known?.active === form.active) return known;
  const summary = readForm(snapshot, form);
  if (key) summaries.set(key, summary);
  return summary;
}

function place(
  summary: FormSummary,
  snapshot: Snapshot,
  form: TopLevelForm,
  encoding: PositionEncoding,
): Placed {
  const packageName = form.package ?? null;
  const base = form.span.start;
  const start = snapshot.positionAt(base, encoding);
  const last = summary.placed;
  if (
    last?.uses.package === packageName &&
    last.encoding === encoding &&
    last.start.line === start.line &&
    last.start.character === start.character
  )
    return last;
  const rangeOf = (span: Span) =>
    snapshot.rangeOf({ start: span.start + base, end: span.end + base }, encoding);
  return (summary.placed = {
    start,
    encoding,
    uses: { package: packageName, uses: summary.uses },
    definitions: summary.definitions.map(({ definition, span, nameSpan }) => ({
      ...definition,
      package: packageName,
      range: rangeOf(span),
      nameRange: rangeOf(nameSpan),
    })),
  });
}

function readForm(snapshot: Snapshot, form: TopLevelForm): FormSummary {
  const { active } = form;
  const base = form.span.start;
  const relative = ({ start, end }: Span): Span => ({ start: start - base, end: end - base });
  const definitions: Unplaced[] = [];
  const packages: PackageForm[] = [];
  const uses = new Set<string>();
  if (active) for (const each of form.definitions) add(each, undefined);
  const node = treeOf(snapshot, form);
  if (node)
    visitForm(snapshot, node, {
      mention: key => uses.add(key),
      package: each => {
        if (active) packages.push(each);
      },
      list(operator, list) {
        if (!active) return;
        const supers = supersOf(snapshot, operator, list);
        if (supers)
          for (const [i, { definition, ...place }] of definitions.entries())
            if (definition.name === supers.name && definition.supers === undefined)
              definitions[i] = { ...place, definition: { ...definition, supers: supers.names } };
        for (const { span, nameSpan, ...derived } of derivedFrom(snapshot, operator, list))
          definitions.push({ definition: derived, span: relative(span), nameSpan: relative(nameSpan) });
      },
    });
  return { active, definitions, packages, uses: [...uses] };

  function add(definition: SourceDefinition, container: string | undefined): void {
    const { kind, operator, name, qualifiers, specializers, lambdaList, docstring } = definition;
    if (kind === 'declaration') return;
    const summary = docstring?.trim().split(/\r\n|\r|\n/, 1)[0];
    definitions.push({
      span: relative(definition.span),
      nameSpan: relative(definition.nameSpan),
      definition: {
        kind,
        operator,
        name: oneLine(name),
        ...(qualifiers && qualifiers.length > 0 && { qualifiers }),
        ...(specializers && { specializers }),
        ...(lambdaList !== undefined && { lambdaList: oneLine(lambdaList) }),
        ...(summary && { summary: summary.slice(0, kept) }),
        ...(container !== undefined && { container }),
        ...(operator === 'slot' &&
          snapshot.slice(definition.span.start, definition.span.start + 1) === '(' && {
            slot: oneLine(snapshot.slice(definition.span.start, definition.span.end)),
          }),
      },
    });
    for (const child of definition.children) add(child, name);
  }
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, kept);
