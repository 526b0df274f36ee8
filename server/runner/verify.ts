/** Verification rules: which a change falls under, and what becomes of it when one fails. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import { initialPackage } from '../operations/forms.ts';
import { designatedName } from '../operations/names.ts';
import type { Deed } from './deeds.ts';
import { outputLimit, type Desk } from './desk.ts';
import { since } from './report.ts';
import { failuresIn, suiteForm, suitePackage } from './suites.ts';
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
  const wanted = {
    package: packageOf(when)?.toUpperCase(),
    system: when.system && designatedName(when.system, name => name)?.toLowerCase(),
    file: when.file && filePath(when.file),
  };
  if (wanted.package !== undefined && wanted.package !== place.package?.toUpperCase()) return false;
  if (
    wanted.file !== undefined &&
    !(place.file === wanted.file || place.file?.endsWith(path.sep + wanted.file))
  )
    return false;
  if (
    wanted.system !== undefined &&
    wanted.system !== place.system &&
    !(place.file !== undefined && belongsTo(place.file, wanted.system))
  )
    return false;
  return true;
}

const packageOf = (when: VerifyRule['when']) => when.package && designatedName(when.package, name => name);

/** A path as written, such as ./src/shop.lisp, or a file: URI. */
function filePath(file: string): string {
  try {
    return path.normalize(file.startsWith('file:') ? fileURLToPath(file) : file);
  } catch {
    return file;
  }
}

/** Whether a folder above `file` holds the system's definition. */
function belongsTo(file: string, system: string): boolean {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, `${system}.asd`))) return true;
    if (folder === path.dirname(folder)) return false;
  }
}

/** What a rule said of a change, as the result reports it. */
export interface Verification {
  /** The form, or the suite as the setting names it. */
  readonly rule: string;
  readonly status: 'passed' | 'failed';
  /** The values as printed; none where it signalled or took too long. */
  readonly values: readonly string[];
  readonly output: string;
  readonly duration_ms: number;
  /** Why it failed. */
  readonly reason?: string;
}

export interface Verified {
  /** Why the change was taken back; absent: it holds. */
  readonly failure: string | undefined;
  /** What taking it back could not put back, one sentence each. */
  readonly remains: readonly string[];
  /** Every rule that was run, in order; the last one is the one that failed. */
  readonly verification: readonly Verification[];
}

/** Of what was not applied. */
export const notVerified: Verified = { failure: undefined, remains: [], verification: [] };

/** What became of a change that the image says has this status. */
export const statusOf = <S extends string>(
  status: S,
  { failure, remains }: Verified,
): S | 'partial' | 'rolled-back' =>
  failure === undefined ? status : remains.length > 0 ? 'partial' : 'rolled-back';

/** Runs the rules for what was changed at `places`, up to the first that fails: why, and every rule that was run. */
export async function runRules(
  desk: Desk,
  image: Image,
  places: readonly { readonly wire: Place }[],
  signal: AbortSignal,
): Promise<Omit<Verified, 'remains'> & { reason?: string }> {
  const verification: Verification[] = [];
  for (const rule of rulesFor(desk.deps.settings(), places)) {
    const home =
      packageOf(rule.when) ?? places.find(({ wire }) => wire.package)?.wire.package ?? initialPackage;
    const ran = await run(desk, image, rule, home, signal);
    verification.push(ran);
    const { reason } = ran;
    if (reason !== undefined)
      return { failure: `Verification failed: ${oneLine(ran.rule)} ${reason}.`, reason, verification };
  }
  return { failure: undefined, verification };
}

/** Runs the rules that the change falls under; on the first that fails the change is taken back, and why is answered. */
export async function verify(
  desk: Desk,
  deed: Deed,
  places: readonly { readonly wire: Place }[],
  call: Call,
): Promise<Verified> {
  const { reason, failure, verification } = await runRules(desk, deed.image, places, call.signal);
  const remains = reason === undefined ? [] : await takeBackOrTell(desk, deed, call, reason);
  return { failure, remains, verification };
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

async function run(
  desk: Desk,
  image: Image,
  { form, suite, timeoutSeconds }: VerifyRule,
  packageName: string,
  signal: AbortSignal,
): Promise<Verification> {
  const started = performance.now();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  const ended = (reason: string | undefined, values: readonly string[] = [], output = ''): Verification => ({
    rule: suite ?? form!,
    status: reason === undefined ? 'passed' : 'failed',
    values,
    output,
    duration_ms: since(started),
    ...(reason !== undefined && { reason }),
  });
  try {
    const code = suite === undefined ? form! : suiteForm(suite, packageName);
    const { status, values, output, condition, notes } = await desk.call(
      image,
      'eval',
      { code, package: suite === undefined ? packageName : suitePackage, outputLimit },
      limit,
    );
    if (status !== 'evaluated') {
      const why = condition
        ? `signalled ${condition.type}: ${oneLine(condition.text)}`
        : `${status === 'unreadable' ? 'cannot be read' : 'has no value'}: ${oneLine(notes[0]?.message ?? '')}`;
      return ended(withoutStop(why), [], output);
    }
    if (values[0] !== 'NIL' && values.length > 0) return ended(undefined, values, output);
    return ended(
      suite === undefined ? 'answered NIL' : `did not pass: ${failuresIn(output)}`,
      values,
      output,
    );
  } catch (error) {
    if (signal.aborted) return ended('was cancelled');
    if (limit.aborted) return ended(`did not finish within ${timeoutSeconds} s`);
    return ended(withoutStop(oneLine((error as Error).message)));
  }
}

const withoutStop = (sentence: string) => sentence.replace(/\.$/, '');
