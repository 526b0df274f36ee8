/** Columns as editors show them: tabs go to the next multiple of 8, wide characters take two cells. */

const tab = 8;

/** Those that Unicode calls wide or full-width, in the main. */
const wide = (c: number): boolean =>
  (c >= 0x1100 && c <= 0x115f) ||
  (c >= 0x2e80 && c <= 0xa4cf && c !== 0x303f) ||
  (c >= 0xac00 && c <= 0xd7a3) ||
  (c >= 0xf900 && c <= 0xfaff) ||
  (c >= 0xfe30 && c <= 0xfe6f) ||
  (c >= 0xff00 && c <= 0xff60) ||
  (c >= 0xffe0 && c <= 0xffe6) ||
  (c >= 0x1f300 && c <= 0x1faff) ||
  (c >= 0x20000 && c <= 0x3fffd);

/** The cells up to `end` of a line of which `cells` come before `start`. Offsets are UTF-16 code units. */
export function cellsOf(text: string, start: number, end: number, cells: number): number {
  let column = cells;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === 9) column += tab - (column % tab);
    else if (c < 0x300) column++;
    else if (c >= 0xd800 && c <= 0xdbff && i + 1 < end) {
      column += wide(text.codePointAt(i)!) ? 2 : 1;
      i++;
    } else if (c >= 0x300 && c <= 0x36f) {
      // a combining mark
    } else column += wide(c) ? 2 : 1;
  }
  return column;
}

export const widthOf = (text: string, start: number, end: number): number => cellsOf(text, start, end, 0);
