/** Arguments of commands: one JSON object, keys in snake_case or kebab-case, errors that name the offending key. */
import type { z } from 'zod';
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
  const object: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const snake = key.replaceAll('-', '_');
    if (Object.hasOwn(object, snake)) throw invalid(command, key, 'is given twice');
    object[snake] = member;
  }
  const { background = false, ...rest } = object;
  if (typeof background !== 'boolean') throw invalid(command, 'background', 'must be true or false');
  const parsed = operation.args.safeParse(rest);
  if (!parsed.success) throw invalid(command, ...explain(parsed.error.issues[0]!));
  return { args: parsed.data, background };
}

function explain(issue: z.core.$ZodIssue): [path: string, why: string] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return [[...path, issue.keys[0]!].join('.'), 'is not an argument of this command'];
  return [path.join('.'), issue.message];
}

const invalid = (command: string, path: string, why: string) =>
  new HotlispError('invalid-arguments', `${command}: ${path === '' ? 'the argument' : path} ${why}.`, {
    path,
  });
