/** Loading what is not a form of a buffer: compiled files, and systems by ASDF. The image does it as one transaction over the whole program. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { oneLine, plural } from '../display.ts';
import type { JournalDeed } from '../approval/journal.ts';
import { HotlispError } from '../errors.ts';
import type { Image } from '../image/image.ts';
import type { Definition, Result } from '../image/protocol.ts';
import { isSpecialFile } from '../regularFile.ts';
import { definitionOfSystem } from '../workspaceSystems.ts';
import type { Call, FaslPlan, SystemPlan } from '../operations/operation.ts';
import type { ReportedNote } from '../ports.ts';
import { constantsIn, namesOf, reportedConstants, type Constants } from './constants.ts';
import type { Deed } from './deeds.ts';
import { digestOfFile } from './fileDigest.ts';
import { placeNotes } from './fileNotes.ts';
import type { Approved, Desk } from './desk.ts';
import { constantsSaid, load, namedConstants, noConstants, type Loaded } from './loading.ts';
import * as report from './report.ts';
import { systemQuestion } from './systemQuestion.ts';
import type { Place } from './rules.ts';
import { conclude } from './verify.ts';

/** How many definitions a result lists; `definitions_total` counts them all. */
const definitionsShown = 200;

type Fasl = Result<'fasl'>;
type System = Result<'system'>;

/** @throws HotlispError `fasl-mismatch` for a file of another SBCL, naming both versions, and for what is no whole compiled file; nobody was asked then */
export async function runFasl(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: FaslPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const image = await desk.deps.images.connect(plan.path, call.signal);
  desk.refuseReadOnly(image);
  const fasl = await lookAtFasl(image, plan, call.signal);
  refuseUnfit(fasl);
  const title = `load ${path.basename(fasl.file)}`;
  const deedOf = (constants: Constants): Deed => ({
    operation,
    kind,
    image,
    bound: { file: fasl.file, digest: fasl.digest, constants: namesOf(constants) },
    message: `#${call.request} Load the compiled file ${oneLine(fasl.file)} (${plural(fasl.size, 'byte')}) in ${oneLine(image.title)}? It runs code while it loads; what it defines is known afterwards.${constantsSaid(constants)}`,
    hazardous: constants.changed.length > 0,
    buffers: constants.dependents.buffers,
    transaction: randomUUID(),
    deed: { type: 'fasl', path: fasl.file, digest: fasl.digest, ...namedConstants(constants) },
    diff: async () =>
      `${fasl.file}\n${fasl.size} bytes, SHA-256 ${fasl.digest}\ncompiled by SBCL ${fasl.version}${fasl.source === undefined ? '' : ` from ${fasl.source}`}\n`,
  });
  const loaded = await load(desk, noConstants, deedOf, call, async (transaction, constants) => ({
    change: await desk.call(
      image,
      'load-fasl',
      { transaction, path: plan.path, digest: fasl.digest, constants },
      call.signal,
    ),
    files: [],
  }));
  const places = [
    ...packagesOf(loaded.change.definitions),
    ...(fasl.source === undefined ? [] : [{ file: fasl.source }]),
  ];
  return finish(desk, loaded, { title, places, files: [fasl.source ?? ''], notes: [] }, call, started);
}

function refuseUnfit(fasl: Fasl): void {
  const { file, mismatch, complete, source, version, expected } = fasl;
  const remedy =
    source === undefined
      ? 'Compile its source again with this SBCL.'
      : `Compile ${source} again instead: hotlisp.reload_file {"path": ${JSON.stringify(source)}}, or hotlisp.code_reload_system with force for a whole system.`;
  if (mismatch !== undefined)
    throw new HotlispError('fasl-mismatch', `${mismatch} ${remedy}`, {
      path: file,
      version,
      expected,
      source: source ?? null,
    });
  if (!complete)
    throw new HotlispError(
      'fasl-mismatch',
      `${file} is truncated: it does not end as a compiled file does. Nothing was loaded. ${remedy}`,
      { path: file, source: source ?? null },
    );
}

/** What loading the file would do, as far as its header tells. */
export async function describeFasl(
  desk: Desk,
  plan: FaslPlan,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  return lookAtFasl(await desk.deps.images.connect(plan.path, signal), plan, signal);
}

/** @throws HotlispError `fasl-mismatch` for what is no compiled file, `invalid-arguments` for what cannot be read */
async function lookAtFasl(image: Image, { path: file }: FaslPlan, signal: AbortSignal): Promise<Fasl> {
  if (isSpecialFile(file))
    throw new HotlispError(
      'invalid-arguments',
      `${oneLine(file)} is not a regular file, so no compiled one.`,
      {
        path: 'path',
      },
    );
  try {
    return await image.call('fasl', { path: file }, { signal });
  } catch (error) {
    if (!(error instanceof HotlispError) || error.kind !== 'invalid-arguments') throw error;
    throw new HotlispError(error.kind, error.message, { ...error.details, path: 'path' });
  }
}

/** @throws HotlispError `unknown-system`; a file that does not compile is a result with status `failed` */
export async function runSystem(
  desk: Desk,
  { name: operation, approval: kind }: Approved,
  plan: SystemPlan,
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  desk.refuseReadOnly(await desk.deps.images.connect(undefined, call.signal));
  const { image, system, asd } = await lookAt(desk, plan, call.signal);
  const files = system?.files ?? [];
  const compiled = files.filter(({ compiles }) => compiles);
  const definition = system?.asd ?? asd;
  const dependencies = system?.dependencies ?? [];
  const known = [...dependencies.flatMap(each => each.files), ...files];
  const isRead = definition !== undefined && (!system?.registered || system.redefined);
  const read = new Set([
    ...dependencies.flatMap(({ asd: file, redefined }) => (redefined && file !== undefined ? [file] : [])),
    ...(isRead ? [definition] : []),
  ]);
  const sources = [
    ...digestsOf([...read].map(file => ({ file }))),
    ...known.flatMap(({ file, digest }) => (digest === undefined ? [] : [{ file, digest }])),
  ];
  const changing = await constantsIn(desk, image, compiledFiles(system), call.signal);
  const deedOf = (constants: Constants): Deed => ({
    operation,
    kind,
    image,
    bound: { system: plan.system, force: plan.force, asd, sources, constants: namesOf(constants) },
    message: `${systemQuestion(desk, plan, image, system, asd, call)}${constantsSaid(constants)}`,
    hazardous: constants.changed.length > 0,
    buffers: constants.dependents.buffers,
    transaction: randomUUID(),
    deed: { ...systemDeed(plan, definition, sources), ...namedConstants(constants) },
    diff: async () =>
      [`system ${plan.system}, defined in ${definition ?? 'an unknown file'}`]
        .concat(
          known.map(
            each => `${each.compiles ? 'compile ' : each.stale ? 'load    ' : '        '}${each.file}`,
          ),
        )
        .join('\n') + '\n',
  });
  const loaded = await load(desk, changing, deedOf, call, (transaction, constants) =>
    desk.call(
      image,
      'load-system',
      {
        transaction,
        system: plan.system,
        force: plan.force,
        ...(asd !== undefined && { asd }),
        sources,
        constants,
      },
      call.signal,
      call.report,
    ),
  );
  const { change, answer } = loaded;
  const notes = await placeNotes(
    desk,
    answer.files.filter(each => each.compiled).map(({ file }) => file),
    answer.notes,
  );
  const places: Place[] = [
    ...packagesOf(change.definitions),
    ...answer.files.map(({ file }) => ({ file })),
    { system: plan.system },
  ];
  const title = `reload system ${plan.system}`;
  // The files of a system that the image did not know are known by now.
  const texts = files.length > 0 ? sources : digestsOf(answer.files);
  const deed = { ...systemDeed(plan, definition, texts), ...namedConstants(loaded.constants) };
  const done = { ...loaded, deed: { ...loaded.deed, deed } };
  const loadedFiles = answer.files.filter(each => each.loaded).map(({ file }) => file);
  const result = await finish(desk, done, { title, places, files: loadedFiles, notes }, call, started);
  return {
    ...result,
    system: plan.system,
    files: answer.files.map(({ file, compiled: wasCompiled, loaded, elapsed }) => ({
      file,
      uri: desk.deps.documents.uriOf(file),
      compiled: wasCompiled,
      loaded,
      duration_ms: elapsed / 1000,
    })),
    ...(change.status === 'unchanged' && { up_to_date: compiled.length === 0 }),
  };
}

const systemDeed = (
  { system, force }: SystemPlan,
  asd: string | undefined,
  sources: readonly SourceDigest[],
): JournalDeed => ({ type: 'system', system, force, ...(asd !== undefined && { asd }), sources });

const digestsOf = (files: readonly { readonly file: string }[]): SourceDigest[] =>
  files.flatMap(({ file }) => {
    const digest = digestOfFile(file);
    return digest === undefined ? [] : [{ file, digest }];
  });

type SourceDigest = Extract<JournalDeed, { type: 'system' }>['sources'][number];

/** What reloading the system would do, as far as it can be told without loading its definition. */
export async function describeSystem(
  desk: Desk,
  plan: SystemPlan,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { image, system, asd } = await lookAt(desk, plan, signal);
  const constants = await constantsIn(desk, image, compiledFiles(system), signal);
  return {
    system: plan.system,
    force: plan.force === 'none' ? false : plan.force === 'system' ? true : 'all',
    asd: system?.asd ?? asd ?? null,
    definition_changed: system?.redefined ?? false,
    files: (system?.files ?? []).map(plannedFile),
    dependencies: (system?.dependencies ?? []).map(({ name, asd: file, redefined, files }) => ({
      system: name,
      asd: file ?? null,
      definition_changed: redefined,
      files: files.map(plannedFile),
    })),
    ...(constants.changed.length > 0 && {
      definitions: reportedConstants(constants),
      dependents: constants.dependents.reported,
    }),
  };
}

/** The files, those of dependencies included, that the load surely compiles. */
const compiledFiles = (system: System | undefined): System['files'] =>
  [...(system?.dependencies ?? []).flatMap(({ files }) => files), ...(system?.files ?? [])].filter(
    ({ compiles }) => compiles,
  );

const plannedFile = ({ file, compiles, loaded, stale }: System['files'][number]) => ({
  file,
  compiles,
  loaded,
  stale,
});

/** What the image knows of the system; where it knows nothing, the definition of that name in the workspace. */
async function lookAt(
  desk: Desk,
  plan: SystemPlan,
  signal: AbortSignal,
): Promise<{ image: Image; system: System | undefined; asd: string | undefined }> {
  const image = await desk.deps.images.connect(undefined, signal);
  const asd = await definitionOfSystem(desk.deps.roots(), plan.system);
  try {
    const system = await image.call('system', { name: plan.system, force: plan.force }, { signal });
    return { image, system, asd: system.registered ? undefined : (system.asd ?? asd) };
  } catch (error) {
    if (error instanceof HotlispError && error.kind === 'unknown-system' && asd !== undefined)
      return { image, system: undefined, asd };
    throw error;
  }
}

const packagesOf = (definitions: readonly Definition[]): Place[] =>
  [...new Set(definitions.map(each => each.package))].map(name => ({ package: name }));

async function finish(
  desk: Desk,
  { deed, change, constants, users }: Omit<Loaded<unknown>, 'answer'>,
  {
    title,
    places,
    files,
    notes,
  }: {
    title: string;
    places: readonly Place[];
    files: readonly string[];
    notes: readonly ReportedNote[];
  },
  call: Call,
  started: number,
): Promise<report.OperationResult> {
  const isBoth = change.status === 'applied' && users !== undefined;
  const parts = isBoth && [change.transaction, users.change.transaction];
  const done: Deed = { ...deed, definitions: change.definitions, ...(parts && { parts }) };
  const { status, failure, told } = await conclude(desk, done, change, places, call);
  if (users) desk.deps.showNotes(users.forms, users.change.notes);
  if (status === 'applied') {
    // What was installed from buffers before may have been replaced.
    desk.previousSources(deed.image).forget();
    desk.previousSources(deed.image).bare.loaded(files);
    if (users) await desk.previousSources(deed.image).remember(users.forms);
    if (change.threads.length > 0) desk.deps.onOldCode(deed.image, title, change);
  }
  const { condition } = change;
  const said = [
    ...(condition ? [`${condition.type}: ${condition.text}`] : []),
    ...(failure === undefined ? [] : [failure]),
  ];
  return {
    ...report.emptyResult,
    status,
    transaction: change.transaction,
    definitions: change.definitions.slice(0, definitionsShown),
    definitions_total: change.definitions.length,
    dependents:
      status === 'applied'
        ? constants.dependents.reported
        : report.listedOnly(constants.dependents.reported, 'nothing was changed'),
    ...report.reportedThreads([...change.threads, ...(isBoth ? users.change.threads : [])]),
    output: `${change.output}${users?.change.output ?? ''}`,
    ...(change.step && { step: change.step }),
    ...(condition && { condition }),
    notes: [
      ...notes,
      ...(users ? report.reportedNotes(users.forms, users.change.notes, desk.encoding) : []),
      ...said.map(message => report.placelessNote(message)),
    ],
    ...told,
    duration_ms: report.since(started),
  };
}
