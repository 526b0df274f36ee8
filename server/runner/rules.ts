/** Which verification rules a change falls under: by the packages, systems and files in which something was changed. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { globPattern } from '../glob.ts';
import type { Image } from '../image/image.ts';
import { designatedName } from '../operations/names.ts';
import type { VerifyRule } from '../settings.ts';

/** Where something was changed: the package (undefined: any may have been), the file, the system that was asked for. */
export interface Place {
  readonly package?: string | undefined;
  readonly file?: string | undefined;
  readonly system?: string | undefined;
}

/** The rules that some place of the change matches, in the order of the settings. Asks the image what else a package is called; never rejects. */
export async function rulesFor(
  rules: readonly VerifyRule[],
  places: readonly Place[],
  image: Image,
  signal: AbortSignal,
): Promise<VerifyRule[]> {
  const changed = [
    ...new Map(places.map(each => [JSON.stringify([each.package, each.file, each.system]), each])).values(),
  ];
  const names = new Map<string, ReadonlySet<string>>();
  for (const { when } of rules) {
    const name = packageOf(when);
    if (name !== undefined && !names.has(name)) names.set(name, await packageNames(image, name, signal));
  }
  return rules.filter(({ when }) => {
    const applies = matcher(when, names);
    return changed.some(applies);
  });
}

/** The name of the package of a rule, as FIND-PACKAGE takes it in any case. */
export const packageOf = (when: VerifyRule['when']): string | undefined =>
  when.package && designatedName(when.package, name => name);

/** In upper case the names that the image knows the package by; the given one alone where it knows none, or does not say. */
async function packageNames(image: Image, name: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const answer = await image.call('about-package', { name }, { signal }).catch(() => undefined);
  const known = answer?.found ? [answer.name, ...answer.nicknames] : [];
  return new Set([name, ...known].map(each => each.toUpperCase()));
}

/** Whether a place is one that the rule is for. */
function matcher(
  when: VerifyRule['when'],
  names: ReadonlyMap<string, ReadonlySet<string>>,
): (place: Place) => boolean {
  const packageName = packageOf(when);
  const packages = packageName === undefined ? undefined : names.get(packageName);
  const system = when.system && designatedName(when.system, name => name)?.toLowerCase();
  const isFile = when.file === undefined ? undefined : fileMatcher(when.file);
  return place => {
    if (packages && !(place.package !== undefined && packages.has(place.package.toUpperCase()))) return false;
    if (isFile && !(place.file !== undefined && isFile(place.file))) return false;
    return (
      system === undefined ||
      system === place.system ||
      (place.file !== undefined && belongsTo(place.file, system))
    );
  };
}

/** @param file a path as written, such as ./src/shop.lisp, a file: URI, or a pattern of these; a relative one is the end of a path */
function fileMatcher(file: string): (path: string) => boolean {
  const wanted = filePath(file);
  const pattern = globPattern(wanted);
  // A name may hold what patterns are made of.
  return each => each === wanted || each.endsWith(path.sep + wanted) || pattern.test(each);
}

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
