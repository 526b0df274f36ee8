/** What is known of the workspace's files, in memory: definitions, packages, and which forms use which symbols. */
import { readSymbol, type DefinitionKind } from '../source/index.ts';
import { rank } from './fuzzy.ts';
import { readKey, type Mention, type MentionKey, type Target } from './mentions.ts';
import { definitionsCalled, namedBy, succeed, symbolNamed } from './named.ts';
import { Packages } from './packages.ts';
import { standardSymbols } from './standardSymbols.ts';
import { UsedNames, type Uses } from './uses.ts';
import type { Answer, DefinitionHit, FileSummary, IndexedDefinition, PackageForm } from './types.ts';

interface IndexedFile {
  readonly definitions: readonly IndexedDefinition[];
  readonly packages: readonly PackageForm[];
  readonly conditional: boolean;
  /** Macros and generic functions, and their names as one text. */
  readonly kinded: readonly IndexedDefinition[];
  readonly kinds: string;
  readonly uses: () => Uses;
}

/** What a name means: a symbol at home in a package, or a package. */
export type Meaning =
  | { readonly type: 'symbol'; readonly home: string; readonly name: string; readonly loose: boolean }
  | { readonly type: 'package'; readonly name: string };

export class WorkspaceIndex {
  readonly #files = new Map<string, IndexedFile>();
  readonly #used = new UsedNames();
  #packages: Packages | undefined;
  #keywords: readonly string[] | undefined;
  /** Another one after every change of the names of macros and generic functions. */
  #version = 1;

  /** @param later what the forms use is only gathered once somebody asks: for texts that are edited all the time */
  set(uri: string, summary: FileSummary, later = false): void {
    const { definitions, packages, conditional } = summary;
    const before = this.#files.get(uri);
    const kinded = definitions.filter(hasKind);
    const kinds = kinded.map(({ kind, name }) => `${kind} ${name}\n`).join('');
    let ungathered: FileSummary | undefined = summary;
    let gathered: Uses | undefined;
    const uses = (): Uses => {
      if (ungathered) gathered = this.#used.of(ungathered.forms);
      ungathered = undefined;
      return gathered!;
    };
    if (!later) uses();
    if (before) succeed(before.definitions, definitions);
    this.#files.set(uri, { definitions, packages, conditional, kinded, kinds, uses });
    this.#keywords = undefined;
    if (!before || !sameElements(before.packages, packages)) this.#packages = undefined;
    if (before?.kinds !== kinds) this.#version++;
  }

  /** Every name that a file uses, by its number; some that none uses any more. */
  get #names(): readonly string[] {
    for (const file of this.#files.values()) file.uses();
    return this.#used.names;
  }

  delete(uri: string): void {
    if (!this.#files.delete(uri)) return;
    this.#packages = undefined;
    this.#keywords = undefined;
    this.#version++;
  }

  /** What was given to `set`. */
  summary(uri: string): FileSummary | undefined {
    const file = this.#files.get(uri);
    if (!file) return undefined;
    const { definitions, packages, conditional } = file;
    return { definitions, packages, conditional, forms: this.#used.formsOf(file.uses()) };
  }

  get uris(): readonly string[] {
    return [...this.#files.keys()];
  }

  isConditional(uri: string): boolean {
    return this.#files.get(uri)?.conditional === true;
  }

  get counts(): { files: number; definitions: number; symbols: number } {
    let definitions = 0;
    for (const file of this.#files.values()) definitions += file.definitions.length;
    return { files: this.#files.size, definitions, symbols: this.#names.length };
  }

  get packages(): Packages {
    return (this.#packages ??= new Packages(this.#packageForms(), standardSymbols));
  }

  *#packageForms(): Generator<PackageForm> {
    for (const file of this.#files.values()) yield* file.packages;
  }

  /** "price", or "shop:price" for those of a package; the best first. */
  symbols(query: string, limit: number): DefinitionHit[] {
    const [, packagePart, wanted] = /^(?:([^:]+)::?)?(.*)$/s.exec(query.trim().toLowerCase())!;
    const found: { rank: number; hit: DefinitionHit }[] = [];
    for (const [uri, { definitions }] of this.#files)
      for (const definition of definitions) {
        if (definition.operator === 'slot') continue;
        if (
          packagePart !== undefined &&
          this.packages.canonical(definition.package ?? '') !==
            this.packages.canonical(packagePart.toUpperCase())
        )
          continue;
        const fit = wanted === '' ? 5 : rank(wanted!, nameOf(definition));
        if (fit !== undefined) found.push({ rank: fit, hit: { uri, definition } });
      }
    return found
      .sort(
        (a, b) =>
          a.rank - b.rank ||
          a.hit.definition.name.length - b.hit.definition.name.length ||
          compare(a.hit.definition.name, b.hit.definition.name) ||
          compare(a.hit.uri, b.hit.uri) ||
          a.hit.definition.range.start.line - b.hit.definition.range.start.line,
      )
      .slice(0, limit)
      .map(({ hit }) => hit);
  }

  /** What a target means. */
  meaning({ mention, package: inEffect }: Target): Meaning {
    if (mention.type === 'package')
      return { type: 'package', name: this.packages.canonical(mention.name, inEffect) };
    return {
      type: 'symbol',
      home: this.packages.home(mention.package, mention.name, inEffect),
      name: mention.name,
      // Of a package without DEFPACKAGE in the workspace it is unknown what it imports.
      loose: this.#mayInherit(mention.package, inEffect),
    };
  }

  /** Whether the package that a symbol is read in may have it from any other one. CL-USER is told to use packages as it comes. */
  #mayInherit(prefix: string | undefined, inEffect: string | null): boolean {
    if (prefix !== undefined && this.packages.canonical(prefix) !== 'COMMON-LISP-USER') return false;
    return !this.packages.knows(prefix ?? inEffect);
  }

  /** Every file with its definitions. */
  *files(): Generator<[uri: string, definitions: readonly IndexedDefinition[]]> {
    for (const [uri, { definitions }] of this.#files) yield [uri, definitions];
  }

  has(uri: string): boolean {
    return this.#files.has(uri);
  }

  definitionsIn(uri: string): readonly IndexedDefinition[] {
    return this.#files.get(uri)?.definitions ?? [];
  }

  /** Keywords that forms mention, in the case that INTERN wants. */
  get keywords(): readonly string[] {
    return (this.#keywords ??= this.#findKeywords());
  }

  #findKeywords(): string[] {
    const names = this.#names;
    const used = new Uint8Array(names.length);
    for (const { uses } of this.#files.values()) for (const id of uses().ids) used[id] = 1;
    return names.flatMap((key, id) =>
      used[id] === 1 && key.length > 1 && key.startsWith('\t') ? [key.slice(1)] : [],
    );
  }

  /** The definitions of a target, those that fit its place first; `uri`: the file that it stands in. */
  definitions(target: Target, uri: string): DefinitionHit[] {
    const meaning = this.meaning(target);
    let hits: DefinitionHit[];
    if (meaning.type === 'package')
      hits = this.#definitionsNamed(meaning.name, target.designator ? DESIGNATED : PACKAGES);
    else {
      const byName = this.#definitionsNamed(meaning.name, undefined);
      hits = byName.filter(({ definition }) => this.#isOf(definition, meaning));
      if (hits.length === 0 && meaning.home === 'KEYWORD')
        hits = this.#definitionsNamed(meaning.name, DESIGNATED);
      else if (hits.length === 0 && meaning.loose && meaning.home !== 'COMMON-LISP') hits = byName;
    }
    const order = ({ uri: other, definition }: DefinitionHit) =>
      (isCallable(definition) === target.called ? 0 : 4) +
      (definition.kind === 'method' || definition.operator === 'slot' ? 2 : 0) +
      (other === uri ? 0 : 1);
    return hits
      .map((hit, i) => ({ hit, i, order: order(hit) }))
      .sort((a, b) => a.order - b.order || compare(a.hit.uri, b.hit.uri) || a.i - b.i)
      .map(({ hit }) => hit);
  }

  /** Whether the workspace defines the symbol of that home as something. */
  defines(home: string, name: string): boolean {
    return this.#definitionsNamed(name, undefined).some(({ definition }) => {
      const symbol = symbolNamed(definition)!;
      return this.packages.home(symbol.package, symbol.name, definition.package) === home;
    });
  }

  /** The DEFPACKAGEs of a package. @param name its canonical name */
  packageDefinitions(name: string): DefinitionHit[] {
    return this.#definitionsNamed(name, PACKAGES);
  }

  /** The lambda lists of the macros among some names, as a form with that package in effect writes them. */
  macros(inEffect: string | null, names: readonly string[]): { name: string; lambdaList: string }[] {
    const wanted = new Map<string, { name: string; home: string }[]>();
    for (const name of names) {
      const symbol = readSymbol(name);
      const home = this.packages.home(symbol.package, symbol.name, inEffect);
      wanted.set(symbol.name, [...(wanted.get(symbol.name) ?? []), { name, home }]);
    }
    const found = new Map<string, { lambdaList: string; sure: boolean }>();
    for (const { kinded } of this.#files.values())
      for (const definition of kinded) {
        const { kind, lambdaList, package: where } = definition;
        if (kind !== 'macro' || lambdaList === undefined) continue;
        const symbol = symbolNamed(definition);
        for (const { name, home } of (symbol && wanted.get(symbol.name)) ?? []) {
          const sure = this.packages.home(symbol!.package, symbol!.name, where) === home;
          // Of a package without DEFPACKAGE in the workspace it is unknown what it imports.
          if (sure || (!this.packages.knows(inEffect) && !found.has(name)))
            found.set(name, { lambdaList, sure });
        }
      }
    return [...found].map(([name, { lambdaList }]) => ({ name, lambdaList }));
  }

  /** @param kinds of definitions that a designator names; undefined: those that a symbol names */
  #definitionsNamed(name: string, kinds: ReadonlySet<string> | undefined): DefinitionHit[] {
    const out: DefinitionHit[] = [];
    for (const [uri, { definitions }] of this.#files)
      if (!kinds)
        for (const { definition } of definitionsCalled(definitions, name)) out.push({ uri, definition });
      else
        for (const definition of definitions)
          if (kinds.has(definition.kind) && this.#isDesignated(definition, name))
            out.push({ uri, definition });
    return out;
  }

  #isDesignated({ kind, name: written }: IndexedDefinition, name: string): boolean {
    const designated = written.startsWith('"') ? written.slice(1, -1) : readSymbol(written).name;
    return kind === 'system'
      ? designated.toUpperCase() === name.toUpperCase()
      : this.packages.canonical(designated) === name;
  }

  #isOf(definition: IndexedDefinition, meaning: Meaning & { type: 'symbol' }): boolean {
    const symbol = symbolNamed(definition);
    return (
      symbol !== undefined &&
      this.packages.home(symbol.package, symbol.name, definition.package) === meaning.home
    );
  }

  /** Whether a mention in a form with that package in effect means what is asked for. */
  means(mention: Mention, inEffect: string | null, meaning: Meaning): boolean {
    if (mention.type !== meaning.type) return false;
    if (mention.type === 'package') return this.packages.canonical(mention.name, inEffect) === meaning.name;
    return (
      meaning.type === 'symbol' &&
      mention.name === meaning.name &&
      this.packages.home(mention.package, mention.name, inEffect) === meaning.home
    );
  }

  /** Names of macros and of generic functions; nothing new since that version: none. */
  kinds(version: number): Answer<'kinds'> {
    if (version === this.#version) return { version };
    const names = new Map<string, DefinitionKind>();
    for (const { kinded } of this.#files.values())
      for (const definition of kinded) {
        const name = namedBy(definition)?.name;
        if (name !== undefined) names.set(name, definition.kind);
      }
    return { version: this.#version, names: [...names] };
  }

  /** Whether a DEFVAR or its like defines it. */
  isSpecial(meaning: Meaning & { type: 'symbol' }): boolean {
    return this.#definitionsNamed(meaning.name, undefined).some(
      ({ definition }) => VARIABLES.has(definition.kind) && this.#isOf(definition, meaning),
    );
  }

  /** Names of functions that a structure's name, or that of one of its slots, is part of; "x" itself aside. */
  namesMadeOf({ uri, definition }: DefinitionHit): string[] {
    return (this.#files.get(uri)?.definitions ?? [])
      .filter(each => each !== definition && sameStart(each, definition))
      .map(({ name }) => name)
      .filter(name => readSymbol(name).name !== symbolNamed(definition)?.name);
  }

  /** Whether a definition's name does not stand where it is defined, but is made of another one. */
  isMadeUp({ uri, definition }: DefinitionHit): boolean {
    return (this.#files.get(uri)?.definitions ?? []).some(
      each =>
        each !== definition &&
        sameStart(each, definition) &&
        (each.kind === 'structure' || each.operator === 'slot') &&
        symbolNamed(each)?.name !== symbolNamed(definition)?.name,
    );
  }

  /** Names that hold another one between hyphens, and that no file defines. */
  undefinedNamesWith(part: string): string[] {
    const defined = new Set<string>();
    for (const { definitions } of this.#files.values())
      for (const definition of definitions) defined.add(symbolNamed(definition)?.name ?? '');
    const names = this.#names.flatMap(key => {
      const mention = readKey(key);
      return mention.type === 'symbol' && mention.package !== '' ? [mention.name] : [];
    });
    return [...new Set(names)].filter(
      name => name !== part && `-${name}-`.includes(`-${part}-`) && !defined.has(name),
    );
  }

  /** Files with a form that mentions it. */
  filesMentioning(meaning: Meaning): string[] {
    const mentions = new Map<number, Mention>();
    this.#names.forEach((key: MentionKey, id) => {
      if (!key.includes(meaning.name) && meaning.type === 'symbol') return;
      const mention = readKey(key);
      if (mention.type === meaning.type && (mention.type === 'package' || mention.name === meaning.name))
        mentions.set(id, mention);
    });
    return [...this.#files].filter(([, file]) => this.#mentions(file, mentions, meaning)).map(([uri]) => uri);
  }

  #mentions(file: IndexedFile, mentions: ReadonlyMap<number, Mention>, meaning: Meaning): boolean {
    const { packages, starts, ids } = file.uses();
    for (let form = 0; form < packages.length; form++)
      for (let i = starts[form]!; i < starts[form + 1]!; i++) {
        const mention = mentions.get(ids[i]!);
        if (mention && this.means(mention, packages[form]!, meaning)) return true;
      }
    return false;
  }
}

const sameElements = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);

const hasKind = ({ kind }: IndexedDefinition): boolean => kind === 'macro' || kind === 'generic-function';

const VARIABLES: ReadonlySet<string> = new Set(['variable', 'constant']);
const sameStart = (a: IndexedDefinition, b: IndexedDefinition) =>
  a.nameRange.start.line === b.nameRange.start.line &&
  a.nameRange.start.character === b.nameRange.start.character;

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const PACKAGES: ReadonlySet<string> = new Set(['package']);
const DESIGNATED: ReadonlySet<string> = new Set(['package', 'system']);
const CALLABLE: ReadonlySet<string> = new Set([
  'function',
  'macro',
  'generic-function',
  'method',
  'compiler-macro',
  'setf-expander',
]);
const isCallable = ({ kind }: IndexedDefinition) => CALLABLE.has(kind);

/** A name for people to search: without prefix, quotes and `#:`. */
const nameOf = ({ name }: IndexedDefinition) =>
  name.startsWith('(')
    ? name
    : name
        .replace(/^"|"$/g, '')
        .replace(/^#?:(?=.)/, '')
        .replace(/^[^:|\\]+::?(?=.)/, '');
