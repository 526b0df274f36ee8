/** Where a line goes: what the list around its start says. A pure function of the frames. */
import {
  bareName,
  type Choice,
  type Element,
  type Frame,
  type Layout,
  type PartRole,
  type Role,
  type Token,
} from './frame.ts';
import { ifStarColumn } from './ifStar.ts';
import { loopColumn } from './loop.ts';
import { definingSpec, guessedBody, isDefining, standardSpec } from './standard.ts';
import type { Argument, Arguments, Spec } from './spec.ts';

/** Columns of a body beyond the bracket of its form. */
const body = 2;
const distinguished = 4;

/** Also of clauses: SLIME's classic style has 3, LispWorks 2. */
const clauseColumns = [1, 2, 3];

export type SpecOf = (operator: string, written: string, frame: Frame) => Spec | undefined;

const lambdaKeyword = /^&(?:optional|rest|key|allow-other-keys|aux|whole|body|environment|more)$/;
const asCall: Arguments = { each: [], rest: 'normal' };
/** Of DO: variables with their steps. */
const steps: Arguments = { each: [], rest: { whole: undefined, inside: asCall } };
const bindings: Arguments = { each: [], rest: { whole: 1, inside: { each: [1], rest: 2 } } };

/** What the list is, now that its first element is known. */
export function layoutOf(frame: Frame, specOf: SpecOf): Layout {
  return (frame.layout ??= makeLayout(frame, specOf));
}

function makeLayout(frame: Frame, specOf: SpecOf): Layout {
  const { role, head } = frame;
  if (role === 'lambda-list') return { type: 'lambda-list' };
  // where a lambda list is only guessed at, a known operator says that it is none
  if (
    role === 'perhaps-lambda-list' &&
    !(head?.kind === 'symbol' && specOf(bareName(head.text), head.text, frame))
  )
    return { type: 'lambda-list' };
  if (role === 'parameter') return { type: 'part', inside: asCall, clause: false };
  if (typeof role === 'object') {
    // such as :constructor among the options of a structure, or LET where a macro takes a list or a form
    const own =
      head?.kind === 'keyword'
        ? specOf(head.text, head.text, frame)
        : role.guessed && head?.kind === 'symbol'
          ? standardSpec(bareName(head.text))
          : undefined;
    return own === undefined ? { type: 'part', ...role } : { type: 'call', spec: own, defining: false };
  }
  const named = head && (head.kind === 'symbol' || head.kind === 'keyword') && !head.guarded;
  const operator = named ? (head.kind === 'keyword' ? head.text : bareName(head.text)) : '';
  let spec = named ? specOf(operator, head.text, frame) : undefined;
  if (role === 'quoted' || (role === 'data' && spec === undefined)) return { type: 'data', spec };
  // an option such as (:lambda (x) …) is indented as what it is named after
  if (head?.kind === 'keyword' && role === 'form') spec ??= standardSpec(operator.slice(1));
  return { type: 'call', spec, defining: spec === undefined && isDefining(operator) };
}

/** What a list that is the next element of a frame is. */
export function roleOf(parent: Frame, layout: Layout, guarded: boolean): Role {
  switch (layout.type) {
    case 'data':
      return 'data';
    case 'lambda-list':
      if (parent.role === 'perhaps-lambda-list') return 'form';
      return inSection(parent) ? 'parameter' : 'lambda-list';
    case 'part':
      return roleBy(argumentAt(layout.inside, parent.nextPosition(guarded)), false);
    case 'call': {
      const position = parent.nextPosition(guarded) - 1;
      if (position < 0) return 'form';
      const spec = layout.spec ?? (layout.defining ? definingSpec : undefined);
      if (spec === undefined || typeof spec === 'number') return 'form';
      if (typeof spec === 'object') {
        if (spec === guessedBody) return position === 0 ? { ...part(asCall), guessed: true } : 'form';
        const role = roleBy(argumentAt(spec, position), position >= spec.each.length);
        return role === 'lambda-list' && layout.spec === undefined ? 'perhaps-lambda-list' : role;
      }
      switch (spec) {
        case 'defmethod':
          return position === qualified(parent) ? 'lambda-list' : 'form';
        case 'defsetf':
          return position === 1 ? 'lambda-list' : 'form';
        case 'lambda':
          return position === 0 ? 'lambda-list' : 'form';
        case 'prog':
          return position === 0 ? part(bindings) : 'form';
        case 'do':
          return position === 0 ? part(steps) : position === 1 ? part({ each: [], rest: 1 }) : 'form';
        case 'if':
        case 'if*':
        case 'loop':
        case 'tagbody':
          return 'form';
      }
    }
  }
}

const part = (inside: Arguments): PartRole => ({ inside, clause: false });

const roleBy = (argument: Argument, clause: boolean): Role =>
  argument === 'lambda'
    ? 'lambda-list'
    : typeof argument === 'object'
      ? { inside: argument.inside, clause, guessed: argument.guessed }
      : 'form';

/** Whether `&optional`, `&key` or `&aux` governs what comes next. */
function inSection({ elements }: Frame): boolean {
  for (let i = elements.length - 1; i >= 0; i--) {
    const { kind, text } = elements[i]!;
    if (kind === 'symbol' && lambdaKeyword.test(text)) return /^&(?:optional|key|aux)$/.test(text);
  }
  return false;
}

/** The argument at which the lambda list of a method stands, or would stand. */
function qualified(frame: Frame): number {
  const named = frame.head?.kind === 'keyword' ? 0 : 1;
  const { elements } = frame;
  let at = named + 1;
  while (at < elements.length && elements[at]!.kind !== 'list') at++;
  return at - 1;
}

const argumentAt = ({ each, rest }: Arguments, position: number): Argument => each[position] ?? rest;

/** The column of a line whose first token belongs to the frame. */
export function place(frame: Frame, token: Token, specOf: SpecOf): Choice {
  const layout = layoutOf(frame, specOf);
  const { last, open } = frame;
  let chosen = placeIn(frame, layout, token);
  if (token.kind === 'close') chosen = { ...chosen, also: [...chosen.also, open, open + 1] };
  if (!last?.guarded) return chosen;
  // alternatives stand one below the other
  return token.guarded
    ? { column: last.column, also: [chosen.column, ...chosen.also] }
    : { ...chosen, also: [...chosen.also, last.column] };
}

function placeIn(frame: Frame, layout: Layout, token: Token): Choice {
  const normal = normalColumn(frame);
  switch (layout.type) {
    case 'data': {
      const also = [normal, ...keywordColumn(frame, token)];
      if (layout.spec !== undefined) {
        const call = inCall(frame, layout.spec, false, token, normal);
        also.push(call.column, ...call.also);
      }
      return { column: frame.open + 1, also };
    }
    case 'lambda-list':
      return lambdaListColumn(frame, token);
    case 'part': {
      const position = frame.nextPosition(token.guarded);
      const argument = argumentAt(layout.inside, position);
      const tail = position > layout.inside.each.length;
      const { column, also } = byArgument(frame, argument, token, normal, tail);
      const [aligned] = keywordColumn(frame, token);
      if (aligned !== undefined) return { column: aligned, also: [column, normal, frame.open + 1] };
      // what follows goes on below
      if (argument === 'body') return { column, also: tail ? [...also, normal] : also };
      if (frame.lastFirst || !layout.clause) return { column, also: [...also, normal, frame.open + 1] };
      return { column, also: [...also, normal, ...clauseColumns.map(each => frame.open + each)] };
    }
    case 'call':
      return inCall(frame, layout.spec, layout.defining, token, normal);
  }
}

function inCall(
  frame: Frame,
  spec: Spec | undefined,
  defining: boolean,
  token: Token,
  normal: number,
): Choice {
  const { open, head } = frame;
  const position = frame.nextPosition(token.guarded) - 1;
  if (!head) return { column: open + 1, also: [] };
  if (spec === undefined) {
    if (defining) return byArguments(frame, definingSpec as Arguments, position, token, normal);
    const aligned = keywordColumn(frame, token);
    const also = [normal, ...firstColumns(frame)];
    const { lastFirst } = frame;
    if (head.kind !== 'symbol') also.push(open + 1);
    // it may be a macro with a body
    else if (!lastFirst) also.push(open + body, open + distinguished);
    else if (lastFirst.column > open + body) also.push(open + body);
    return { column: aligned[0] ?? normal, also };
  }
  if (typeof spec === 'number') {
    if (position < spec) return { column: open + distinguished, also: [normal, open + body] };
    const started = frame.elements.slice(spec + 1).some(({ first }) => first);
    return position === spec || started || frame.lastFirst
      ? { column: open + body, also: [normal] }
      : { column: normal, also: [open + body] };
  }
  if (typeof spec === 'object') return byArguments(frame, spec, position, token, normal);
  switch (spec) {
    case 'if':
      // SLIME's classic style has a branch at 2
      return { column: normal, also: [open + (position === 0 ? distinguished : body)] };
    case 'lambda':
      return position === 0
        ? { column: open + distinguished, also: [normal] }
        : { column: open + body, also: [normal] };
    case 'defmethod': {
      const at = qualified(frame);
      return position < at || (position === at && token.kind !== 'other')
        ? { column: open + distinguished, also: [open + body] }
        : { column: open + body, also: [] };
    }
    case 'defsetf': {
      const long = frame.elements[2] === undefined || frame.elements[2].kind === 'list';
      const early = position < (long ? 3 : 2);
      return {
        column: open + (early ? distinguished : body),
        also: early ? [normal] : [open + distinguished],
      };
    }
    case 'do':
      if (position < 2) return { column: normal, also: [open + distinguished] };
      return token.kind === 'symbol'
        ? { column: open + 1, also: [open + body] }
        : { column: open + body, also: [normal] };
    case 'prog':
      if (position === 0) return { column: open + distinguished, also: [normal] };
      return tagged(frame, token, normal);
    case 'tagbody':
      return tagged(frame, token, normal);
    case 'if*':
      return ifStarColumn(frame, token, normal);
    case 'loop':
      return loopColumn(frame, token, normal);
  }
}

const tagged = ({ open }: Frame, { kind }: Token, normal: number): Choice =>
  kind === 'symbol' || kind === 'keyword'
    ? { column: open + 1, also: [open + body] }
    : { column: open + 3, also: [open + body, normal] };

function byArguments(frame: Frame, spec: Arguments, position: number, token: Token, normal: number): Choice {
  const tail = position > spec.each.length;
  return byArgument(frame, argumentAt(spec, position), token, normal, tail);
}

/** @param tail others that the same element of the specification is for come before it */
function byArgument(frame: Frame, argument: Argument, token: Token, normal: number, tail: boolean): Choice {
  const { open } = frame;
  if (argument === 'normal') {
    const aligned = keywordColumn(frame, token);
    return aligned.length > 0 ? { column: aligned[0]!, also: [normal] } : { column: normal, also: [] };
  }
  if (argument === 'body') return { column: open + body, also: [] };
  if (argument === 'lambda')
    return token.kind === 'list' || token.text === 'nil' || frame.elements.length === 1
      ? { column: open + distinguished, also: [open + body] }
      : { column: open + body, also: [open + distinguished] };
  if (typeof argument === 'number')
    return {
      column: open + argument,
      // Emacs' plain Lisp mode has what comes first in a definition where its body is
      also: argument === distinguished ? [normal, open + body] : [normal],
    };
  if (argument.whole === undefined) return { column: normal, also: [] };
  const column = open + argument.whole;
  if (!tail || (token.kind === 'symbol' && !frame.lastFirst)) return { column, also: [normal] };
  return { column: normal, also: [column] };
}

/** As Emacs indents the arguments of a function: below the first one, or the last that began a line. */
function normalColumn(frame: Frame): number {
  const { open, line, head, elements, lastFirst } = frame;
  if (lastFirst && lastFirst.line > line) return lastFirst.column;
  if (!head) return open + 1;
  const second = elements[1];
  // a comment behind the operator of a top-level form counts as an argument
  if (!second)
    return frame.commented && head.kind === 'symbol' && !frame.parent?.parent ? head.end + 1 : head.column;
  return head.kind === 'list' ? head.column : second.column;
}

/** Also below the first argument, where the line above stands elsewhere. */
function firstColumns({ elements, line }: Frame): number[] {
  const second = elements[1];
  return second && second.line === line ? [second.column] : [];
}

/** Keyword arguments stand below the first of them. */
function keywordColumn({ elements }: Frame, token: Token): number[] {
  if (token.kind !== 'keyword') return [];
  // alternatives by reader conditionals are one value
  const values = elements.filter(({ position }, i) => position !== elements[i - 1]?.position);
  let first: Element | undefined;
  for (let i = values.length - 2; i >= 0 && values[i]!.kind === 'keyword'; i -= 2) {
    // (:export :a :b) has no values
    if (i === 0 && values[1]!.kind === 'keyword') break;
    first = values[i];
  }
  return first ? [first.column] : [];
}

/** Keywords below the first parameter, parameters behind the keyword that they belong to. */
function lambdaListColumn(frame: Frame, token: Token): Choice {
  const { open, elements } = frame;
  const keywords = elements.filter(({ kind, text }) => kind === 'symbol' && lambdaKeyword.test(text));
  const normal = normalColumn(frame);
  if (token.kind === 'symbol' && lambdaKeyword.test(token.text))
    return { column: open + 1, also: [...keywords.map(({ column }) => column), normal] };
  const governing = keywords.at(-1);
  if (!governing) return { column: open + 1, also: [normal] };
  const parameter = elements[elements.indexOf(governing) + 1];
  const column = governing.column + 2;
  const also = [open + 1, governing.column, normal];
  if (parameter) also.push(parameter.column);
  return { column, also };
}
