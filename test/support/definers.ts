/** What Lisp programs define and set besides functions and classes, by name: the table of definers.lisp, in which each entry has its parts under their titles. */
import { readFileSync } from 'node:fs';

/** A text, another one, and a form that tells them apart. */
export interface Definer {
  readonly before: string;
  readonly after: string;
  readonly look: string;
  /** The form's values before and after the change. */
  readonly values: readonly [string, string];
}

const entry =
  /^;;;; (.+)\n;; before\n([^]+?)\n;; after\n([^]+?)\n;; look\n(.+)\n;; was\n(.+)\n;; becomes\n(.+)\n$/;

export const definers: Readonly<Record<string, Definer>> = Object.fromEntries(
  readFileSync(new URL('definers.lisp', import.meta.url), 'utf8')
    .split(/\n(?=;;;; )/)
    .map(text => {
      const parts = entry.exec(text);
      if (!parts) throw new Error(`definers.lisp has an entry that lacks a part: ${text.slice(0, 80)}`);
      const [, name, before, after, look, was, becomes] = parts;
      return [name!, { before: before!, after: after!, look: look!, values: [was!, becomes!] as const }];
    }),
);
