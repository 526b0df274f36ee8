import { describe, expect, it } from 'vitest';
import { bareName, isCalled } from '../../../server/operations/names.ts';
import type { SourceDefinition } from '../../../server/source/types.ts';

const definition = (name: string, rest: Partial<SourceDefinition> = {}): SourceDefinition => ({
  kind: 'function',
  operator: 'defun',
  name,
  nameSpan: { start: 0, end: 0 },
  span: { start: 0, end: 0 },
  children: [],
  ...rest,
});
const method = (name: string, qualifiers: string[], specializers: string[]) =>
  definition(name, { kind: 'method', operator: 'defmethod', qualifiers, specializers });

describe('a name as people write it', () => {
  it.each([
    ['foo', 'FOO'],
    ['app:foo', 'FOO'],
    ['app::foo', 'FOO'],
    [':key', ':KEY'],
    ['|foo|', '|foo|'],
    [' foo ', 'FOO'],
  ])('%j is %j', (text, bare) => expect(bareName(text)).toBe(bare));

  const rows: [string, SourceDefinition, string, boolean][] = [
    ['the bare name', definition('compute'), 'compute', true],
    ['another case', definition('compute'), 'COMPUTE', true],
    ['with its package', definition('compute'), 'my-app:compute', true],
    ['a prefix of it', definition('compute-all'), 'compute', false],
    ['a setf function', definition('(setf price)'), '(setf price)', true],
    ['a setf function by its place', definition('(setf price)'), 'price', false],
    ['a method by its name', method('area', [], ['circle']), 'area', true],
    ['a method by its specializers', method('area', [], ['circle']), 'area (circle)', true],
    ['another method', method('area', [], ['circle']), 'area (square)', false],
    ['a qualified method', method('area', [':around'], ['circle']), 'area :around (circle)', true],
    ['a method without its qualifier', method('area', [':around'], ['circle']), 'area (circle)', false],
    ['trailing specializers of t left out', method('join', [], ['a', 't']), 'join (a)', true],
    ['a trailing specializer left out', method('join', [], ['a', 'b']), 'join (a)', false],
    ['an eql specializer', method('on', [], ['(eql :start)']), 'on ((eql :start))', true],
  ];
  it.each(rows)('%s', (_what, given, asked, expected) => expect(isCalled(given, asked)).toBe(expected));
});
