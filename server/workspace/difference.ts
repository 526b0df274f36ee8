/** The one replacement that makes `after` of `before`; undefined where they are the same. */
export function differenceOf(before: string, after: string) {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let same = 0;
  while (
    same < shorter - start &&
    before.charCodeAt(before.length - same - 1) === after.charCodeAt(after.length - same - 1)
  )
    same++;
  return { range: { start, end: before.length - same }, text: after.slice(start, after.length - same) };
}
