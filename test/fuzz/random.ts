/** Random inputs that can be made again: everything follows from a seed and the input's number. */

export class Random {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** From 0 up to, not including, 1. (Mulberry32.) */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** An integer from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const strings = [
  '',
  'x',
  'shop:total',
  'SHOP',
  '(defun f () 1)',
  '#.(sb-ext:exit :abort t)',
  '|',
  '"',
  '\\',
  '#|',
  '(((((',
  ')',
  '\u0000',
  '\ud800',
  '\u202e\u2066',
  '😀語é',
  '../../../etc/passwd',
  '/',
  '/dev/zero',
  '/proc/self/mem',
  '/tmp',
  'file:///',
  'file://host/share',
  'file:///%00',
  'file:///tmp/%ff.lisp',
  'untitled:1',
  'http://example.org/a.lisp',
  '-1',
  '__proto__',
  'constructor',
  'a'.repeat(5000),
  '('.repeat(3000),
  '%s%n*?[',
  'new\nline',
];
const numbers = [
  0,
  1,
  -1,
  2,
  1.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  Number.MIN_VALUE,
  999_999,
];

/** A JSON value of any kind; `depth` bounds how it nests. */
export function anything(random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.of(numbers);
    case 4:
    case 5:
      return random.of(strings);
    case 6:
      return Array.from({ length: random.below(4) }, () => anything(random, depth - 1));
    case 7:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [
          random.of(strings).slice(0, 40),
          anything(random, depth - 1),
        ]),
      );
    default:
      return nested(random.of([10, 200, 3000]));
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** `value` with one of its parts replaced, removed, doubled or added. */
export function mutated(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.15)) return anything(random);
  if (Array.isArray(value)) {
    const items = [...(value as unknown[])];
    if (items.length === 0 || random.chance(0.2)) return [...items, anything(random)];
    const at = random.below(items.length);
    if (random.chance(0.2)) items.splice(at, 1);
    else items[at] = mutated(random, items[at]);
    return items;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || random.chance(0.15))
    return { ...value, [random.of(strings).slice(0, 40)]: anything(random) };
  const [key, member] = random.of(entries as [string, unknown][]);
  if (random.chance(0.2)) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return { ...value, [key]: mutated(random, member) };
}
