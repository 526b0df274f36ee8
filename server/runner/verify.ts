/** Verification rules: which a change falls under, and what becomes of it when one fails. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { listed, oneLine } from '../approval/display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import { initialPackage } from '../operations/forms.ts';
import type { Deed } from './deeds.ts';
import { outputLimit, type Desk } from './desk.ts';
import { takeBack } from './takeBack.ts';
import type { Call } from '../operations/operation.ts';
import type { Settings, VerifyRule } from '../settings.ts';

/** Where something was changed: the package (undefined: any may have been), the file, the system that was asked for. */
export interface Place {
  readonly package?: string | undefined;
  readonly file?: string | undefined;
  readonly system?: string | undefined;
}

/** The rules that some place of the change matches, in the order of the settings. */
function rulesFor(settings: Settings, places: readonly { readonly wire: Place }[]): VerifyRule[] {
  return settings.verify.filter(rule => places.some(({ wire }) => applies(rule, wire)));
}

function applies({ when }: VerifyRule, place: Place): boolean {
  if (when.package !== undefined && when.package.toUpperCase() !== place.package?.toUpperCase()) return false;
  if (when.file !== undefined && !(place.file === when.file || place.file?.endsWith(path.sep + when.file)))
    return false;
  if (
    when.system !== undefined &&
    when.system !== place.system &&
    !(place.file !== undefined && belongsTo(place.file, when.system))
  )
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
  places: readonly { readonly wire: Place }[],
  call: Call,
): Promise<string | undefined> {
  for (const rule of rulesFor(desk.deps.settings(), places)) {
    const failure = await failureOf(
      desk,
      deed.image,
      rule.form,
      rule.when.package ?? places[0]?.wire.package ?? initialPackage,
      rule.timeoutSeconds,
      call.signal,
    );
    if (failure === undefined) continue;
    const remains = await takeBackOrTell(desk, deed, call, failure);
    const rest = remains.length > 0 ? ` What could not be put back: ${listed(remains)}.` : '';
    return `Verification failed: ${oneLine(rule.form)} ${failure}.${rest}`;
  }
  return undefined;
}

/** @throws what taking the change back came to; the journal has it then */
async function takeBackOrTell(desk: Desk, deed: Deed, call: Call, why: string): Promise<readonly string[]> {
  try {
    return await takeBack(deed);
  } catch (error) {
    const { kind, message, details } = error as HotlispError;
    const told = new HotlispError(
      kind,
      `Verification failed (${why}), and whether the change was taken back is unknown: ${message}`,
      { ...details, wire: undefined, sent: undefined }, // of taking back, not of the change
    );
    await desk.deps.deeds.recordFailure(deed, call, told);
    throw told;
  }
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
      : oneLine((error as Error).message).replace(/\.$/, '');
  }
}
