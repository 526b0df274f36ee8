/** Which verification rules a change falls under. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { PlannedForm } from './operations/operation.ts';
import type { Settings, VerifyRule } from './settings.ts';

/** The rules that some form of the change matches, in the order of the settings. */
export function rulesFor(settings: Settings, forms: readonly PlannedForm[]): VerifyRule[] {
  return settings.verify.filter(rule => forms.some(form => applies(rule, form)));
}

function applies({ when }: VerifyRule, { wire }: PlannedForm): boolean {
  if (when.package !== undefined && when.package.toUpperCase() !== wire.package.toUpperCase()) return false;
  if (when.file !== undefined && !(wire.file === when.file || wire.file?.endsWith(path.sep + when.file)))
    return false;
  if (when.system !== undefined && !(wire.file !== undefined && belongsTo(wire.file, when.system)))
    return false;
  return true;
}

/** Whether a folder above `file` holds the system's definition. */
function belongsTo(file: string, system: string): boolean {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, `${system}.asd`))) return true;
    if (folder === path.dirname(folder)) return false;
  }
}
