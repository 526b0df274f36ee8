/** A load of files as one change: asked about, carried out, and with it the users of constants to which it gives other values. */
import { listed } from '../display.ts';
import { HotlispError } from '../errors.ts';
import type { Change, ConstantName, LoadedFile } from '../image/protocol.ts';
import type { Call } from '../operations/operation.ts';
import { compileUsers, hazardsOf, namesOf, toldByImage, withUsers, type Constants } from './constants.ts';
import { digestOfDeed, type Deed } from './deeds.ts';
import { noDependents } from './dependents.ts';
import type { Desk } from './desk.ts';
import { hasFailed, remaining, type Part } from './replaySteps.ts';
import * as report from './report.ts';
import { takeBack } from './takeBack.ts';

/** What was loaded, with the users of changed constants that were compiled again with it. */
export interface Loaded<A> {
  readonly deed: Deed;
  readonly change: Change;
  readonly answer: A;
  readonly constants: Constants;
  readonly users: Part | undefined;
}

/**
 * Asks, loads, and compiles the users of constants that have changed. Constants of which only the load could tell that they do make it
 * fail, and are asked about before it is done again.
 * @param known what is known to change before
 */
export async function load<A extends { readonly change: Change; readonly files: readonly LoadedFile[] }>(
  desk: Desk,
  known: Constants,
  deedOf: (constants: Constants) => Deed,
  call: Call,
  work: (transaction: string, constants: ConstantName[]) => Promise<A>,
): Promise<Loaded<A>> {
  for (let constants = known; ;) {
    const deed = deedOf(constants);
    const done = await carryOut(desk, deed, call, async () => {
      const answer = await work(deed.transaction!, namesOf(constants));
      return { answer, ...(await withItsUsers(desk, deed, constants, answer, call)) };
    });
    const { status, constants: told = [] } = done.change;
    if (status !== 'failed' || told.length === 0) return { deed, constants, ...done };
    const changed = [...constants.changed, ...toldByImage(told)];
    const message = `${listed(told.map(({ name }) => name))} would have changed, which was not asked about.`;
    await desk.deps.deeds.recordOutcome(deed, call, { status, message });
    const files = done.answer.files.filter(({ compiled }) => compiled).map(({ file }) => file);
    constants = await withUsers(desk, deed.image, changed, files, call.signal);
  }
}

/** @returns what the load came to as a whole: it is taken back where a user cannot be compiled again */
async function withItsUsers(
  desk: Desk,
  { image, transaction }: Deed,
  constants: Constants,
  { change, files }: { readonly change: Change; readonly files: readonly LoadedFile[] },
  call: Call,
): Promise<{ change: Change; users: Part | undefined }> {
  if (change.status !== 'applied') return { change, users: undefined };
  const compiled = files.filter(each => each.compiled).map(({ file }) => file);
  let users: Part | undefined;
  try {
    users = await compileUsers(desk, image, constants, compiled, `${transaction}/2`, call);
  } catch (error) {
    if (error instanceof HotlispError && error.kind === 'image-lost') throw error;
    throw remaining(error, await takeBack({ image, transaction }));
  }
  if (!users || !hasFailed(users)) return { change, users };
  const remains = [...users.change.remains, ...(await takeBack({ image, transaction }))];
  const { step, condition } = users.change;
  return {
    change: {
      ...change,
      status: remains.length > 0 ? 'partial' : 'failed',
      definitions: [],
      threads: [],
      remains,
      ...(step && { step }),
      ...(condition && { condition }),
    },
    users,
  };
}

/** Approval, the writing call, and the journal's word of it when that fails. */
async function carryOut<T>(desk: Desk, deed: Deed, call: Call, work: () => Promise<T>): Promise<T> {
  (await desk.deps.deeds.approve(deed, call)).consume(digestOfDeed(deed));
  try {
    return await work();
  } catch (error) {
    await desk.deps.deeds.recordFailure(deed, call, error);
    throw error;
  }
}

export const noConstants: Constants = { changed: [], dependents: noDependents };

export const namedConstants = (constants: Constants) =>
  constants.changed.length > 0 && { constants: namesOf(constants) };

/** What a question says of them, after a space. */
export function constantsSaid(constants: Constants): string {
  if (constants.changed.length === 0) return '';
  const users = report.describeDependents(constants.dependents);
  return ` ${users && `It ${users}. `}Hazard: ${listed(hazardsOf(constants), 4)}`;
}
