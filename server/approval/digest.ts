/** What an approval is bound to. */
import { createHash, type Hash } from 'node:crypto';

/** Hex sha256 of a JSON value, independent of the order of object keys. Undefined members are left out. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

/** The same, bit by bit: for a value with long arrays. */
export function* digesting(value: unknown): Generator<void, string> {
  const hash = createHash('sha256');
  yield* feed(hash, value);
  return hash.digest('hex');
}

/** What is in an array is written at once, what is around arrays part by part. */
function* feed(hash: Hash, value: unknown): Generator<void, void> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      hash.update(`${index > 0 ? ',' : '['}${canonical(item ?? null)}`);
      yield;
    }
    hash.update(value.length > 0 ? ']' : '[]');
  } else if (typeof value === 'object' && value !== null) {
    for (const [index, [key, member]] of membersOf(value).entries()) {
      hash.update(`${index > 0 ? ',' : '{'}${JSON.stringify(key)}:`);
      yield* feed(hash, member);
    }
    hash.update(membersOf(value).length > 0 ? '}' : '{}');
  } else hash.update(canonical(value));
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(item => canonical(item ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = membersOf(value).map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

const membersOf = (value: object): [string, unknown][] =>
  Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
