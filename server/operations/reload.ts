/** Reloading what stands in a buffer: one form, the changed ones, the whole file. */
import path from 'node:path';
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import { arguments_, operation, type PlanContext } from './operation.ts';
import { documentAt } from './fileArgument.ts';
import { changeOf, formName, isInPackage, plannedForm } from './forms.ts';

const { uri, version, position } = arguments_;

export const reloadForm = operation({
  name: 'reload_form',
  title: 'Reload form',
  documentation: 'Compiles and installs the top-level form at a position.',
  approval: 'modify-running-code',
  args: z.strictObject({ uri, version: version.optional(), position }),
  async plan(args, context) {
    const snapshot = await context.snapshot(args.uri, args.version);
    const form = snapshot.formAt(snapshot.offsetAt(args.position, context.encoding));
    const line = args.position.line + 1;
    if (!form)
      throw new HotlispError(
        'invalid-arguments',
        `No top-level form at line ${line}. Put the cursor on one.`,
        { path: 'position' },
      );
    if (!form.active)
      throw new HotlispError(
        'invalid-arguments',
        `The form at line ${line} stands behind a reader conditional that is false in the image.`,
        {
          path: 'position',
        },
      );
    if (isInPackage(form))
      throw new HotlispError(
        'invalid-arguments',
        'IN-PACKAGE changes nothing in an image by itself. Reload a form below it, or the file.',
        {
          path: 'position',
        },
      );
    return changeOf(snapshot, [form], `reload ${formName(form)}`, context);
  },
});

export const reloadChanged = operation({
  name: 'reload_changed',
  title: 'Reload changed forms',
  documentation:
    'Compiles and installs the definitions of a buffer whose text differs from what the image runs. Other forms, which may do anything when they are run again, are left out, and told of (`left_out`) unless they are known to have been run as they stand.',
  approval: 'modify-running-code',
  args: z.strictObject({ uri, version: version.optional() }),
  async plan(args, context) {
    const snapshot = await context.snapshot(args.uri, args.version);
    const defining = snapshot.forms.filter(form => form.definitions.length > 0);
    const file = context.fileOf(snapshot.uri);
    const plan = changeOf(
      snapshot,
      defining,
      `reload changed forms of ${baseName(snapshot.uri, context)}`,
      context,
      true,
    );
    const nameless = snapshot.forms
      .filter(form => form.active && form.definitions.length === 0 && !form.packageUnknown)
      .filter(form => !isInPackage(form))
      .map(form => plannedForm(snapshot, form, file));
    return { ...plan, nameless };
  },
});

export const reloadFile = operation({
  name: 'reload_file',
  title: 'Reload file',
  documentation: 'Compiles and installs every form of a file, in order, as one change.',
  approval: 'modify-running-code',
  args: z
    .strictObject({
      uri: uri.optional(),
      path: z
        .string()
        .min(1)
        .optional()
        .describe('in place of `uri`; relative ones from the workspace folder'),
      version: version.optional(),
    })
    .refine(args => (args.uri === undefined) !== (args.path === undefined), {
      message: 'or path is to be given, and not both',
      path: ['uri'],
    }),
  async plan(args, context) {
    const snapshot =
      args.path === undefined
        ? await context.snapshot(args.uri!, args.version)
        : await documentAt(context, 'path', args.path, args.version);
    return changeOf(snapshot, snapshot.forms, `reload ${baseName(snapshot.uri, context)}`, context);
  },
});

const baseName = (documentUri: string, context: PlanContext) => path.basename(context.fileOf(documentUri));
