/** What an operator takes, by everyone who knows it: local functions, the buffer, the workspace, the image, the standard. */
import type { CancellationToken } from 'vscode-languageserver/node';
import { localsNear } from '../features/locals.ts';
import { parseLambdaList } from '../features/lambdaList.ts';
import { ownDefinitions, type OwnDefinition } from '../features/own.ts';
import type { Place } from '../features/place.ts';
import { standardName } from '../features/standard.ts';
import { readSymbol, type Snapshot } from '../source/index.ts';
import type { Bench } from './bench.ts';
import type { DefinitionHit } from '../workspace/types.ts';
import { initialPackage, type About, type Knowledge } from './knowledge.ts';

export interface Operator {
  /** What it is, for people: "function", "method (circle)", "local function". */
  readonly label: string;
  readonly lambdaList?: string;
  readonly documentation?: string;
}

const OPERATORS: ReadonlySet<string> = new Set(['function', 'macro', 'generic-function', 'method']);

export interface OperatorQuestion {
  readonly place: Place;
  /** As it is written. */
  readonly name: string;
  /** Only how the operator takes its arguments apart is of interest: of names of the standard nobody is asked. */
  readonly isShape?: boolean;
}

/** The nearest first; a local function hides all others. Of a generic function its methods follow. */
export async function operatorsOf(
  bench: Bench,
  knowledge: Knowledge,
  { place, name, isShape = false }: OperatorQuestion,
  token: CancellationToken,
): Promise<readonly Operator[]> {
  const { snapshot, offset } = place;
  const { package: prefix, name: symbolName } = readSymbol(name);
  if (prefix === '') return [];
  if (prefix === undefined) {
    const reread = (text: string): Snapshot => bench.parts.source.snapshot(snapshot.uri, 0, text);
    const local = localsNear(snapshot, offset, reread).find(
      ({ binding }) =>
        binding.name === symbolName && (binding.kind === 'function' || binding.kind === 'macro'),
    );
    if (local)
      return [
        {
          label: `local ${local.binding.kind}`,
          ...(local.lambdaList !== undefined && { lambdaList: oneLine(local.lambdaList) }),
        },
      ];
  }
  const standard = standardName(name);
  if (isShape && standard?.lambdaList !== undefined)
    return [{ label: wordOf(standard.is), lambdaList: standard.lambdaList }];
  const at = { name: symbolName, package: place.package, ...(prefix !== undefined && { prefix }) };
  const [about, hits] = await Promise.all([
    knowledge.about(snapshot.uri, name, place.package, token),
    knowledge.definitions(snapshot, at, token),
  ]);
  const out: Operator[] = [];
  const searched = prefix ?? place.package ?? initialPackage;
  const own = await ownDefinitions(snapshot, searched, initialPackage, each => each === symbolName);
  for (const { definition } of own)
    if (OPERATORS.has(definition.kind) && !definition.name.startsWith('('))
      out.push(fromDefinition(definition));
  for (const { definition } of hits)
    if (OPERATORS.has(definition.kind) && !definition.name.startsWith('('))
      out.push(fromDefinition({ ...definition, docstring: definition.summary }));
  for (const { kind, lambdaList, documentation } of about?.facts ?? [])
    if (/^(?:special-operator|macro|function|generic-function)$/.test(kind))
      out.push({
        label: kind.replace('-', ' '),
        ...(lambdaList !== undefined && { lambdaList }),
        ...(documentation !== undefined && { documentation }),
      });
  for (const { qualifiers, specializers, lambdaList } of about?.methods ?? [])
    out.push({
      label: methodLabel(qualifiers, specializers),
      lambdaList: specialized(lambdaList, specializers),
    });
  if (out.length === 0 && standard === undefined) out.push(...places(own, hits, about));
  // SBCL's own lambda lists of these are those of its implementation
  const isStandard = about?.found === true ? about.package === 'COMMON-LISP' : out.length === 0;
  if (standard?.lambdaList !== undefined && isStandard)
    out.unshift({ label: wordOf(standard.is), lambdaList: standard.lambdaList, ...documentationOf(out) });
  return merged(out);
}

/** What only stands for a place, because SETF alone is defined on it: its arguments, without the new value. */
function places(
  own: readonly OwnDefinition[],
  hits: readonly DefinitionHit[],
  about: About | undefined,
): Operator[] {
  const lists = [
    ...[...own, ...hits].map(({ definition }) =>
      definition.name.startsWith('(') && OPERATORS.has(definition.kind) ? definition.lambdaList : undefined,
    ),
    ...(about?.facts ?? []).map(({ kind, lambdaList }) =>
      kind === 'setf-function' ? lambdaList : undefined,
    ),
  ];
  return lists.flatMap(list => {
    const value = list === undefined ? undefined : parseLambdaList(list, false).parameters[0];
    if (!value) return [];
    return [{ label: 'setf function', lambdaList: oneLine(`(${list!.slice(value.span.end).trimStart()}`) }];
  });
}

/** "((x circle) y)" of "(x y)" and what its parameters are specialized on. */
function specialized(lambdaList: string, specializers: readonly string[]): string {
  let out = lambdaList;
  const required = parseLambdaList(lambdaList).parameters.filter(({ kind }) => kind === 'required');
  for (let i = Math.min(required.length, specializers.length) - 1; i >= 0; i--) {
    const { span, name } = required[i]!;
    if (specializers[i] !== 't')
      out = `${out.slice(0, span.start)}(${name} ${specializers[i]})${out.slice(span.end)}`;
  }
  return out;
}

const documentationOf = (known: readonly Operator[]) => {
  const documentation = known.find(each => each.documentation !== undefined)?.documentation;
  return documentation === undefined ? {} : { documentation };
};

const wordOf = (is: string): string =>
  is.includes('s')
    ? 'special operator'
    : is.includes('m')
      ? 'macro'
      : is.includes('g')
        ? 'generic function'
        : 'function';

const methodLabel = (qualifiers: readonly string[], specializers: readonly string[]): string =>
  ['method', ...qualifiers, `(${specializers.join(' ')})`].join(' ').toLowerCase();

interface Defined {
  readonly kind: string;
  readonly qualifiers?: readonly string[];
  readonly specializers?: readonly string[];
  readonly lambdaList?: string;
  readonly docstring?: string | undefined;
}

const fromDefinition = ({ kind, qualifiers, specializers, lambdaList, docstring }: Defined): Operator => ({
  label: kind === 'method' ? methodLabel(qualifiers ?? [], specializers ?? []) : kind.replace('-', ' '),
  ...(lambdaList !== undefined && { lambdaList: oneLine(lambdaList) }),
  ...(docstring && { documentation: docstring }),
});

/** The first of each label and lambda list; an operator without its own lambda list is left out where another one has it. */
function merged(operators: readonly Operator[]): Operator[] {
  const out = new Map<string, Operator>();
  for (const each of operators) {
    const key = each.label.startsWith('method') ? each.label : 'operator';
    const known = out.get(key);
    if (!known) out.set(key, each);
    else if (known.lambdaList === undefined || known.documentation === undefined)
      out.set(key, { ...each, ...known });
  }
  return [...out.values()];
}

const oneLine = (text: string): string => text.slice(0, 4000).replace(/\s+/g, ' ').trim().slice(0, 1200);
