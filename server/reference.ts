/** Settings and commands as a person reads about them: the one source of `--help`, the man page and the pages in docs/. */
import * as z from 'zod';
import { catalogue, commandOf } from './operations/catalogue.ts';
import { settingsSchema } from './settings.ts';

export interface Described {
  readonly name: string;
  /** Of JSON, for people: `string`, `"ask", "allow", "deny"`, `array of string`. */
  readonly type: string;
  /** As JSON; undefined where there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly meaning: string;
}

export interface Command {
  readonly name: string;
  readonly documentation: string;
  /** The kind of approval, or `none`. */
  readonly approval: string;
  readonly arguments: readonly Described[];
}

type JsonSchema = {
  type?: string;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  default?: unknown;
  description?: string;
};

const schemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

function typeName(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(', ');
  if (schema.anyOf) return schema.anyOf.map(typeName).join(' or ');
  if (schema.type === 'array') return `array of ${typeName(schema.items ?? {})}`;
  if (schema.type === 'object' && schema.properties) return `{${Object.keys(schema.properties).join(', ')}}`;
  return schema.type ?? 'any';
}

const described = (name: string, schema: JsonSchema, required: boolean): Described => ({
  name,
  type: typeName(schema),
  default: schema.default === undefined ? undefined : JSON.stringify(schema.default),
  required,
  meaning: schema.description ?? '',
});

export const settings = (): Described[] =>
  Object.entries(settingsSchema).map(([key, schema]) => described(`hotlisp.${key}`, schemaOf(schema), false));

export const commands = (): Command[] =>
  catalogue.map(operation => {
    const schema = schemaOf(operation.args);
    return {
      name: commandOf(operation),
      documentation: operation.documentation,
      approval: ('approval' in operation && operation.approval) || 'none',
      arguments: Object.entries(schema.properties ?? {}).map(([name, property]) =>
        described(name, property, schema.required?.includes(name) === true),
      ),
    };
  });
