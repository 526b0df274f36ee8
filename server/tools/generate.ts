/**
 * Writes what is generated: from the wire contract (server/image/protocol.ts) lisp/protocol.lisp and server/image/digest.ts, from the
 * catalogue of operations docs/commands.md, from the schema of the settings docs/settings.md,
 * and from the text of --help docs/hotlisp.1.
 * With `--check` nothing is written: exit 1 and the names of the stale files when one differs.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import * as protocol from '../image/protocol.ts';
import { commandsPage, manPage, settingsPage } from './docs.ts';
import { vscodeManifest } from './vscode.ts';

/** A type of the wire as plain data; the digest is taken of this, so that comments and formatting do not change it. */
type WireType =
  | { type: 'string' }
  | { type: 'integer' }
  | { type: 'boolean' }
  | { type: 'enum'; values: string[] }
  | { type: 'array'; element: WireType }
  | { type: 'shape'; name: string }
  | { type: 'object'; members: Member[] };
interface Member {
  name: string;
  optional: boolean;
  value: WireType;
}

export interface Contract {
  shapes: { name: string; members: Member[] }[];
  operations: { name: string; writes: boolean; arguments: Member[]; result: WireType }[];
  events: { name: string; members: Member[] }[];
  error: Member[];
}

const shapeNames = new Map<unknown, string>(
  Object.entries(protocol.shapes).map(([name, shape]) => [shape, name]),
);

function refuse(place: string, what: string): never {
  throw new Error(
    `${place}: ${what} has no counterpart in the agent. Use object, string, number().int(), boolean, array, enum, optional ` +
      'and the named shapes, or teach server/tools/generate.ts and lisp/codec.lisp the new kind.',
  );
}

function wireType(schema: unknown, place: string): WireType {
  const name = shapeNames.get(schema);
  if (name !== undefined) return { type: 'shape', name };
  if (schema instanceof z.ZodObject) return { type: 'object', members: members(schema, place) };
  if (schema instanceof z.ZodArray) {
    refuseChecks(schema.def.checks, place);
    return { type: 'array', element: wireType(schema.def.element, `${place}[]`) };
  }
  if (schema instanceof z.ZodEnum) return { type: 'enum', values: schema.options.map(String) };
  if (schema instanceof z.ZodBoolean) return { type: 'boolean' };
  if (schema instanceof z.ZodString) {
    refuseChecks(schema.def.checks, place);
    return { type: 'string' };
  }
  if (schema instanceof z.ZodNumber) {
    const checks = schema.def.checks ?? [];
    if (checks.length !== 1 || !('format' in schema) || schema.format !== 'safeint')
      refuse(place, 'a number other than number().int()');
    return { type: 'integer' };
  }
  return refuse(
    place,
    schema instanceof z.ZodType ? `the schema kind "${schema.def.type}"` : 'something that is no schema',
  );
}

function refuseChecks(checks: readonly unknown[] | undefined, place: string): void {
  if (checks && checks.length > 0) refuse(place, 'a check beyond the type');
}

function members(schema: z.ZodObject, place: string): Member[] {
  return Object.entries(schema.shape).map(([name, value]) => {
    const optional = value instanceof z.ZodOptional;
    return { name, optional, value: wireType(optional ? value.def.innerType : value, `${place}.${name}`) };
  });
}

/** The whole contract as data. @throws Error naming the place of a schema kind that the agent's codec does not know */
export function readContract(): Contract {
  return {
    shapes: Object.entries(protocol.shapes).map(([name, shape]) => ({ name, members: members(shape, name) })),
    operations: Object.entries(protocol.operations).map(([name, operation]) => ({
      name,
      writes: operation.writes,
      arguments: members(operation.args, `${name}.args`),
      result: wireType(operation.result, `${name}.result`),
    })),
    events: Object.entries(protocol.events).map(([name, schema]) => ({
      name,
      members: members(schema, name),
    })),
    error: members(protocol.WireError, 'WireError'),
  };
}

/** "byteOffset" -> ":byte-offset", "DefinitionName" -> ":definition-name". */
function keyword(name: string): string {
  return `:${name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase()}`;
}

function lispType(value: WireType, indent: string): string {
  switch (value.type) {
    case 'enum':
      return `(:enum ${value.values.map(name => JSON.stringify(name)).join(' ')})`;
    case 'array':
      return `(:array ${lispType(value.element, indent)})`;
    case 'shape':
      return `(:shape ${keyword(value.name)})`;
    case 'object':
      return `(:object${lispMembers(value.members, `${indent} `)})`;
    case 'string':
    case 'integer':
    case 'boolean':
      return `:${value.type}`;
  }
}

function lispMembers(list: readonly Member[], indent: string): string {
  return list
    .map(member => {
      const head = `(${keyword(member.name)} ${JSON.stringify(member.name)} ${member.optional ? ':optional' : ':required'} `;
      return `\n${indent}${head}${lispType(member.value, indent + ' '.repeat(head.length))})`;
    })
    .join('');
}

function lispSource(contract: Contract, digest: string): string {
  const shapes = contract.shapes.map(
    shape => `\n     (${keyword(shape.name)}${lispMembers(shape.members, '      ')})`,
  );
  const operations = contract.operations.map(
    operation =>
      `\n     (${keyword(operation.name)} :writes ${operation.writes ? 't' : 'nil'}` +
      `\n      :arguments (${lispMembers(operation.arguments, ' '.repeat(18)).trimStart()})` +
      `\n      :result ${lispType(operation.result, '       ')})`,
  );
  const events = contract.events.map(
    event => `\n     (${keyword(event.name)}${lispMembers(event.members, '      ')})`,
  );
  const data = `'(:digest ${JSON.stringify(digest)}
   :shapes
   (${shapes.join('').trimStart()})
   :operations
   (${operations.join('').trimStart()})
   :events
   (${events.join('').trimStart()})
   :error
   (${lispMembers(contract.error, '    ').trimStart()}))`;
  return `;;;; Generated from server/image/protocol.ts by \`npm run generate\`; do not edit.

(in-package :hotlisp)

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defparameter *contract*
    ${data.replaceAll('\n', '\n    ')}
    "The wire contract. A member is (keyword \\"jsonName\\" :required-or-:optional type); a type is :STRING, :INTEGER, :BOOLEAN,
(:ENUM string...), (:ARRAY type), (:SHAPE keyword) or (:OBJECT member...)."))
`;
}

function digestSource(digest: string): string {
  return `// Generated from protocol.ts by \`npm run generate\`; do not edit.

/** Identifies the wire contract: \`hello\` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '${digest}';
`;
}

/** Path (from the root of the repository) -> what the file should hold. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const contract = readContract();
  const digest = createHash('sha256').update(JSON.stringify(contract)).digest('hex');
  return new Map([
    ['lisp/protocol.lisp', lispSource(contract, digest)],
    ['server/image/digest.ts', digestSource(digest)],
    ['docs/commands.md', commandsPage()],
    ['docs/settings.md', settingsPage()],
    ['docs/hotlisp.1', manPage()],
    ['clients/vscode/package.json', vscodeManifest()],
  ]);
}

/** The generated files whose contents on disk differ, or that do not exist. */
export function staleFiles(files = generatedFiles()): string[] {
  return [...files].filter(([file, text]) => current(file) !== text).map(([file]) => file);
}

function current(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function main(check: boolean): number {
  const files = generatedFiles();
  const stale = staleFiles(files);
  for (const file of stale) {
    if (check) console.error(`${file} is stale: run "npm run generate" and commit the result`);
    else {
      writeFileSync(file, files.get(file) ?? '');
      console.log(`wrote ${file}`);
    }
  }
  return check && stale.length > 0 ? 1 : 0;
}

if (process.argv[1] && /generate\.(mjs|ts)$/.test(process.argv[1]))
  process.exitCode = main(process.argv.includes('--check'));
