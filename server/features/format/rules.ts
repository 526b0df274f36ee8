/** Which specification holds for an operator: the user's, the standard's, what a macro's lambda list tells, or a guess at its name. */
import { bareName, type Frame } from './frame.ts';
import type { SpecOf } from './place.ts';
import { readSpec, type Spec } from './spec.ts';
import { guessedSpec, standardSpec } from './standard.ts';

/** By operator in lower case; with a package prefix where it was written with one. */
export type Specs = ReadonlyMap<string, Spec>;

/** What the setting `format.indent` says. @returns the specifications, and for each that cannot be read why */
export function userSpecs(given: Readonly<Record<string, number | string>>): {
  specs: Specs;
  problems: readonly string[];
} {
  const specs = new Map<string, Spec>();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(given))
    try {
      const operator = name.toLowerCase();
      specs.set(
        operator,
        readSpec(value, other => specs.get(other) ?? standardSpec(other)),
      );
    } catch (error) {
      problems.push(`hotlisp.format.indent.${name}: ${(error as Error).message}`);
    }
  return { specs, problems };
}

/** @param user go before all others @param macros of the program: those of the workspace and of the image */
export function specsOf(user: Specs, macros: Specs): SpecOf {
  return (operator: string, written: string, frame: Frame) =>
    user.get(written) ??
    user.get(operator) ??
    frame.macros?.get(operator) ??
    standardSpec(operator) ??
    macros.get(written) ??
    macros.get(operator) ??
    guessedSpec(operator);
}

/** Whether only the image or the workspace could tell more about an operator. */
export const isUnknown = (written: string, user: Specs): boolean =>
  !user.has(written) && !user.has(bareName(written)) && standardSpec(bareName(written)) === undefined;
