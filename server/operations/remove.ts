/** Making a definition of the image undefined. */
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import type { DefinitionName } from '../image/protocol.ts';
import { formName, initialPackage, wireDefinition } from './forms.ts';
import { bareName, functionName } from './names.ts';
import { arguments_, operation, type RemovalPlan } from './operation.ts';

type Kind = DefinitionName['kind'];

/** What a caller may call a kind: its name, or the operators that define it. */
const operators: readonly (readonly [Kind, ...string[]])[] = [
  ['function', 'defun'],
  ['macro', 'defmacro'],
  ['generic-function', 'defgeneric'],
  ['method', 'defmethod'],
  ['variable', 'defvar', 'defparameter', 'defglobal'],
  ['constant', 'defconstant'],
  ['class', 'defclass'],
  ['condition', 'define-condition'],
  ['structure', 'defstruct'],
  ['type', 'deftype'],
  ['compiler-macro', 'define-compiler-macro'],
  ['symbol-macro', 'define-symbol-macro'],
  ['setf-expander', 'defsetf', 'define-setf-expander'],
  ['method-combination', 'define-method-combination'],
];

const kinds: ReadonlySet<Kind> = new Set(operators.map(([kind]) => kind));

function kindOf(formType: string): Kind {
  const wanted = bareName(formType).toLowerCase();
  const found = operators.find(names => names.includes(wanted));
  if (!found)
    throw new HotlispError(
      'invalid-arguments',
      `hotlisp.remove_definition: form_type must be one of ${operators.flat().join(', ')}.`,
      { path: 'form_type' },
    );
  return found[0];
}

export const removeDefinition = operation({
  name: 'remove_definition',
  title: 'Remove definition',
  documentation:
    'Makes a definition undefined in the image; a rollback restores it. By its place in a document, or by symbol and form_type ("defun", "function"), the symbol read in `package`; a method as "area :around (circle)".',
  approval: 'modify-running-code',
  args: z
    .strictObject({
      uri: arguments_.uri.optional(),
      version: arguments_.version.optional(),
      position: arguments_.position.optional(),
      symbol: arguments_.symbol.optional(),
      form_type: z
        .string()
        .min(1)
        .optional()
        .describe('the defining operator ("defun"), or the kind ("function")'),
      package: arguments_.package.optional(),
    })
    .refine(
      args =>
        args.uri !== undefined
          ? args.position !== undefined && args.symbol === undefined && args.form_type === undefined
          : args.symbol !== undefined && args.form_type !== undefined,
      { message: 'with form_type, or uri with position, is to be given', path: ['symbol'] },
    ),
  async plan(args, context): Promise<RemovalPlan> {
    if (args.uri === undefined) {
      const definition = definitionNamed(kindOf(args.form_type!), args.symbol!);
      return {
        type: 'removal',
        title: `remove ${args.symbol!}`,
        definitions: [definition],
        // Where the name has a prefix, what stands beside it is of that package, as it is where it was defined.
        package: args.package ?? functionName(definition.name).package ?? initialPackage,
        text: null,
        file: undefined,
        buffers: [],
      };
    }
    const snapshot = await context.snapshot(args.uri, args.version);
    const form = snapshot.formAt(snapshot.offsetAt(args.position!, context.encoding));
    if (!form || form.definitions.length === 0)
      throw new HotlispError(
        'invalid-arguments',
        'There is no definition at the position. Put the cursor on one.',
        { path: 'position' },
      );
    if (form.packageUnknown)
      throw new HotlispError(
        'unknown-package',
        'The package of this form cannot be told: the IN-PACKAGE before it does not name one literally.',
      );
    const definitions = form.definitions.map(wireDefinition).filter(each => kinds.has(each.kind));
    if (definitions.length === 0)
      throw new HotlispError(
        'invalid-arguments',
        `A ${form.definitions[0]!.kind} cannot be removed from an image.`,
        { path: 'position' },
      );
    return {
      type: 'removal',
      title: `remove ${formName(form)}`,
      definitions,
      package: form.package ?? initialPackage,
      text: snapshot.text.slice(form.span.start, form.span.end),
      file: context.fileOf(snapshot.uri),
      buffers: context.isOpen(snapshot.uri) ? [{ uri: snapshot.uri, version: snapshot.version }] : [],
    };
  },
});

const piece = String.raw`\\[^]|\|[^|]*\||[^\s()|\\]`;
const symbol = `(?:${piece})+`;
const list = String.raw`\((?:\([^()]*\)|[^()])*\)`;
const METHOD = new RegExp(
  String.raw`^(\(setf\s+${symbol}\s*\)|${symbol})((?:\s+${symbol})*)\s*\(((?:${list}|${piece}|\s)*)\)$`,
  'i',
);

/** "area :around (circle t)" in its parts; other kinds are a name only. */
function definitionNamed(kind: Kind, text: string): DefinitionName {
  if (kind !== 'method') return { kind, name: text.trim() };
  const match = METHOD.exec(text.trim());
  if (!match)
    throw new HotlispError(
      'invalid-arguments',
      `hotlisp.remove_definition: a method is named with its specializers, as in "area :around (circle t)"; ${text} is not.`,
      { path: 'symbol' },
    );
  const [, name, qualifiers, specializers] = match as unknown as [string, string, string, string];
  return {
    kind,
    name,
    qualifiers: qualifiers.match(new RegExp(symbol, 'g')) ?? [],
    specializers: specializers.match(new RegExp(`${list}|${symbol}`, 'g')) ?? [],
  };
}
