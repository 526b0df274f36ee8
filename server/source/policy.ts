/** What the declaims of a text say of how the code behind them is compiled, to the end of their file. */
import { sayings } from './saying.ts';
import type { Snapshot, TopLevelForm } from './types.ts';

/** An optimization quality as written, with its package prefix, and how much it matters: 0 to 3. */
export interface Quality {
  readonly quality: string;
  readonly value: number;
}

const mention = /\(\s*(?:(?:cl|common-lisp)::?)?optimize\s/i;
const clause = /\(\s*(?:(?:cl|common-lisp)::?)?optimize\s((?:[^()"']|\([^()"']*\))*)\)/gi;
const quality = /\(\s*([^\s()]+)\s+([0-3])\s*\)|([^\s()]+)/g;

const declaimed = sayings<Quality>(mention, (snapshot, form) =>
  declaims(form) ? qualitiesIn(snapshot.slice(form.span.start, form.span.end).replace(/;.*/g, '')) : [],
);

/** The qualities that are declaimed before an offset, in order: later ones count. Undefined where there are none, as in most files. */
export function policyAt(snapshot: Snapshot, offset: number): readonly Quality[] | undefined {
  const found = declaimed(snapshot, offset);
  return found.length > 0 ? found : undefined;
}

/** Whether a form is a DECLAIM, or holds nothing else. */
function declaims({ active, broken, operator, definitions }: TopLevelForm): boolean {
  if (!active || broken) return false;
  const holds = operator === 'eval-when' || operator === 'progn';
  return operator === 'declaim' || (holds && definitions.every(({ kind }) => kind === 'declaration'));
}

const qualitiesIn = (text: string): Quality[] =>
  [...text.matchAll(clause)].flatMap(([, specs]) =>
    [...specs!.matchAll(quality)].map(([, name, value, alone]) => ({
      quality: name ?? alone!,
      value: Number(value ?? 3),
    })),
  );
