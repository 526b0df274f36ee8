/** Long messages, which are read and written bit by bit, mean what JSON.parse and JSON.stringify make of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../server/longMessages.ts';
import { Numbers } from '../../server/numbers.ts';

/** Text that is long enough for every way of reading it, with characters and escapes of every width at every place. */
const longText = fc
  .tuple(
    fc.array(
      fc.constantFrom('a', '"', '\\', '\n', 'é', 'λ', '😀', '\u0001', '\ud800', '\u2028', '\\"', '\\u'),
      {
        minLength: 1,
        maxLength: 9,
      },
    ),
    fc.integer({ min: 0, max: 5 }),
  )
  .map(
    ([parts, shift]) => 'x'.repeat(shift) + parts.join('').repeat(Math.ceil(200_000 / parts.join('').length)),
  );

const written = async (value: unknown) => Buffer.concat(await encode(value)).toString();

describe('a long message', () => {
  it('is read as JSON.parse reads it, whatever its long strings hold', async () => {
    await fc.assert(
      fc.asyncProperty(longText, fc.jsonValue(), async (text, value) => {
        const message = { before: value, [text.slice(0, 20)]: { text, also: [text, '', 'é'] }, after: value };
        const json = Buffer.from(JSON.stringify(message));
        expect(await decode(json)).toEqual(JSON.parse(json.toString()));
      }),
      { numRuns: 30 },
    );
  });

  it('may have escapes that JSON.stringify never writes', async () => {
    const inner = String.raw`\u0041\ud83d\ude00\/\\u0041\b`.repeat(20_000);
    for (const shift of [0, 1, 2, 3, 4, 5, 6])
      expect(await decode(Buffer.from(`{"text":"${'x'.repeat(shift)}${inner}"}`))).toEqual({
        text: 'x'.repeat(shift) + 'A😀/\\u0041\b'.repeat(20_000),
      });
  });

  it('that is no JSON is refused, wherever the fault is', async () => {
    const long = 'a'.repeat(300_000);
    for (const text of [
      `{"text":"${long}"`,
      `{"text":"${long}`,
      `{"text":"${long}\\x"}`,
      `{"text":"${long}\n"}`,
      `{"a" "${long}"}`,
    ])
      await expect(decode(Buffer.from(text))).rejects.toThrow(SyntaxError);
  });

  it('is written as JSON.stringify writes it', async () => {
    await fc.assert(
      fc.asyncProperty(longText, fc.array(fc.jsonValue(), { minLength: 1 }), async (text, values) => {
        const many = Array.from({ length: 3000 }, (_, n) => ({
          n,
          value: values[n % values.length],
          gone: undefined,
        }));
        const message = {
          text,
          many,
          numbers: many.map(({ n }) => n),
          nested: [[many, text], []],
          gone: undefined,
        };
        expect(await written(message)).toBe(JSON.stringify(message));
      }),
      { numRuns: 20 },
    );
  });

  it('may have very many numbers, which are written as an array', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40_000 }),
        fc.array(fc.jsonValue()),
        async (count, others) => {
          const numbers = new Numbers();
          const plain = [
            ...Array.from({ length: count }, (_, n) => n * 31 - 5),
            ...[0, 9, 10, 2 ** 31 - 1, -(2 ** 31)].slice(0, count),
          ];
          for (const each of plain) numbers.add(each);
          expect(numbers).toHaveLength(plain.length);
          expect(await written({ others, data: numbers, others2: others })).toBe(
            JSON.stringify({ others, data: plain, others2: others }),
          );
          expect(JSON.stringify(numbers)).toBe(JSON.stringify(plain));
        },
      ),
      {
        numRuns: 20,
        examples: [
          [0, []],
          [8192, []],
          [8193, []],
        ],
      },
    );
  });

  it('lets others run while it is read and written', async () => {
    const message = {
      text: '(defun f () "\\n")\n'.repeat(300_000),
      list: Array.from({ length: 300_000 }, (_, n) => ({ n })),
    };
    let turns = 0;
    let on = true;
    const count = (): void => {
      turns++;
      if (on) setImmediate(count);
    };
    setImmediate(count);
    const bytes = Buffer.concat(await encode(message));
    const whileWriting = turns;
    // Reading is so quick that only a very long text takes more than a few turns.
    const text = message.text.repeat(5);
    expect(await decode(Buffer.from(JSON.stringify({ text })))).toEqual({ text });
    on = false;
    expect(bytes.toString()).toBe(JSON.stringify(message));
    expect(whileWriting).toBeGreaterThan(3);
    expect(turns - whileWriting).toBeGreaterThan(3);
  });
});
