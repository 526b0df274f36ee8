/** Compiling the users of a definition again, the definition itself staying as it is. */
import * as z from 'zod';
import type { DefinitionName } from '../image/protocol.ts';
import { initialPackage } from './forms.ts';
import { arguments_, operation } from './operation.ts';

/** Kinds whose users are compiled with what the definition says. */
const kinds: readonly DefinitionName['kind'][] = [
  'macro',
  'function',
  'compiler-macro',
  'symbol-macro',
  'setf-expander',
  'constant',
  'structure',
  'type',
];

export const recompileDependents = operation({
  name: 'recompile_dependents',
  title: 'Recompile dependents',
  documentation:
    'Compiles the users of a macro, inline function, compiler macro, symbol macro, constant, structure or type again, as they are. Users that are only possible are listed.',
  approval: 'modify-running-code',
  args: z.strictObject({ symbol: arguments_.symbol }),
  async plan({ symbol }, context) {
    const known = new Set((await context.locate(symbol)).map(({ kind }) => kind));
    return {
      type: 'change',
      title: `recompile the users of ${symbol}`,
      forms: [],
      onlyChanged: false,
      broken: [],
      buffers: [],
      dependentsOf: kinds
        .filter(kind => known.has(kind))
        .map(kind => ({ definition: { kind, name: symbol }, package: initialPackage })),
    };
  },
});
