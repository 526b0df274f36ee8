/** A new name for a global symbol or a package, in all files of the workspace; refused where that would change what code means. */
import { readSymbol, type PositionEncoding, type Snapshot, type Source } from '../source/index.ts';
import { meansTheSame, nameSpanOf, problemOfName, type TextReplacement } from '../source/renaming.ts';
import { finish } from '../source/slices.ts';
import { nameOfUri } from '../source/uri.ts';
import type { Meaning, WorkspaceIndex } from './index.ts';
import type { Target } from './mentions.ts';
import { mentionsIn } from './occurrences.ts';
import { standardSymbols } from './standardSymbols.ts';
import type { DefinitionHit, RenameEdit, RenamePlan } from './types.ts';

export interface RenameContext {
  readonly index: WorkspaceIndex;
  readonly source: Source;
  readonly encoding: PositionEncoding;
  /** Undefined where the file is gone. */
  readonly textOf: (uri: string) => Promise<Snapshot | undefined>;
  readonly signal: AbortSignal;
}

type SymbolMeaning = Meaning & { type: 'symbol' };

/** @param newName undefined: only whether it can be renamed */
export async function planRename(
  target: Target,
  uri: string,
  newName: string | undefined,
  context: RenameContext,
): Promise<RenamePlan> {
  const { index } = context;
  const meaning = index.meaning(target);
  const hits = index.definitions(target, uri);
  const subject = meaning.type === 'package' ? meaning.name : `${meaning.home}:${meaning.name}`;
  const refused =
    (meaning.type === 'package' ? fixedPackage(meaning.name, hits) : fixedSymbol(meaning, hits, index)) ??
    (newName === undefined ? undefined : problemOfName(newName)) ??
    (newName === undefined ? undefined : conflict(meaning, newName, index));
  if (refused !== undefined)
    return { refused, ...(meaning.type === 'package' && hits.length === 0 && { nothing: true }) };
  if (newName === undefined) return { subject, files: [] };

  const read = (text: string) => context.source.snapshot(uri, 0, text);
  const special =
    meaning.type === 'symbol' && index.isSpecial(meaning)
      ? { before: meaning.name, after: readSymbol(newName).name }
      : undefined;
  const files: { uri: string; edits: RenameEdit[] }[] = [];
  for (const file of index.filesMentioning(meaning).sort()) {
    context.signal.throwIfAborted();
    const snapshot = await context.textOf(file);
    if (!snapshot) continue;
    const edits: RenameEdit[] = [];
    for (const { form, spans } of mentionsIn(snapshot, meaning, index)) {
      const replacements = spans.flatMap((span): TextReplacement[] => {
        const place = nameSpanOf(snapshot.text, span);
        const written = snapshot.text.slice(span.start, span.end);
        const isString = written.startsWith('"');
        const name = isString ? snapshot.text.slice(place.start, place.end) : readSymbol(written).name;
        // a nickname stays
        if (meaning.type === 'package' && name !== meaning.name) return [];
        return [{ span: place, text: isString ? readSymbol(newName).name : newName }];
      });
      if (replacements.length === 0) continue;
      const place = `${nameOfUri(file)}:${snapshot.positionAt(form.span.start, 'utf-16').line + 1}`;
      if (form.broken)
        return { refused: `The form at ${place}, which mentions ${subject}, does not read. Mend it first.` };
      if (!finish(meansTheSame(snapshot, form, replacements, read, special)))
        return {
          refused: `In the form at ${place} ${newName} names something local: it would be taken for that. Choose another name.`,
        };
      for (const { span, text } of replacements)
        edits.push({ range: snapshot.rangeOf(span, context.encoding), newText: text });
    }
    if (edits.length > 0) files.push({ uri: file, edits });
  }
  return { subject, files };
}

function fixedPackage(name: string, hits: readonly DefinitionHit[]): string | undefined {
  if (hits.some(({ definition }) => definition.kind === 'package')) return undefined;
  return hits.length > 0
    ? `${name} is a system: its files and other systems depend on its name.`
    : `No file of the workspace defines the package ${name}.`;
}

function fixedSymbol(
  { home, name }: SymbolMeaning,
  hits: readonly DefinitionHit[],
  index: WorkspaceIndex,
): string | undefined {
  if (home === 'COMMON-LISP') return `${name} is a symbol of COMMON-LISP, whose package is locked.`;
  if (home === 'KEYWORD') return `:${name} is a keyword: what it means to whom cannot be told from the text.`;
  if (name.startsWith('&')) return `${name} is a lambda list keyword.`;
  if (hits.length === 0)
    return index.packages.knows(home)
      ? `The workspace has no definition of ${home}:${name}.`
      : `${home}:${name} belongs to a package that no file of the workspace defines.`;
  for (const hit of hits) {
    const { definition } = hit;
    if (definition.container !== undefined && DERIVED.has(definition.operator) && index.isMadeUp(hit))
      return `DEFSTRUCT ${definition.container.toUpperCase()} makes the name ${name} of another one. Rename that, or give the name in an option.`;
    if (definition.kind === 'structure' || definition.operator === 'slot') {
      const others = index.namesMadeOf(hit);
      if (others.length > 0)
        return `DEFSTRUCT makes other names of ${name}: ${others.slice(0, 4).join(', ').toUpperCase()}${others.length > 4 ? ', …' : ''}. Give those in its options first.`;
    }
    if (definition.kind === 'other' && definition.operator !== 'slot') {
      const [generated] = index.undefinedNamesWith(name);
      if (generated !== undefined)
        return `${definition.operator} may make other names of ${name}, such as ${generated}.`;
    }
  }
  return undefined;
}

const DERIVED: ReadonlySet<string> = new Set(['constructor', 'copier', 'predicate', 'accessor']);

function conflict(meaning: Meaning, newName: string, index: WorkspaceIndex): string | undefined {
  const { name } = readSymbol(newName);
  if (name === meaning.name) return `It is called ${newName} already.`;
  if (meaning.type === 'package')
    return index.packages.knows(name) ? `There is a package ${name} already.` : undefined;
  const { home } = meaning;
  const found = index.packages.home(undefined, name, home);
  if (found !== home || standardSymbols.has(name))
    return `${newName} already means ${found === home ? 'COMMON-LISP' : found}:${name} in package ${home}.`;
  for (const other of index.packages.seeing(meaning.name, home)) {
    const there: Meaning = {
      type: 'symbol',
      home: index.packages.home(undefined, name, other),
      name,
      loose: false,
    };
    const [file] = index.filesMentioning(there);
    if (file !== undefined) return `Package ${other} has a symbol ${name} already (in ${nameOfUri(file)}).`;
  }
  return undefined;
}
