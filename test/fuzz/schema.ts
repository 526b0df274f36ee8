/** Values that fit a zod schema, at random. */
import * as z from 'zod';
import { anything, type Random } from './random.ts';

export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}

export const jsonSchema = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

/** @param strings for what a key of that name holds */
export function fitting(
  random: Random,
  schema: JsonSchema,
  strings: (key: string) => readonly string[],
  key = '',
): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.of(schema.enum);
  if (schema.anyOf) return fitting(random, random.of(schema.anyOf), strings, key);
  switch (schema.type) {
    case 'string':
      return random.of(strings(key));
    case 'integer':
    case 'number':
      return random.of([0, 1, 2, 3, 7, 40, 1000]);
    case 'boolean':
      return random.chance(0.5);
    case 'array':
      return Array.from({ length: random.below(3) }, () => fitting(random, schema.items ?? {}, strings, key));
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).filter(
        ([name]) => (schema.required ?? []).includes(name) || random.chance(0.4),
      );
      return Object.fromEntries(
        members.map(([name, member]) => [name, fitting(random, member, strings, name)]),
      );
    }
    default:
      return anything(random, 1);
  }
}
