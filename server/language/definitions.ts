/** From a name to its definitions, declaration, type and implementations: the index, and what the image knows besides. */
import type {
  CancellationToken,
  Definition,
  DefinitionLink,
  TextDocumentPositionParams,
} from 'vscode-languageserver/node';
import { definitionLocations } from '../features/definition.ts';
import { typeOfBinding, typeOfValue } from '../features/typeOf.ts';
import type { Location as ImageLocation } from '../image/protocol.ts';
import { symbolAt } from '../source/scope.ts';
import type { Range, Snapshot, Span } from '../source/types.ts';
import type { DefinitionHit } from '../workspace/types.ts';
import type { Bench, FeatureSet } from './bench.ts';
import { keywordPlaces } from './keywordArguments.ts';
import { localAt } from './locals.ts';
import { nameSpanIn, recordedBeyond } from './recorded.ts';

interface Place {
  readonly uri: string;
  /** The name. */
  readonly range: Range;
  /** All of the definition. */
  readonly whole: Range;
}

type Kind = 'definition' | 'declaration' | 'typeDefinition' | 'implementation';

const CLASSES: ReadonlySet<string> = new Set(['class', 'condition', 'structure', 'type']);
/** How many subclasses of subclasses are followed. */
const maxSubtypes = 500;

export const definitions: FeatureSet = {
  capabilities: {
    definitionProvider: true,
    declarationProvider: true,
    typeDefinitionProvider: true,
    implementationProvider: true,
  },
  listen(bench) {
    const { connection, answer } = bench.parts;
    const handle =
      (kind: Kind, find: (seeker: Seeker) => Promise<readonly Place[]>) =>
      (
        params: TextDocumentPositionParams,
        token: CancellationToken,
      ): Promise<Definition | DefinitionLink[]> =>
        answer(async () => {
          const seeker = new Seeker(bench, params, token);
          return asked(bench, kind, await find(seeker), seeker.origin);
        });
    connection.onDefinition(handle('definition', async seeker => seeker.inPage() ?? seeker.definitions()));
    connection.onDeclaration(handle('declaration', seeker => seeker.declarations()));
    connection.onTypeDefinition(handle('typeDefinition', seeker => seeker.types()));
    connection.onImplementation(handle('implementation', seeker => seeker.implementations()));
  },
};

/** Links for clients that declared them; they say how large the definition is. */
function asked(
  bench: Bench,
  kind: Kind,
  places: readonly Place[],
  origin: Range | undefined,
): Definition | DefinitionLink[] {
  const { textDocument } = bench.parts.capabilities();
  if (textDocument?.[kind]?.linkSupport !== true) return places.map(({ uri, range }) => ({ uri, range }));
  return places.map(({ uri, range, whole }) => ({
    ...(origin && { originSelectionRange: origin }),
    targetUri: uri,
    targetRange: whole,
    targetSelectionRange: range,
  }));
}

const placesOf = (hits: readonly DefinitionHit[]): Place[] => {
  const whole = new Map(
    hits.map(({ uri, definition: { nameRange, range } }) => [`${uri} ${JSON.stringify(nameRange)}`, range]),
  );
  return definitionLocations(hits).map(({ uri, range }) => ({
    uri,
    range,
    whole: whole.get(`${uri} ${JSON.stringify(range)}`) ?? range,
  }));
};

/** One question about one place. */
class Seeker {
  private readonly uri: string;

  constructor(
    private readonly bench: Bench,
    private readonly params: TextDocumentPositionParams,
    private readonly token: CancellationToken,
  ) {
    this.uri = params.textDocument.uri;
  }

  private get snapshot(): Snapshot | undefined {
    return this.bench.parts.documents.get(this.uri);
  }

  private get symbol() {
    const { snapshot } = this;
    return (
      snapshot && symbolAt(snapshot, snapshot.offsetAt(this.params.position, this.bench.parts.encoding()))
    );
  }

  /** The token that was asked about. */
  get origin(): Range | undefined {
    const { symbol, snapshot } = this;
    return symbol && snapshot?.rangeOf(symbol.span, this.bench.parts.encoding());
  }

  private local() {
    return localAt(this.bench, this.uri, this.params.position, this.token);
  }

  private async hits(): Promise<readonly DefinitionHit[]> {
    const { uri, token, params } = this;
    const hits = await this.bench.ask('definition', { uri, position: params.position }, token);
    const namespace = this.symbol?.namespace;
    // a test may be called what a type or a variable is
    if (namespace === 'type' || namespace === 'variable')
      return hits.filter(({ definition }) => definition.kind !== 'test');
    // where a function is called, slots of its name are something else
    const others = hits.filter(({ definition }) => definition.operator !== 'slot');
    return namespace === 'function' && others.length > 0 ? others : hits;
  }

  private localPlace(snapshot: Snapshot, span: Span): Place[] {
    const range = snapshot.rangeOf(span, this.bench.parts.encoding());
    return [{ uri: this.uri, range, whole: range }];
  }

  /** Of a line of a page that leads on to a file. */
  inPage(): readonly Place[] | undefined {
    const place = this.bench.parts.pagePlace(this.uri, this.params.position.line);
    if (!place) return undefined;
    const start = { line: place.line, character: 0 };
    const range = { start, end: start };
    return [{ uri: place.uri, range, whole: range }];
  }

  async definitions(): Promise<readonly Place[]> {
    const local = await this.local();
    if (local) return this.localPlace(local.snapshot, local.binding.span);
    const keyword = await this.keyword();
    if (keyword.length > 0) return keyword;
    const [hits, known] = await Promise.all([this.hits(), this.inImage()]);
    return [...placesOf(hits), ...(await this.beyond(hits, known))];
  }

  /** What a keyword among the arguments of a call is for. */
  private async keyword(): Promise<readonly Place[]> {
    const { snapshot, bench } = this;
    if (!snapshot) return [];
    const { encoding } = bench.parts;
    const offset = snapshot.offsetAt(this.params.position, encoding());
    const places = await keywordPlaces(bench, snapshot, offset, this.token);
    return places.map(({ uri, snapshot: where, span, whole }) => ({
      uri,
      range: where.rangeOf(span, encoding()),
      whole: where.rangeOf(whole, encoding()),
    }));
  }

  /** The generic function, or a declamation; where there is neither, the definitions. */
  async declarations(): Promise<readonly Place[]> {
    const local = await this.local();
    if (local) return this.localPlace(local.snapshot, local.binding.span);
    const hits = await this.hits();
    const declared = [
      ...placesOf(hits.filter(({ definition }) => definition.kind === 'generic-function')),
      ...(await this.declaimed(hits)),
    ];
    return declared.length > 0 ? declared : this.definitions();
  }

  /** DECLAIMs of the name in the files that define it. */
  private async declaimed(hits: readonly DefinitionHit[]): Promise<Place[]> {
    const name = this.symbol?.symbol.name;
    const { documents, encoding } = this.bench.parts;
    const out: Place[] = [];
    for (const uri of new Set(hits.map(hit => hit.uri))) {
      const snapshot = await documents.snapshot(uri).catch(() => undefined);
      for (const form of snapshot?.forms ?? []) {
        if (form.operator !== 'declaim' && form.operator !== 'proclaim') continue;
        for (const definition of form.definitions) {
          const text = definition.name.toUpperCase();
          if (name === undefined || !text.split(/[\s()':#]+/).includes(name)) continue;
          const range = snapshot!.rangeOf(definition.nameSpan, encoding());
          out.push({ uri, range, whole: snapshot!.rangeOf(form.span, encoding()) });
        }
      }
    }
    return out;
  }

  /** The class, structure or type: of a name of one itself; else of what the text says that the variable is. */
  async types(): Promise<readonly Place[]> {
    const local = await this.local();
    if (local) {
      const span = typeOfBinding(local.snapshot, local.binding);
      return span ? this.typesAt(local.snapshot, span) : [];
    }
    const hits = await this.hits();
    const classes = hits.filter(({ definition }) => CLASSES.has(definition.kind));
    if (classes.length > 0) return placesOf(classes);
    for (const { uri, definition } of hits) {
      if (definition.kind !== 'variable') continue;
      const snapshot = await this.bench.parts.documents.snapshot(uri).catch(() => undefined);
      if (!snapshot || uri !== this.uri) continue;
      const span = typeOfValue(
        snapshot.text,
        snapshot.offsetAt(definition.nameRange.end, this.bench.parts.encoding()),
      );
      if (span) return this.typesAt(snapshot, span);
    }
    return [];
  }

  private async typesAt(snapshot: Snapshot, { start }: Span): Promise<Place[]> {
    const position = snapshot.positionAt(start, this.bench.parts.encoding());
    const hits = await this.bench.ask('definition', { uri: this.uri, position }, this.token);
    return placesOf(
      hits.filter(({ definition }) => CLASSES.has(definition.kind) || definition.operator === 'constructor'),
    );
  }

  /** The methods of a generic function; the subclasses of a class, and theirs; else the definitions. */
  async implementations(): Promise<readonly Place[]> {
    const local = await this.local();
    if (local) return this.localPlace(local.snapshot, local.binding.span);
    const hits = await this.hits();
    const methods = hits.filter(({ definition }) => definition.kind === 'method');
    const known = (await this.inImage()).filter(({ kind }) => kind === 'method');
    const fromImage = await this.beyond(hits, known);
    if (methods.length > 0 || fromImage.length > 0) return [...placesOf(methods), ...fromImage];
    const classes = hits.filter(({ definition }) => CLASSES.has(definition.kind));
    const subtypes = await this.subtypes(classes);
    return subtypes.length > 0 ? placesOf(subtypes) : this.definitions();
  }

  private async subtypes(classes: readonly DefinitionHit[]): Promise<DefinitionHit[]> {
    const out: DefinitionHit[] = [];
    const seen = new Set(classes.map(keyOf));
    const waiting = [...classes];
    for (let next = waiting.shift(); next && out.length < maxSubtypes; next = waiting.shift()) {
      const { package: inEffect, name } = next.definition;
      const found = await this.bench.ask(
        'relatives',
        { which: 'subtypes', ...written(name), package: inEffect },
        this.token,
      );
      for (const each of found)
        if (!seen.has(keyOf(each))) {
          seen.add(keyOf(each));
          out.push(each);
          waiting.push(each);
        }
    }
    return out;
  }

  /** What the image has recorded of the name; nothing where there is no image, or none in time. */
  private async inImage(): Promise<readonly ImageLocation[]> {
    const { symbol, snapshot } = this;
    if (!symbol || !snapshot || symbol.namespace === 'lambda-keyword') return [];
    const inEffect = snapshot.packageAt(symbol.span.start);
    const text = snapshot.slice(symbol.span.start, symbol.span.end);
    const answer = await this.bench.image(
      this.uri,
      'source',
      { symbol: text, ...(inEffect !== undefined && { package: inEffect }) },
      { token: this.token },
    );
    return answer?.locations ?? [];
  }

  /** Places that the image knows and the index does not, each found in its file as that is now. */
  private async beyond(
    hits: readonly DefinitionHit[],
    locations: readonly ImageLocation[],
  ): Promise<Place[]> {
    const known = hits.map(({ uri, definition }) => ({ uri, range: definition.nameRange }));
    const places = await recordedBeyond(this.bench.parts, locations, known);
    return places.map(place => ({
      uri: place.uri,
      range: place.snapshot.rangeOf(nameSpanIn(place), this.bench.parts.encoding()),
      whole: place.whole,
    }));
  }
}

const keyOf = ({ uri, definition }: DefinitionHit) => `${uri} ${JSON.stringify(definition.nameRange)}`;

const written = (name: string) => {
  const [, prefix, bare] = /^(?:([^:|]+)::?)?(.*)$/s.exec(name)!;
  return { name: bare!.toUpperCase(), ...(prefix !== undefined && { prefix: prefix.toUpperCase() }) };
};
