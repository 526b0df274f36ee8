/** Arguments of commands: one JSON object, keys in snake_case or kebab-case, errors that name the offending key. */
import * as z from 'zod';
import { listed } from './display.ts';
import { complaint } from './complaint.ts';
import { HotlispError } from './errors.ts';
import type { Operation } from './operations/operation.ts';

export interface Parsed {
  readonly args: unknown;
  /** Answer at once, tell the outcome later. */
  readonly background: boolean;
}

/** @throws HotlispError `invalid-arguments` with `path`, the dotted path of the offending key ("" for the whole) */
export function parseArguments(operation: Operation, given: readonly unknown[] | undefined): Parsed {
  const command = `hotlisp.${operation.name}`;
  if ((given?.length ?? 0) > 1)
    throw invalid(command, '', `takes one object as its only argument; it got ${given!.length} arguments`);
  const [value = {}] = given ?? [];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(command, '', 'takes one JSON object as its only argument');
  if (isDeeperThan(maxDepth, value)) throw invalid(command, '', `is nested deeper than ${maxDepth} levels`);
  const object: Record<string, unknown> = {};
  const spelled = new Map<string, string>();
  for (const [key, member] of Object.entries(value)) {
    const snake = key.replaceAll('-', '_');
    if (Object.hasOwn(object, snake)) throw invalid(command, key, 'is given twice');
    // Set on an object it would be no key, but what the object is.
    if (snake === '__proto__')
      throw invalid(command, key, `is not an argument of this command${known(operation)}`);
    object[snake] = member;
    spelled.set(snake, key);
  }
  const { background = false, ...rest } = object;
  if (typeof background !== 'boolean') throw invalid(command, 'background', 'must be true or false');
  const parsed = operation.args.safeParse(rest);
  if (parsed.success) return { args: parsed.data, background };
  const issue = parsed.error.issues[0]!;
  const isUnknown = issue.code === 'unrecognized_keys';
  const path = [...issue.path, ...(isUnknown ? [issue.keys[0]!] : [])].map(String);
  const asGiven = [spelled.get(path[0]!) ?? path[0], ...path.slice(1)].join('.');
  throw invalid(
    command,
    asGiven,
    isUnknown ? `is not an argument of this command${known(operation)}` : complaint(issue, rest),
  );
}

/** More levels than any command has a use for: what goes down a value calls itself for each. */
const maxDepth = 200;

function isDeeperThan(depth: number, value: unknown): boolean {
  let level: unknown[] = [value];
  for (let n = 0; n <= depth; n++) {
    level = level.flatMap((each): unknown[] =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

/** `; it takes uri, version and position`, for a command that takes any. */
function known({ args }: Operation): string {
  const names = Object.keys(args instanceof z.ZodObject ? args.shape : {});
  return names.length > 0
    ? `; it takes ${listed([...names, 'background'], 20)}`
    : '; it takes none but background';
}

const invalid = (command: string, path: string, why: string) =>
  new HotlispError('invalid-arguments', `${command}: ${path === '' ? 'the argument' : path} ${why}.`, {
    path,
  });
