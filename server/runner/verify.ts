/** Verification rules: which a change falls under, and what becomes of it when one fails. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { listed, oneLine } from '../approval/display.ts';
import type { Image } from '../image/image.ts';
import type { Deed } from './deeds.ts';
import { outputLimit, type Desk } from './desk.ts';
import type { Call, PlannedForm } from '../operations/operation.ts';
import type { Settings, VerifyRule } from '../settings.ts';

/** The rules that some form of the change matches, in the order of the settings. */
function rulesFor(settings: Settings, forms: readonly PlannedForm[]): VerifyRule[] {
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

/** Runs the rules that the change falls under; on the first that fails the change is taken back, and why is answered. */
export async function verify(
  desk: Desk,
  deed: Deed,
  forms: readonly PlannedForm[],
  call: Call,
): Promise<string | undefined> {
  for (const rule of rulesFor(desk.deps.settings(), forms)) {
    const failure = await failureOf(
      desk,
      deed.image,
      rule.form,
      rule.when.package ?? forms[0]!.wire.package,
      rule.timeoutSeconds,
      call.signal,
    );
    if (failure === undefined) continue;
    const undone = await desk.call(deed.image, 'undo', { transaction: deed.transaction!, force: true });
    const rest = undone.remains.length > 0 ? ` What could not be put back: ${listed(undone.remains)}.` : '';
    return `Verification failed: ${oneLine(rule.form)} ${failure}.${rest}`;
  }
  return undefined;
}

async function failureOf(
  desk: Desk,
  image: Image,
  form: string,
  packageName: string,
  seconds: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  try {
    const { status, values, condition, notes } = await desk.call(
      image,
      'eval',
      { code: form, package: packageName, outputLimit },
      limit,
    );
    if (status === 'evaluated')
      return values[0] === 'NIL' || values.length === 0 ? 'answered NIL' : undefined;
    return condition
      ? `signalled ${condition.type}: ${oneLine(condition.text)}`
      : `cannot be read: ${oneLine(notes[0]?.message ?? '')}`;
  } catch (error) {
    return limit.aborted && !signal.aborted
      ? `did not finish within ${seconds} s`
      : oneLine((error as Error).message);
  }
}
