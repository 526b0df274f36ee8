/** What is known of a name, as sections for people: from buffer and index, from the image, of the standard. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { CancellationToken } from 'vscode-languageserver/node';
import { codeText, wordText, type Link, type Section } from '../features/hover.ts';
import { ownDefinitions, type OwnDefinition } from '../features/own.ts';
import { standardName } from '../features/standard.ts';
import type { DefinitionName, Facts, MethodFacts } from '../image/protocol.ts';
import { readSymbol, type Snapshot } from '../source/index.ts';
import type { DefinitionKind } from '../source/types.ts';
import { wasLoaded } from '../runner/loaded.ts';
import type { DefinitionHit } from '../workspace/types.ts';
import type { Bench } from './bench.ts';
import { initialPackage, type About, type Knowledge } from './knowledge.ts';

/** Kinds of the wire's DefinitionName. */
const wireKinds: ReadonlySet<DefinitionKind> = new Set<DefinitionKind>([
  'function',
  'macro',
  'generic-function',
  'method',
  'variable',
  'constant',
  'class',
  'condition',
  'structure',
  'type',
  'compiler-macro',
  'symbol-macro',
  'setf-expander',
]);
/** Kinds of definitions of which the image says whether it has one. */
const factKinds: ReadonlySet<DefinitionKind> = new Set(
  [...wireKinds].filter(kind => kind !== 'compiler-macro'),
);
const mostMethods = 12;

export interface Asked {
  readonly snapshot: Snapshot;
  /** As it is written. */
  readonly name: string;
  /** The package in effect. */
  readonly package: string | null;
  /** Where the cursor is, in case that is a definition's name. */
  readonly offset?: number;
  readonly markdown: boolean;
}

/** Everything that a symbol names; empty where nobody knows it. */
export async function sectionsFor(
  bench: Bench,
  knowledge: Knowledge,
  asked: Asked,
  token: CancellationToken,
): Promise<Section[]> {
  const { snapshot, name, package: inEffect, offset, markdown } = asked;
  const { package: prefix, name: symbolName } = readSymbol(name);
  if (prefix === '' || prefix === '#' || symbolName === '') return [];
  const own = await ownDefinitionsOf(snapshot, symbolName, prefix ?? inEffect ?? initialPackage);
  const here = own.find(
    ({ definition: { nameSpan } }) =>
      offset !== undefined && nameSpan.start <= offset && offset <= nameSpan.end,
  );
  const checked = here ?? own[0];
  const definition = checked && wireName(checked);
  const [about, hits] = await Promise.all([
    knowledge.about(snapshot.uri, name, inEffect, token, definition),
    knowledge.definitions(
      snapshot,
      { name: symbolName, package: inEffect, ...(prefix !== undefined && { prefix }) },
      token,
    ),
  ]);
  const sections: Section[] = [];
  const sources = [
    ...own.map(each => sourceOf(bench, snapshot, each)),
    ...hits.filter(({ definition: { operator } }) => operator !== 'slot').map(hit => sourceOfHit(hit)),
  ];
  const standing = checked && (await standingOf(bench, snapshot, checked, about));
  const used = new Set<Source>();
  for (const fact of about?.facts ?? []) {
    const matching = sources.filter(source => fits(source, fact.kind));
    for (const each of matching) used.add(each);
    sections.push(
      factSection(asked, about!, fact, matching, fact.kind === 'generic-function' ? about!.methods : []),
    );
  }
  for (const group of groups(sources.filter(each => !used.has(each)))) {
    const isMissing = about?.found === true && factKinds.has(group[0]!.kind);
    sections.push(sourceSection(name, group, isMissing ? 'not in the image' : undefined, markdown));
  }
  // a test may be called what something of the language is
  if (used.size === 0 && !about?.found && sources.every(({ kind }) => kind === 'test' || kind === 'other')) {
    const standard = standardName(name);
    if (standard) sections.unshift(standardSection(name, standard));
  }
  if (standing !== undefined && sections.length > 0)
    sections[0] = { ...sections[0]!, lines: [...sections[0]!.lines, standing] };
  return sections;
}

/** Slots of the name in the workspace, for places where a slot is meant. */
export async function slotSections(
  knowledge: Knowledge,
  { name, package: inEffect, markdown }: Asked,
  token: CancellationToken,
): Promise<Section[]> {
  const { package: prefix, name: symbolName } = readSymbol(name);
  const at = { name: symbolName, package: inEffect, ...(prefix !== undefined && { prefix }) };
  const hits = (await knowledge.ask('named', { ...at, limit: 20 }, token)) ?? [];
  return hits
    .filter(({ definition }) => definition.operator === 'slot')
    .map(hit => ({
      code: hit.definition.slot ?? hit.definition.name,
      what: `slot of ${codeText((hit.definition.container ?? '').toLowerCase(), markdown)}`,
      lines: [placeLink(hit)],
      documentation: hit.definition.summary,
    }));
}

interface Source {
  readonly kind: DefinitionKind;
  readonly operator: string;
  readonly name: string;
  readonly lambdaList?: string | undefined;
  readonly documentation?: string | undefined;
  readonly qualifiers?: readonly string[] | undefined;
  readonly specializers?: readonly string[] | undefined;
  readonly supers?: readonly string[] | undefined;
  /** The class of an accessor, the structure of a constructor. */
  readonly container?: string | undefined;
  readonly package: string | null;
  readonly place: Link;
  /** It stands in the buffer. */
  readonly own?: boolean;
}

async function ownDefinitionsOf(
  snapshot: Snapshot,
  name: string,
  searched: string,
): Promise<readonly OwnDefinition[]> {
  const own = await ownDefinitions(snapshot, searched, initialPackage, defined => defined === name);
  return own.slice(0, 50);
}

function wireName({ definition }: OwnDefinition): DefinitionName | undefined {
  const { kind, name, qualifiers, specializers } = definition;
  return wireKinds.has(kind)
    ? {
        kind: kind as DefinitionName['kind'],
        name,
        ...(qualifiers && { qualifiers: [...qualifiers] }),
        ...(specializers && { specializers: [...specializers] }),
      }
    : undefined;
}

function sourceOf(bench: Bench, snapshot: Snapshot, { definition, form }: OwnDefinition): Source {
  const { kind, operator, name, lambdaList, docstring, qualifiers, specializers, nameSpan } = definition;
  const { line } = snapshot.positionAt(nameSpan.start, bench.parts.encoding());
  return {
    kind,
    operator,
    name,
    lambdaList,
    documentation: docstring,
    qualifiers,
    specializers,
    package: form.package ?? null,
    place: link(snapshot.uri, line),
    own: true,
  };
}

const sourceOfHit = (hit: DefinitionHit): Source => {
  const { kind, operator, name, lambdaList, summary, qualifiers, specializers, supers, container } =
    hit.definition;
  return {
    container,
    kind,
    operator,
    name,
    lambdaList,
    documentation: summary,
    qualifiers,
    specializers,
    supers,
    package: hit.definition.package,
    place: placeLink(hit),
  };
};

const placeLink = ({ uri, definition }: DefinitionHit): Link => link(uri, definition.nameRange.start.line);

function link(uri: string, line?: number): Link {
  const name = uri.startsWith('file:') ? path.basename(fileURLToPath(uri)) : uri;
  return {
    before: 'Defined in ',
    text: line === undefined ? name : `${name}:${line + 1}`,
    uri,
    ...(line !== undefined && { line }),
  };
}

/** Whether a definition of the workspace defines what the image calls so. */
function fits({ kind, name }: Source, fact: Facts['kind']): boolean {
  const isSetf = name.startsWith('(');
  switch (fact) {
    case 'setf-function':
      return isSetf;
    case 'setf-expander':
      return kind === 'setf-expander';
    case 'special-operator':
      return false;
    case 'function':
    case 'macro':
      return !isSetf && kind === fact;
    case 'generic-function':
      return !isSetf && (kind === 'generic-function' || kind === 'method');
    default:
      return kind === fact;
  }
}

function factSection(
  { name, markdown }: Asked,
  about: About,
  fact: Facts,
  sources: readonly Source[],
  methods: readonly MethodFacts[],
): Section {
  const { kind, type, declared, value, supers, slots, file } = fact;
  const lines: (string | Link)[] = [];
  const code = (text: string) => codeText(text, markdown);
  if (type !== undefined) lines.push(`${declared === true ? 'Declared' : 'Derived'} type: ${code(type)}`);
  if (value !== undefined) lines.push(`Value: ${code(value)}`);
  if (supers && supers.length > 0) lines.push(`Inherits from ${supers.map(code).join(', ')}`);
  if (slots && slots.length > 0) {
    const shown = slots.slice(0, mostMethods).map(slot => code(slot.name));
    lines.push(`Slots: ${shown.join(', ')}${slots.length > shown.length ? ', …' : ''}`);
  }
  if (methods.length > 0) {
    const shown = methods
      .slice(0, mostMethods)
      .map(({ qualifiers, specializers }) => code([...qualifiers, `(${specializers.join(' ')})`].join(' ')));
    lines.push(`Methods: ${shown.join(', ')}${methods.length > shown.length ? ', …' : ''}`);
  }
  const main = sources.find(each => each.kind !== 'method') ?? sources[0];
  if (main) lines.push(main.place);
  else if (file !== undefined) lines.push(link(pathToFileURL(file).href));
  const standard = about.package === 'COMMON-LISP' ? standardName(name) : undefined;
  const written = main?.own === true && main.kind !== 'method' ? main.lambdaList : undefined;
  const known = standard?.lambdaList ?? fact.lambdaList;
  // what the buffer says comes first, and what the image has instead is told
  if (isOperator(kind) && written !== undefined && known !== undefined && !sameText(written, known))
    lines.push(`In the image: ${code(known)}`);
  return {
    code: callText(
      kind === 'setf-function' ? `(setf ${bare(name)})` : bare(name),
      isOperator(kind) ? (written ?? known ?? main?.lambdaList) : undefined,
    ),
    what: `${kind.replace('-', ' ')} in ${wordText(about.package ?? '', markdown)}${about.external ? '' : ', internal'}`,
    lines,
    documentation: fact.documentation ?? main?.documentation,
  };
}

/** Alike but for white space, case, package prefixes and how NIL is written. */
const sameText = (a: string, b: string): boolean => plainText(a) === plainText(b);
const plainText = (text: string): string =>
  text
    .toLowerCase()
    .replace(/(?<=[\s(])[^\s():"]+::?(?=[^\s():"])/g, '')
    .replace(/\s+/g, ' ')
    .replace(/\( | \)/g, bracket => bracket.trim())
    .replace(/^nil$/, '()');

const isOperator = (kind: string): boolean =>
  /function|macro$|special-operator|^method$|^type$/.test(kind) && kind !== 'symbol-macro';

const bare = (name: string): string => {
  const own = name.replace(/^[^:|]+::?(?=.)/, '');
  return own.includes('|') ? own : own.toLowerCase();
};

function callText(name: string, lambdaList: string | undefined): string {
  if (lambdaList === undefined) return name;
  const inner = lambdaList
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^\(\s*|\s*\)$/g, '');
  return inner === '' || inner === 'nil' ? `(${name})` : `(${name} ${inner})`;
}

/** Definitions of one kind together; methods with their generic function. */
function groups(sources: readonly Source[]): Source[][] {
  const out = new Map<string, Source[]>();
  for (const source of sources) {
    const setf = source.name.startsWith('(') ? 'setf ' : '';
    const key = setf + (source.kind === 'method' ? 'generic-function' : source.kind);
    const group = out.get(key);
    if (group) group.push(source);
    else out.set(key, [source]);
  }
  return [...out.values()];
}

function sourceSection(
  name: string,
  group: readonly Source[],
  remark: string | undefined,
  markdown: boolean,
): Section {
  const main = group.find(({ kind }) => kind !== 'method') ?? group[0]!;
  const { kind, operator, lambdaList, package: home, supers } = main;
  const methods = group.filter(each => each.kind === 'method');
  const code = (text: string) => codeText(text, markdown);
  const word =
    kind === 'other' || kind === 'test'
      ? wordText(operator, markdown)
      : main.container !== undefined
        ? `${wordText(operator, markdown)} of ${wordText(main.container.toLowerCase(), markdown)}`
        : kind.replace('-', ' ');
  const lines: (string | Link)[] = [];
  if (supers && supers.length > 0) lines.push(`Inherits from ${supers.map(code).join(', ')}`);
  if (main.kind !== 'method' && methods.length > 0) {
    const shown = methods
      .slice(0, mostMethods)
      .map(({ qualifiers, specializers }) =>
        code([...(qualifiers ?? []), `(${(specializers ?? []).join(' ')})`].join(' ')),
      );
    lines.push(`Methods: ${shown.join(', ')}${methods.length > shown.length ? ', …' : ''}`);
  }
  lines.push(
    ...group
      .filter(each => each === main || main.kind === 'method')
      .slice(0, 4)
      .map(({ place }) => place),
  );
  return {
    code: callText(
      main.name.startsWith('(') ? main.name.toLowerCase() : bare(name),
      isOperator(kind) ? (lambdaList ?? (main.container === undefined ? undefined : '(object)')) : undefined,
    ),
    what: `${word} in ${wordText(home ?? initialPackage, markdown)}${remark ? `, ${remark}` : ''}`,
    lines,
    documentation: main.documentation,
  };
}

function standardSection(name: string, { is, lambdaList }: { is: string; lambdaList?: string }): Section {
  const words: readonly (readonly [string, string])[] = [
    ['s', 'special operator'],
    ['m', 'macro'],
    ['g', 'generic function'],
    ['f', 'function'],
    ['k', 'constant'],
    ['v', 'variable'],
    ['c', 'class'],
    ['t', 'structure'],
    ['r', 'condition'],
    ['d', 'type'],
  ];
  const what = words.filter(([letter]) => is.includes(letter)).map(([, word]) => word);
  return {
    code: callText(bare(name), lambdaList),
    what: `${what.join(', ') || 'symbol'} in COMMON-LISP`,
    lines: [],
  };
}

/** Whether the image runs what the buffer says; undefined where it cannot be told. */
async function standingOf(
  bench: Bench,
  snapshot: Snapshot,
  { form }: OwnDefinition,
  about: About | undefined,
): Promise<string | undefined> {
  const installed = about?.installed;
  if (!installed) return undefined;
  if (!installed.defined) return 'The image does not have this definition.';
  if (installed.digest !== undefined)
    return installed.digest === form.digest
      ? 'The image runs this text.'
      : 'The image runs another text of it.';
  const { file, fileWriteDate } = installed;
  if (file === undefined || !snapshot.uri.startsWith('file:') || file !== fileURLToPath(snapshot.uri))
    return undefined;
  const loaded = await wasLoaded(bench.parts.documents, fileWriteDate, {
    uri: snapshot.uri,
    digest: form.digest,
    package: form.package ?? initialPackage,
  });
  if (loaded) return 'The image runs this text.';
  const known =
    fileWriteDate === undefined ? [] : await bench.parts.documents.textsAt(snapshot.uri, fileWriteDate);
  return known.length > 0 ? 'The image runs another text of it.' : undefined;
}
