/** Hover: what the name at a place stands for. */
import type { CancellationToken, HoverParams } from 'vscode-languageserver/node';
import { codeText, textOf, type Section } from '../features/hover.ts';
import { placeAt, type Place } from '../features/place.ts';
import { spell } from '../features/spelling.ts';
import { readSymbol, type Snapshot, type Span } from '../source/index.ts';
import { symbolAt, type Occurrence } from '../source/scope.ts';
import { nameOfUri } from '../source/uri.ts';
import { targetAt } from '../workspace/mentions.ts';
import type { Bench } from './bench.ts';
import { callAt } from './call.ts';
import { sectionsFor, slotSections, type Asked } from './facts.ts';
import type { Knowledge } from './knowledge.ts';

export async function hover(
  bench: Bench,
  knowledge: Knowledge,
  { textDocument: { uri }, position }: HoverParams,
  token: CancellationToken,
): Promise<object | null> {
  const { documents, encoding, capabilities } = bench.parts;
  const snapshot = documents.get(uri);
  if (!snapshot) return null;
  const offset = await bench.offsetIn(snapshot, position, 'forms');
  const formats = capabilities().textDocument?.hover?.contentFormat ?? [];
  const markdown =
    formats[0] === 'markdown' || (formats.includes('markdown') && !formats.includes('plaintext'));
  const found = await sectionsAt(bench, knowledge, snapshot, offset, markdown, token);
  if (!found || found.sections.length === 0) return null;
  return {
    contents: { kind: markdown ? 'markdown' : 'plaintext', value: textOf(found.sections, markdown) },
    range: snapshot.rangeOf(found.span, encoding()),
  };
}

interface Found {
  readonly sections: readonly Section[];
  readonly span: Span;
}

async function sectionsAt(
  bench: Bench,
  knowledge: Knowledge,
  snapshot: Snapshot,
  offset: number,
  markdown: boolean,
  token: CancellationToken,
): Promise<Found | undefined> {
  // the name that begins here is meant rather than the one that ends here
  const place = startingPlace(snapshot, offset);
  if (place.inside === 'comment' || place.inside === 'character') return undefined;
  const target = targetAt(snapshot, offset);
  if (target?.mention.type === 'package') {
    const span = packageSpan(snapshot, place);
    const { name } = target.mention;
    const sections = await packageSections(bench, knowledge, snapshot, name, place.package, markdown, token);
    return { sections, span };
  }
  const designated = target?.mention.type === 'symbol' ? namedIn(target.mention, snapshot, place) : undefined;
  if (designated !== undefined) {
    // what stands in the package's definition is at home in the package, not where the definition stands
    const asked: Asked = { snapshot, ...designated, markdown };
    return { sections: await sectionsFor(bench, knowledge, asked, token), span: place.token };
  }
  if (place.inside === 'feature') return feature(bench, snapshot, place, markdown);
  if (place.inside !== 'code') return undefined;
  const text = snapshot.slice(place.token.start, place.token.end);
  if (text === '' || /^[+-]?[0-9.]+$/.test(text)) return undefined;
  if (text.startsWith(':')) {
    const sections = await keywordSections(bench, knowledge, place, text, token, markdown);
    return { sections, span: place.token };
  }
  const occurrence = symbolAt(snapshot, offset);
  if (occurrence?.binding)
    return { sections: [localSection(bench, snapshot, occurrence, markdown)], span: occurrence.span };
  if (occurrence?.namespace === 'declaration')
    return {
      sections: [{ what: `declaration ${codeText(text.toLowerCase(), markdown)}`, lines: [] }],
      span: place.token,
    };
  if (occurrence?.namespace === 'lambda-keyword' || occurrence?.namespace === 'clause') return undefined;
  const asked: Asked = { snapshot, name: text, package: place.package, offset, markdown };
  const slots = occurrence?.namespace === 'slot' ? await slotSections(knowledge, asked, token) : [];
  const sections = slots.length > 0 ? slots : await sectionsFor(bench, knowledge, asked, token);
  return {
    // a quoted name may be a slot's
    sections: sections.length > 0 ? sections : await slotSections(knowledge, asked, token),
    span: place.token,
  };
}

/** The symbol, as code would write it, that a designator of DEFPACKAGE is for: `#:total`, `:total`, "TOTAL". */
function namedIn(
  { package: home, name }: { readonly package: string | undefined; readonly name: string },
  snapshot: Snapshot,
  { token, inside }: Place,
): Pick<Asked, 'name' | 'package'> | undefined {
  if (!home || (inside !== 'string' && !/^(?:#?:)/.test(snapshot.slice(token.start, token.end))))
    return undefined;
  return { name: `${spell(home, false)}::${spell(name, false)}`, package: home };
}

/** A feature of a reader conditional, and whether the image, or SBCL where none is known, has it. */
function feature(bench: Bench, snapshot: Snapshot, { token }: Place, markdown: boolean): Found | undefined {
  const { name } = readSymbol(snapshot.slice(token.start, token.end));
  if (name === '' || ['AND', 'OR', 'NOT'].includes(name)) return undefined;
  const holds = bench.parts.source.features.includes(name);
  return {
    sections: [
      {
        what: `feature ${codeText(`:${name.toLowerCase()}`, markdown)}, ${holds ? 'there' : 'not there'}`,
        lines: [],
      },
    ],
    span: token,
  };
}

/** The place in the token that the offset touches, the one that begins there first. */
function startingPlace(snapshot: Snapshot, offset: number): Place {
  const next = offset < snapshot.length ? placeAt(snapshot, offset + 1) : undefined;
  return next && next.token.start === offset && next.token.end > offset ? next : placeAt(snapshot, offset);
}

/** The package's part of a token. */
function packageSpan(snapshot: Snapshot, { token, inside }: Place): Span {
  if (inside === 'string') return { start: token.start, end: token.end };
  const written = snapshot.slice(token.start, token.end);
  const colon = /^#?:/.test(written) ? -1 : written.indexOf(':');
  return colon < 0 ? token : { start: token.start, end: token.start + colon };
}

function localSection(
  bench: Bench,
  snapshot: Snapshot,
  { binding, symbol }: Occurrence,
  markdown: boolean,
): Section {
  const { kind, operator, span, lambdaList, parameter } = binding!;
  const { line } = snapshot.positionAt(span.start, bench.parts.encoding());
  const what =
    kind === 'parameter'
      ? `${parameter && parameter !== 'REQUIRED' ? `${parameter.toLowerCase()} ` : ''}parameter of ${codeText(operator, markdown)}`
      : kind === 'function' || kind === 'macro'
        ? `local ${kind}, ${codeText(operator, markdown)}`
        : `local ${kind.replace('-', ' ')}, bound by ${codeText(operator, markdown)}`;
  const name = symbol.name.toLowerCase();
  const list =
    lambdaList && snapshot.slice(lambdaList.start, lambdaList.end).replace(/\s+/g, ' ').slice(1, -1).trim();
  return {
    code: list === undefined ? name : list === '' ? `(${name})` : `(${name} ${list})`,
    what: binding!.special === true ? `${what}, special` : what,
    lines: [`Line ${line + 1}`],
  };
}

async function keywordSections(
  bench: Bench,
  knowledge: Knowledge,
  place: Place,
  text: string,
  token: CancellationToken,
  markdown: boolean,
): Promise<readonly Section[]> {
  const call = await callAt(bench, knowledge, place, token);
  const keyword = text.toLowerCase();
  for (const { active, lambdaList, label } of call?.operators ?? [])
    if (active?.keyword === keyword && lambdaList !== undefined)
      return [
        {
          code: lambdaList.slice(active.span.start, active.span.end),
          what: label.startsWith('class ')
            ? `initarg of the class ${codeText(label.slice('class '.length), markdown)}`
            : `argument of the ${label} ${codeText(call!.name.toLowerCase(), markdown)}`,
          lines: [],
        },
      ];
  return [];
}

async function packageSections(
  bench: Bench,
  knowledge: Knowledge,
  snapshot: Snapshot,
  name: string,
  inEffect: string | null,
  markdown: boolean,
  token: CancellationToken,
): Promise<readonly Section[]> {
  const [about, packages] = await Promise.all([
    bench.image(
      snapshot.uri,
      'about-package',
      { name, ...(inEffect !== null && { package: inEffect }) },
      { token },
    ),
    knowledge.ask('package', { name, package: inEffect }, token),
  ]);
  const places = (packages?.definitions ?? []).map(({ uri, definition }) => ({
    before: 'Defined in ',
    text: `${nameOfUri(uri)}:${definition.nameRange.start.line + 1}`,
    uri,
    line: definition.nameRange.start.line,
  }));
  const code = (text: string) => codeText(text, markdown);
  if (about?.found === true) {
    const { nicknames, uses, exports, locked, documentation } = about;
    return [
      {
        what: `package ${code(about.name)}${locked ? ', locked' : ''}`,
        lines: [
          ...(nicknames.length > 0 ? [`Nicknames: ${nicknames.map(code).join(', ')}`] : []),
          ...(uses.length > 0
            ? [`Uses ${uses.slice(0, 12).map(code).join(', ')}${uses.length > 12 ? ', …' : ''}`]
            : []),
          `Exports ${exports} symbol${exports === 1 ? '' : 's'}`,
          ...places,
        ],
        documentation,
      },
    ];
  }
  if (!packages || packages.definitions.length === 0) return [];
  return [
    {
      what: `package ${code(packages.name)}${about ? ', not in the image' : ''}`,
      lines: places,
      documentation: packages.definitions[0]!.definition.summary,
    },
  ];
}

/** For what is resolved later: the same sections by name alone. */
export const documentationFor = async (
  bench: Bench,
  knowledge: Knowledge,
  asked: Asked,
  token: CancellationToken,
): Promise<string> => {
  const { name, snapshot, markdown } = asked;
  const sections = name.endsWith(':')
    ? await packageSections(
        bench,
        knowledge,
        snapshot,
        readSymbol(name.slice(0, -1)).name,
        asked.package,
        markdown,
        token,
      )
    : await sectionsFor(bench, knowledge, asked, token);
  return textOf(sections, markdown);
};
