import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DottedList,
  framePacket,
  keyword,
  LispCharacter,
  LispSyntaxError,
  MAX_DEPTH,
  PacketReader,
  readLisp,
  symbol,
  writeLisp,
  type LispData,
} from '../../../server/image/lispData.ts';

const text = fc.string({ unit: 'binary' });
const name = fc.oneof(
  fc.constantFrom('FOO', 'foo', 'Foo Bar', '1+', '12', 'A|B', 'C\\D', '+', '.', 'a:b', ''),
  text,
);
const atom: fc.Arbitrary<LispData> = fc.oneof(
  text,
  fc.maxSafeInteger(),
  fc.bigInt().filter(value => value > 2n ** 53n || value < -(2n ** 53n)),
  fc.double({ noDefaultInfinity: true, noNaN: true }).filter(value => !Number.isInteger(value)),
  // NIL is the empty list.
  name.filter(value => value !== 'NIL').map(value => symbol(value)),
  fc
    .tuple(
      name,
      name.filter(value => value !== '' && value !== 'KEYWORD'),
    )
    .map(([own, of]) => symbol(own, of)),
  name.map(value => symbol(value, 'KEYWORD')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map(character => new LispCharacter(character)),
);
const data = fc.letrec<{ data: LispData }>(tie => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc.array(tie('data'), { maxLength: 5 }),
    fc
      .tuple(fc.array(tie('data'), { minLength: 1, maxLength: 4 }), atom)
      .map(([items, tail]) => new DottedList(items, tail)),
  ),
})).data;

describe('s-expressions of the wire', () => {
  it('are read back as they were written, whatever they hold', () => {
    fc.assert(
      fc.property(data, value => {
        expect(readLisp(writeLisp(value))).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[string, LispData]>([
    ['(:return (:ok 2) 1)', [keyword('RETURN'), [keyword('OK'), 2], 1]],
    ['(:RETURN (:OK "a\nb \\"c\\" \\\\") 1)', [keyword('RETURN'), [keyword('OK'), 'a\nb "c" \\'], 1]],
    ['nil', []],
    ['()', []],
    ['(NIL . nil)', [[]]],
    ['(a . (b c))', [symbol('A'), symbol('B'), symbol('C')]],
    ['(a b . c)', new DottedList([symbol('A'), symbol('B')], symbol('C'))],
    ["'x", [symbol('QUOTE'), symbol('X')]],
    ["#'car", [symbol('FUNCTION'), symbol('CAR')]],
    ['cl-user::|Foo bar|', symbol('Foo bar', 'CL-USER')],
    ['swank:connection-info', symbol('CONNECTION-INFO', 'SWANK')],
    ['1+', symbol('1+')],
    ['-12', -12],
    ['12.', 12],
    ['1.5d0', 1.5],
    ['.5', 0.5],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
    ['#\\Space', new LispCharacter(' ')],
    ['#\\(', new LispCharacter('(')],
    ['#\\U+1F600', new LispCharacter('😀')],
  ])('%s', (written, value) => expect(readLisp(written)).toEqual(value));

  it.each([
    '',
    '(',
    '(a',
    '"a',
    ')',
    '(a . )',
    '(a . b c)',
    '( . a)',
    '#.(cl:quit)',
    '#<THREAD {1}>',
    '`a',
    ',a',
    'a b',
    ':',
    '|a',
    '#\\Nonsense',
    '; x',
  ])('refuses %j, which is not one datum', written =>
    expect(() => readLisp(written)).toThrow(LispSyntaxError),
  );

  it('refuses nesting without end instead of exhausting the stack', () => {
    expect(() => readLisp('('.repeat(1_000_000))).toThrow(/nested deeper/);
    expect(readLisp('('.repeat(MAX_DEPTH) + ')'.repeat(MAX_DEPTH))).toBeInstanceOf(Array);
  });
});

describe('packets', () => {
  it('count UTF-8 bytes in six hex digits', () => {
    expect(framePacket('("é😀")').toString('utf8')).toBe('00000a("é😀")');
    expect(framePacket('x'.repeat(70_000)).toString('latin1', 0, 6)).toBe('011170');
  });

  it('are refused when the header could not say their length', () => {
    expect(() => framePacket('x'.repeat(0x1000000))).toThrow(/does not fit/);
  });

  it('are put together however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 9 })),
        (texts, sizes) => {
          const bytes = Buffer.concat(texts.map(framePacket));
          const reader = new PacketReader();
          const got: string[] = [];
          let from = 0;
          for (let n = 0; from < bytes.length; n++) {
            const size = sizes[n % sizes.length] ?? 1;
            got.push(...reader.push(bytes.subarray(from, from + size)));
            from += size;
          }
          expect(got).toEqual(texts);
        },
      ),
    );
  });

  it('of a peer that speaks something else are an error', () => {
    expect(() => new PacketReader().push(Buffer.from('HTTP/1.1 400'))).toThrow(LispSyntaxError);
  });
});
