/** How the hazards of a reload are shown before it: a warning at the name, with what to do. */
import type { Hazard } from '../drift/hazards.ts';
import type { PositionEncoding, Range, Snapshot } from '../source/types.ts';

export interface HazardDiagnostic {
  readonly range: Range;
  /** LSP's warning. */
  readonly severity: 2;
  readonly source: 'hotlisp';
  /** `hazard-` and the kind of the hazard. */
  readonly code: string;
  readonly message: string;
}

/** The ways out, by the kind of the hazard. */
const waysOut: Readonly<Record<string, string>> = {
  'locked-package': 'Give it another name, or shadow the symbol in this package.',
  'lambda-list':
    'Change the callers too, and reload them together with it (Reload changed forms, Reload file).',
  'kind-changed': 'Give it another name, or remove the old definition from the image before the reload.',
  'function-to-generic': 'Reload it once the function is gone.',
  'generic-lambda-list':
    'Keep the lambda list congruent, or change all of its methods likewise and reload them together (Reload changed forms, Reload file).',
  'constant-changed': 'A reload compiles its known users again; DEFPARAMETER suits a value that changes.',
  'structure-incompatible':
    'Keep the slots as they are, give the structure another name, or remove it from the image and reload it with its users: instances made before cannot be used then.',
  'slot-narrowed': 'Give the instances that hold something else a value of the new type first.',
  'package-variance': 'Write it as it is, or evaluate UNEXPORT or UNUSE-PACKAGE before the reload.',
};

export const hazardDiagnostics = (
  snapshot: Snapshot,
  hazards: readonly Hazard[],
  encoding: PositionEncoding,
): HazardDiagnostic[] =>
  hazards.map(({ kind, message, anchor }) => ({
    range: snapshot.rangeOf(anchor, encoding),
    severity: 2,
    source: 'hotlisp',
    code: `hazard-${kind}`,
    message: ['Reloading this is hazardous.', message, waysOut[kind] ?? ''].join(' ').trim(),
  }));
