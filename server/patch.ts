/** Unified diffs of two texts. */
import { createTwoFilesPatch } from 'diff';

/** @param was what the first text is called, `is` the second; no text is an empty one */
export const patchOf = (
  file: string,
  before: string | null,
  after: string | null,
  was: string,
  is: string,
): string => createTwoFilesPatch(file, file, ended(before ?? ''), ended(after ?? ''), was, is);

/** A last line without an end would be told of in the patch. */
const ended = (text: string) => (text === '' || text.endsWith('\n') ? text : text + '\n');
