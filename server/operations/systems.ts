/** Systems and packages as sets of files. */
import path from 'node:path';
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import type { Result } from '../image/protocol.ts';
import { documentAt } from './fileArgument.ts';
import { changeOf } from './forms.ts';
import { packageFilesPage, systemPage } from './listings.ts';
import { arguments_, operation, query, type ChangePlan, type Force, type PlanContext } from './operation.ts';
import { writtenSystem, type WrittenSystem } from './systemText.ts';

const { system } = arguments_;
const force = z
  .union([z.boolean(), z.literal('all')], { error: 'must be true, false or "all"' })
  .default(false)
  .describe('true compiles every file of this system again, "all" also those of the systems it depends on');

const forceOf = (given: boolean | 'all'): Force => (given === 'all' ? 'all' : given ? 'system' : 'none');

export const codeReloadSystem = operation({
  name: 'code_reload_system',
  title: 'Reload system',
  documentation:
    'Has ASDF compile and load what has changed of a system, file by file. When a file does not compile, or anything else fails, the image stays as it was.',
  approval: 'modify-running-code',
  args: z.strictObject({ system, force }),
  plan: args => ({ type: 'system', system: args.system, force: forceOf(args.force) }),
});

export const systemStatus = operation({
  name: 'system_status',
  title: 'System status',
  documentation:
    'Root, version, dependencies and files of a system, in the order in which they are loaded, and which of them are stale. Loads nothing.',
  args: z.strictObject({ system }),
  async plan(args, context) {
    const { answer, asd, written } = await statusOf(args.system, context);
    return {
      type: 'answer',
      value: {
        system: answer?.name ?? args.system,
        root: answer?.root ?? (asd === undefined ? null : path.dirname(asd) + path.sep),
        asd: asd ?? null,
        version: answer?.version ?? written?.version ?? null,
        dependencies: written?.dependsOn ?? answer?.dependsOn ?? [],
        registered: answer?.registered ?? false,
        definition_changed: answer?.redefined ?? false,
        loaded: answer?.loaded ?? false,
        files: (
          written?.files.map(file => ({ file, loaded: false, stale: true })) ??
          answer?.files ??
          []
        ).map(({ file, loaded, stale }) => ({ file, uri: context.uriOf(file), loaded, stale })),
      },
    };
  },
  page: systemPage,
});

/** What the image knows of a system; of one that it has not loaded yet, what the text of its definition says. @throws HotlispError `unknown-system` */
async function statusOf(
  name: string,
  context: PlanContext,
): Promise<{ answer?: Result<'system'>; asd?: string | undefined; written?: WrittenSystem | undefined }> {
  const inWorkspace = await context.definitionOfSystem(name);
  const answer = await context.ask('system', { name, force: 'none' }).catch((error: unknown) => {
    if (!(error instanceof HotlispError) || error.kind !== 'unknown-system' || inWorkspace === undefined)
      throw error;
    return undefined;
  });
  if (answer?.registered) return { answer, asd: answer.asd ?? undefined };
  const asd = answer?.asd ?? inWorkspace;
  if (asd === undefined) return { ...(answer && { answer }) };
  const text = await context.snapshot(context.uriOf(asd)).catch(() => undefined); // on another host
  return { ...(answer && { answer }), asd, written: text && writtenSystem(text, asd, name) };
}

export const packageFiles = operation({
  name: 'package_files',
  title: 'Package files',
  documentation: 'The files that define what a package names, in dependency order.',
  args: z.strictObject({ package: arguments_.package }),
  plan: args =>
    query({
      type: 'query',
      op: 'files',
      args: { package: args.package },
      report: async (answer, context) => ({
        package: answer.package,
        files: answer.files.map(({ file, system: home, definitions, stale }) => ({
          file,
          uri: context.uriOf(file),
          ...(home !== undefined && { system: home }),
          definitions,
          stale,
        })),
      }),
    }),
  page: packageFilesPage,
});

export const codeReloadPackage = operation({
  name: 'code_reload_package',
  title: 'Reload package',
  documentation:
    'Compiles and installs every form of the files that define a package, in dependency order, as one change.',
  approval: 'modify-running-code',
  args: z.strictObject({ package: arguments_.package }),
  async plan(args, context): Promise<ChangePlan> {
    const { package: name, files } = await context.ask('files', { package: args.package });
    if (/^(?:COMMON-LISP|KEYWORD|SB-.*)$/.test(name))
      throw new HotlispError(
        'invalid-arguments',
        `Package ${name} is SBCL's own: the files that add methods to its functions are others'. Reload the package that is meant.`,
        { path: 'package' },
      );
    if (files.length === 0)
      throw new HotlispError(
        'invalid-arguments',
        `The image knows no file that defines anything of package ${name}: it was made by evaluation, or its files are gone.`,
        { path: 'package' },
      );
    const parts: ChangePlan[] = [];
    for (const { file } of files) {
      const snapshot = await documentAt(context, 'package', file);
      parts.push(changeOf(snapshot, snapshot.forms, '', context));
    }
    const forms = parts.flatMap(part => part.forms);
    const counted = files.map(({ file }, index) => `${path.basename(file)} (${parts[index]!.forms.length})`);
    return {
      type: 'change',
      title: `reload package ${name}: ${forms.length} forms of ${files.length === 1 ? '1 file' : `${files.length} files`}, ${counted.join(', ')}`,
      onlyChanged: false,
      forms,
      broken: parts.flatMap(part => part.broken),
      buffers: parts.flatMap(part => part.buffers),
    };
  },
});
