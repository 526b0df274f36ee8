/** Verification: running the rules that a change falls under, and what becomes of it when one fails. */
import { oneLine } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Change } from '../image/protocol.ts';
import { initialPackage } from '../operations/forms.ts';
import type { Deed } from './deeds.ts';
import { outputLimit, type Desk } from './desk.ts';
import { since, type OperationResult } from './report.ts';
import { packageOf, rulesFor, type Place } from './rules.ts';
import { failuresIn, suiteForm, suitePackage } from './suites.ts';
import { takeBack } from './takeBack.ts';
import type { Call } from '../operations/operation.ts';
import type { VerifyRule } from '../settings.ts';

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
const notVerified: Verified = { failure: undefined, remains: [], verification: [] };

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
  places: readonly Place[],
  signal: AbortSignal,
): Promise<Omit<Verified, 'remains'> & { reason?: string }> {
  const verification: Verification[] = [];
  for (const rule of await rulesFor(desk.deps.settings().verify, places, image, signal)) {
    const home = packageOf(rule.when) ?? places.find(each => each.package)?.package ?? initialPackage;
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
  places: readonly Place[],
  call: Call,
): Promise<Verified> {
  const { reason, failure, verification } = await runRules(desk, deed.image, places, call.signal);
  const remains = reason === undefined ? [] : await takeBackOrTell(desk, deed, call, reason);
  return { failure, remains, verification };
}

/** How a change ended. */
export interface Concluded {
  readonly status: OperationResult['status'];
  /** Why it was taken back; undefined: it was not. */
  readonly failure: string | undefined;
  /** What of it the result tells: what could not be put back, and the rules that were run. */
  readonly told: { readonly remains?: readonly string[]; readonly verification?: readonly Verification[] };
}

/** Verifies a change of the image, if it was applied, and records how it ended. @throws HotlispError as recording does */
export async function conclude(
  desk: Desk,
  deed: Deed,
  change: Pick<Change, 'status' | 'remains'>,
  places: readonly Place[],
  call: Call,
): Promise<Concluded> {
  const verified = change.status === 'applied' ? await verify(desk, deed, places, call) : notVerified;
  const { failure, verification } = verified;
  const status = statusOf(change.status, verified);
  const all = [...change.remains, ...verified.remains];
  const remains = all.length > 0 && { remains: all };
  await desk.deps.deeds.recordOutcome(deed, call, {
    status,
    ...(failure !== undefined && { message: failure }),
    ...remains,
    ...(status === 'applied' && deed.parts && { parts: deed.parts }),
  });
  return { status, failure, told: { ...remains, ...(verification.length > 0 && { verification }) } };
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
