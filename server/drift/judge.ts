/** What differs between a text and an image: a pure function of what is known of both. What is not known is no difference. */
import type { Held, Stray, TextDefinition } from '../image/protocol.ts';
import { definitionName } from '../operations/forms.ts';
import { wholeName } from '../operations/names.ts';
import type { Snapshot, Span, TopLevelForm } from '../source/types.ts';
import { keyOf, type Entry } from './entries.ts';

/**
 * changed: the text in the editor differs from what the image runs. newer: so does the file, which was written after the image loaded it.
 * unpersisted: the image runs a text that no file has. deleted: the file has it no more, and the image runs it on.
 */
export type DriftState = 'changed' | 'newer' | 'unpersisted' | 'deleted';

export interface Drift {
  readonly state: DriftState;
  /** For people, as the text or the image writes it; undefined where it is the file as a whole. */
  readonly name: string | undefined;
  /** Which definition; undefined where it is the file as a whole. */
  readonly what: Pick<TextDefinition, 'definition' | 'package'> | undefined;
  /** The text's own form of it. */
  readonly form: TopLevelForm | undefined;
  /** Where it is told: the name in that form, else where the definition would stand. */
  readonly anchor: Span;
  /** What the image runs, where that is known to the letter. */
  readonly text?: string;
  /** The image has no such definition at all. */
  readonly missing?: boolean;
}

/** The digests of a text's definitions, by key. */
export type Digests = ReadonlyMap<string, readonly string[]>;

export interface FormText {
  readonly digest: string;
  readonly text: string;
}

/** What is known of an image and of a file at one time. */
export interface Disk {
  /** Milliseconds since 1970. */
  readonly written: number;
  readonly digests: Digests;
}

export interface Knowledge {
  /** The definitions that were asked about, those that the text had once included. */
  readonly held: ReadonlyMap<string, { readonly asked: TextDefinition; readonly held: Held }>;
  readonly strays: readonly Stray[];
  /** By the second since 1970 in which it was written: the texts that the file is known to have had then. */
  readonly loaded: ReadonlyMap<number, readonly Digests[]>;
  /** Whether that is the file in question. */
  readonly isOwn: (file: string | undefined) => boolean;
  /** The file as it is on the disk; undefined where there is none. */
  readonly disk: Disk | undefined;
  /** The definition that stood before each one when it was last seen. */
  readonly before: ReadonlyMap<string, string | undefined>;
  /** Keys of what the image has from another file that says nothing of it any more. */
  readonly left?: ReadonlySet<string>;
  /** What a text that is not a file's says of a definition: its form; undefined where it does not say. */
  readonly formIn: (text: string, what: Pick<TextDefinition, 'definition'>) => FormText | undefined;
}

/** Operators whose forms define in every image what they name. */
const plain = new Set(
  (
    'defun defmacro defgeneric defmethod defvar defparameter defconstant defclass define-condition defstruct deftype ' +
    'define-compiler-macro define-symbol-macro defsetf define-setf-expander define-method-combination defpackage'
  ).split(' '),
);

/** @param hidden keys of definitions that the text has, but behind reader conditionals that are false */
export function judge(
  snapshot: Snapshot,
  entries: readonly Entry[],
  hidden: ReadonlySet<string>,
  knowledge: Knowledge,
): Drift[] {
  const byKey = new Map<string, Entry[]>();
  for (const entry of entries) byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), entry]);
  const loaded = isLoaded(knowledge);
  const drifts: Drift[] = [];
  for (const same of byKey.values()) {
    const found = same.map(entry => judgeEntry(snapshot, entry, knowledge, loaded));
    const last = found.at(-1);
    // Of several definitions of one name the image has the last, unless they are made under conditions.
    if (last && (same.every(isPlain) || found.every(each => each !== undefined))) drifts.push(last);
  }
  drifts.push(...wholeFile(snapshot, knowledge));
  // Where something cannot be read, what is missing may stand in there.
  if (snapshot.problems.length === 0)
    drifts.push(...vanished(snapshot, byKey, hidden, knowledge), ...unplaced(snapshot, byKey, knowledge));
  return drifts.sort((a, b) => a.anchor.start - b.anchor.start);
}

/** Whether the image is known to run something of the file. */
const isLoaded = ({ held, isOwn }: Knowledge): boolean =>
  [...held.values()].some(
    ({ held: { status, unsaved, file } }) =>
      (status === 'file' || (status === 'installed' && !unsaved)) && isOwn(file),
  );

/** Forms that are not known to be what the image runs: those that drift, and of a file that it loaded those that it has from elsewhere or was not asked about. */
export function unlikeForms(
  entries: readonly Entry[],
  drifts: readonly Drift[],
  knowledge: Knowledge,
): readonly TopLevelForm[] {
  const drifting = new Set(drifts.map(({ form }) => form));
  const loaded = isLoaded(knowledge);
  const isUnlike = ({ key, form }: Entry) => {
    if (drifting.has(form)) return true;
    const held = knowledge.held.get(key)?.held;
    if (!held || held.status === 'unknown') return loaded;
    return loaded && held.status === 'file' && !knowledge.isOwn(held.file);
  };
  return [...new Set(entries.filter(isUnlike).map(({ form }) => form))];
}

function judgeEntry(
  snapshot: Snapshot,
  entry: Entry,
  knowledge: Knowledge,
  isLoaded: boolean,
): Drift | undefined {
  const { key, form, definition, asked } = entry;
  const held = knowledge.held.get(key)?.held;
  if (!held) return undefined;
  const drift = (state: DriftState, more: Pick<Drift, 'text' | 'missing'> = {}): Drift => ({
    state,
    name: definitionName(definition),
    what: asked,
    form,
    anchor: definition.nameSpan,
    ...more,
  });
  const { digest } = form;
  const saved = knowledge.disk?.digests.get(key);
  const edited = (): DriftState => (saved?.includes(digest) ? 'newer' : 'changed');
  /** @param since when the image got a text that no file had (milliseconds since 1970); undefined: it is not known */
  const against = (runs: string | undefined, text: string | undefined, loose: boolean, since?: number) => {
    if (runs === undefined || runs === digest) return undefined;
    const more = text === undefined ? {} : { text };
    if (saved?.includes(runs)) return drift('changed', more);
    const written = knowledge.disk?.written ?? 0;
    if (!loose) {
      if (edited() === 'changed') return drift('changed', more);
      return drift(since !== undefined && since > written ? 'unpersisted' : 'newer', more);
    }
    const known = [...knowledge.loaded.values()].flat();
    const fileWentOn =
      since !== undefined &&
      written > since &&
      known.length > 0 &&
      known.every(each => !each.get(key)?.some(loaded => saved?.includes(loaded)));
    return drift(fileWentOn ? edited() : 'unpersisted', more);
  };
  switch (held.status) {
    case 'absent':
      return isLoaded && isPlain(entry) ? drift(edited(), { missing: true }) : undefined;
    case 'unknown':
      return undefined;
    case 'installed':
      // Of two files that define it the image has the other one's.
      if (held.file !== undefined && !knowledge.isOwn(held.file) && !knowledge.left?.has(key))
        return undefined;
      return against(held.digest, held.text, held.unsaved === true, held.since);
    case 'client': {
      const since = held.since ?? (held.fileWriteDate === undefined ? undefined : held.fileWriteDate * 1000);
      const ran = knowledge.formIn(held.text!, asked);
      return against(ran?.digest, ran?.text, true, since);
    }
    case 'unfiled': {
      if (held.text === undefined || hasReaderSyntax(snapshot, form)) return undefined;
      return against(knowledge.formIn(held.text, asked)?.digest, held.text, true);
    }
    case 'file': {
      const ran = loadedDigests(key, held, knowledge);
      return ran && !ran.includes(digest) ? drift(edited()) : undefined;
    }
  }
}

const isPlain = ({ form, definition }: Entry) =>
  plain.has(definition.operator) && form.operator === definition.operator;

/** Whether the form says something in a way in which a printer would not. */
const hasReaderSyntax = ({ text }: Snapshot, { span }: TopLevelForm) =>
  /#(?!['\\(:])/.test(text.slice(span.start, span.end));

/** The digests of the forms that the image may have loaded for the definition; undefined where that is not known. */
function loadedDigests(key: string, held: Held, { loaded, isOwn }: Knowledge): readonly string[] | undefined {
  if (!isOwn(held.file)) return undefined;
  // SBCL dates functions only. What else comes from the file was loaded with one of them.
  const seconds = held.fileWriteDate === undefined ? [...loaded.keys()] : [held.fileWriteDate];
  const texts = seconds.map(second => loaded.get(second) ?? []);
  if (texts.length === 0 || texts.some(({ length }) => length === 0)) return undefined;
  const digests = texts.flat().map(text => text.get(key));
  return digests.some(each => each === undefined) ? undefined : digests.flatMap(each => each!);
}

/** The file was written after the image loaded it, and nobody knows what it said then. */
function wholeFile(snapshot: Snapshot, { held, loaded, disk, isOwn }: Knowledge): Drift[] {
  const [first] = snapshot.forms;
  if (!disk || !first) return [];
  const unknown = [...held.values()].some(
    each =>
      each.held.status === 'file' &&
      isOwn(each.held.file) &&
      each.held.fileWriteDate !== undefined &&
      each.held.fileWriteDate < Math.floor(disk.written / 1000) &&
      (loaded.get(each.held.fileWriteDate) ?? []).length === 0,
  );
  return unknown
    ? [
        {
          state: 'newer',
          name: undefined,
          what: undefined,
          form: undefined,
          anchor: operatorSpan(snapshot, first),
        },
      ]
    : [];
}

/** What the text once had, and the image runs on. */
function vanished(
  snapshot: Snapshot,
  present: ReadonlyMap<string, readonly Entry[]>,
  hidden: ReadonlySet<string>,
  knowledge: Knowledge,
): Drift[] {
  const { held: asked, isOwn, loaded } = knowledge;
  return [...asked].flatMap(([key, { asked: what, held }]): Drift[] => {
    if (present.has(key) || hidden.has(key) || what.definition.kind === 'package') return [];
    const isHere =
      held.status === 'file'
        ? isOwn(held.file) && [...loaded.values()].some(texts => texts.some(text => text.has(key)))
        : (held.status === 'installed' || held.status === 'client' || held.status === 'unfiled') &&
          (held.file === undefined || isOwn(held.file));
    return isHere
      ? [absentHere('deleted', what, held, placeAfter(snapshot, key, present, knowledge), knowledge)]
      : [];
  });
}

/** What operations and evaluations put into the image, and no form of the text is about. */
function unplaced(
  snapshot: Snapshot,
  present: ReadonlyMap<string, readonly Entry[]>,
  knowledge: Knowledge,
): Drift[] {
  return knowledge.strays.flatMap((stray): Drift[] => {
    const key = keyOf(stray);
    const { held } = stray;
    if (present.has(key) || knowledge.held.has(key) || held.status === 'unknown') return [];
    const wasHere = held.status === 'installed' && !held.unsaved;
    const anchor =
      held.file === undefined
        ? packageAnchor(snapshot, stray.home)
        : placeAfter(snapshot, key, present, knowledge);
    return anchor ? [absentHere(wasHere ? 'deleted' : 'unpersisted', stray, held, anchor, knowledge)] : [];
  });
}

const absentHere = (
  state: DriftState,
  what: Pick<TextDefinition, 'definition' | 'package'>,
  held: Held,
  anchor: Span,
  { formIn }: Knowledge,
): Drift => {
  const text = held.text === undefined ? undefined : formIn(held.text, what)?.text;
  return {
    state,
    name: wholeName(what.definition),
    what: { definition: what.definition, package: what.package },
    form: undefined,
    anchor,
    ...(text !== undefined && { text }),
  };
};

/** The name of the nearest definition before it that still stands, else the beginning. */
function placeAfter(
  snapshot: Snapshot,
  key: string,
  present: ReadonlyMap<string, readonly Entry[]>,
  { before }: Knowledge,
): Span {
  const seen = new Set<string>();
  for (let at = before.get(key); at !== undefined && !seen.has(at); at = before.get(at)) {
    const [entry] = present.get(at) ?? [];
    if (entry) return entry.definition.nameSpan;
    seen.add(at);
  }
  const first = snapshot.forms.find(({ active }) => active);
  return first ? operatorSpan(snapshot, first) : { start: 0, end: 0 };
}

/** The DEFPACKAGE of the package, else the IN-PACKAGE before its first form. */
function packageAnchor(snapshot: Snapshot, name: string): Span | undefined {
  const same = (each: string | undefined) => each?.toUpperCase() === name.toUpperCase();
  const { forms } = snapshot;
  const defining = definesPackage(snapshot, name);
  if (defining) return defining.definitions.find(({ kind }) => kind === 'package')!.nameSpan;
  const at = forms.findIndex(form => form.active && same(form.package));
  const before = forms.slice(0, Math.max(at, 0)).findLast(({ operator }) => operator === 'in-package');
  const form = before ?? forms[at] ?? inPackage(snapshot, name);
  return form && operatorSpan(snapshot, form);
}

/** The IN-PACKAGE of the package, also where no form follows it. */
export const inPackage = (snapshot: Snapshot, name: string): TopLevelForm | undefined =>
  snapshot.forms.findLast(
    ({ active, operator, span }) =>
      active &&
      operator === 'in-package' &&
      snapshot.packageAt(span.end + 1)?.toUpperCase() === name.toUpperCase(),
  );

export const definesPackage = ({ forms }: Snapshot, name: string): TopLevelForm | undefined =>
  forms.find(
    ({ active, definitions }) =>
      active &&
      definitions.some(
        each =>
          each.kind === 'package' &&
          each.name.replace(/^#?:|^"|"$/g, '').toUpperCase() === name.toUpperCase(),
      ),
  );

/** The first line of a form, without its end. */
function operatorSpan({ text }: Snapshot, { span }: TopLevelForm): Span {
  const line = /^[^\r\n]*/.exec(text.slice(span.start, span.end))![0];
  return { start: span.start, end: span.start + line.length };
}
