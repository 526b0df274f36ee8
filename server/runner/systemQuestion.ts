/** What a person is asked before a system is loaded. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { listed, oneLine, plural } from '../display.ts';
import type { Image } from '../image/image.ts';
import type { Result } from '../image/protocol.ts';
import type { Call, SystemPlan } from '../operations/operation.ts';
import type { Desk } from './desk.ts';

type System = Result<'system'>;

/** The question that the prompt asks, on one line. @param asd the definition of a system that the image does not know */
export function systemQuestion(
  desk: Desk,
  { system: name, force }: SystemPlan,
  image: Image,
  system: System | undefined,
  asd: string | undefined,
  call: Call,
): string {
  const files = system?.files ?? [];
  const dependencies = system?.dependencies ?? [];
  const [compiled, loaded] = worked(files);
  const unsaved = [...dependencies.flatMap(each => each.files), ...files].filter(({ file, digest }) =>
    isUnsaved(desk, file, digest),
  );
  const how = force === 'all' ? ' and everything it depends on' : force === 'system' ? ' from scratch' : '';
  const what =
    system === undefined || !system.registered
      ? `It loads the definition ${oneLine(asd ?? '')}, then compiles and loads what that names.`
      : [
          compiled.length > 0
            ? `It compiles ${compiled.length} of ${plural(files.length, 'file')}: ${names(compiled)}${force === 'none' ? ', and what depends on them' : ''}.`
            : '',
          loaded.length > 0 ? `It loads ${plural(loaded.length, 'file')}: ${names(loaded)}.` : '',
          compiled.length + loaded.length === 0
            ? `None of its ${plural(files.length, 'file')} has changed.`
            : '',
        ]
          .filter(Boolean)
          .join(' ');
  return [
    `#${call.request} Reload system ${oneLine(name)}${how} in ${oneLine(image.title)}?`,
    what,
    ...dependencies.map(dependencySentence),
    system?.redefined
      ? `Its definition ${oneLine(path.basename(system.asd ?? ''), 60)} has changed: that is read first, and may name other files.`
      : '',
    unsaved.length > 0 ? `Not saved, so as on the disk: ${names(unsaved)}.` : '',
    'It runs code while it loads.',
  ]
    .filter(Boolean)
    .join(' ');
}

const names = (some: readonly { readonly file: string }[]) =>
  listed(some.map(({ file }) => oneLine(path.basename(file), 60)));

/** Of files of a system those that are compiled, and those that are only loaded. */
const worked = (files: System['files']) =>
  [
    files.filter(({ compiles }) => compiles),
    files.filter(({ compiles, stale }) => !compiles && stale),
  ] as const;

/** `Of its dependency base it reads the definition base.asd again and compiles util.lisp, and what depends on that.` */
function dependencySentence({ name, asd, redefined, files }: System['dependencies'][number]): string {
  const [compiled, loaded] = worked(files);
  const parts = [
    redefined ? `reads the definition ${oneLine(path.basename(asd ?? ''), 60)} again` : '',
    loaded.length > 0 ? `loads ${names(loaded)}` : '',
    compiled.length > 0 ? `compiles ${names(compiled)}` : '',
  ].filter(Boolean);
  return `Of its dependency ${oneLine(name, 60)} it ${listed(parts)}${compiled.length > 0 ? ', and what depends on that' : ''}.`;
}

/** Whether `file` is open with a text that is not the one on the disk, whose SHA-256 (hexadecimal) is `digest`. */
function isUnsaved(desk: Desk, file: string, digest: string | undefined): boolean {
  const open = desk.deps.documents.get(desk.deps.documents.uriOf(file));
  return (
    open !== undefined &&
    digest !== undefined &&
    createHash('sha256').update(open.text).digest('hex') !== digest
  );
}
