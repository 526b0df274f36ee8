/** The call that a place is in, and what is expected there: also inside the destructured arguments of macros. */
import type { CancellationToken } from 'vscode-languageserver/node';
import {
  parameterOf,
  parseLambdaList,
  type Argument,
  type LambdaList,
  type Parameter,
} from '../features/lambdaList.ts';
import type { ListPlace, Place } from '../features/place.ts';
import type { Snapshot, Span } from '../source/index.ts';
import type { Bench } from './bench.ts';
import { indirectOperator } from './indirect.ts';
import type { Knowledge } from './knowledge.ts';
import { operatorsOf, type Operator } from './operators.ts';

export interface ExpectingOperator extends Operator {
  readonly whole: LambdaList | undefined;
  /** What the list that the place is in has to fit: all of the lambda list, or a part that is destructured. */
  readonly expected: LambdaList | undefined;
  /** The parameter that the place belongs to. */
  readonly active: Parameter | undefined;
}

export interface Call {
  /** The operator as it is written. */
  readonly name: string;
  /** The list that the place is in: the call, or a part of it that is destructured. */
  readonly list: ListPlace;
  /** The 0-based number of the argument, or of the object in the destructured list. */
  readonly index: number;
  readonly operators: readonly ExpectingOperator[];
}

/** Parameters whose lists are no calls: they bind, declare or are data. */
const DATA =
  /^(?:lambda-list|bindings|functions|macros|slots|slot-entries|variables|superclasses|parents|options|name-and-options|clauses|declarations|situations|names)$/;
/** How many lists around the place may belong to one call. */
const deep = 4;

/** The innermost call around the place whose operator somebody knows; undefined where there is none. */
export async function callAt(
  bench: Bench,
  knowledge: Knowledge,
  place: Place,
  token: CancellationToken,
): Promise<Call | undefined> {
  const { snapshot } = place;
  const lists = place.lists.slice(0, deep);
  const known = await Promise.all(
    lists.map(async ({ operator, quoted, objects }, n) =>
      !operator || quoted || operator.package === '' || operator.package === '#'
        ? []
        : operatorsOf(
            bench,
            knowledge,
            { place, name: textOf(snapshot, objects[0]!.span), isShape: n > 0 },
            token,
          ),
    ),
  );
  const indirect = await Promise.all(
    lists.map(list => indirectOperator(bench, knowledge, place, list, token)),
  );
  /** From the outermost list on: the call that is being looked into, if its argument is destructured further. */
  let inside: { name: string; operators: ExpectingOperator[] } | undefined;
  let best: Call | undefined;
  for (let n = lists.length - 1; n >= 0; n--) {
    const list = lists[n]!;
    const parts = (inside?.operators ?? []).filter(({ active }) => active?.nested);
    if (inside && parts.length > 0) {
      const args = argumentsOf(snapshot, list, 0);
      const operators = parts.map(each => ({
        ...each,
        expected: each.active!.nested,
        active: parameterOf(each.active!.nested!, args, list.index),
      }));
      inside = { name: inside.name, operators };
      best = { name: inside.name, list, index: list.index, operators };
      continue;
    }
    // a binding, a clause, a lambda list: neither a call nor what a call expects
    if (inside && isData(inside.operators, list, lists[n + 1])) {
      inside = undefined;
      continue;
    }
    inside = undefined;
    const meant = indirect[n] ?? {
      name: textOf(snapshot, list.objects[0]?.span ?? { start: 0, end: 0 }),
      operators: known[n]!,
      from: 1,
    };
    if (meant.operators.length === 0) continue;
    const { name, from } = meant;
    const args = argumentsOf(snapshot, list, from);
    const operators = meant.operators.map((operator): ExpectingOperator => {
      const whole =
        operator.lambdaList === undefined
          ? undefined
          : parseLambdaList(operator.lambdaList, !operator.label.startsWith('method'));
      return {
        ...operator,
        whole,
        expected: whole,
        active: whole && parameterOf(whole, args, list.index - from),
      };
    });
    inside = { name, operators };
    best = { name, list, index: list.index - from, operators };
  }
  return best;
}

function isData(
  operators: readonly ExpectingOperator[],
  list: ListPlace,
  outer: ListPlace | undefined,
): boolean {
  if (operators.some(({ active }) => active && DATA.test(active.name.toLowerCase()))) return true;
  if (outer?.operator?.name !== 'DEFMETHOD') return false;
  const lambdaList = outer.objects.slice(2).find(({ type }) => type === 'list_lit' || type === 'nil_lit');
  return lambdaList?.span.start === list.node.span.start;
}

function argumentsOf(snapshot: Snapshot, { objects }: ListPlace, from: number): Argument[] {
  return objects.slice(from).map(({ type, span }) => ({
    ...(type === 'kwd_lit' && { keyword: textOf(snapshot, span).toLowerCase() }),
  }));
}

const textOf = (snapshot: Snapshot, { start, end }: Span): string => snapshot.slice(start, end);
