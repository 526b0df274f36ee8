import { createHash } from 'node:crypto';
import { Lexer } from './lexer.ts';
import { upcase } from './symbols.ts';

/**
 * The first 32 hex digits of the SHA-256 over the tokens of a text, white space and comments left out. Case counts in strings,
 * characters and escapes alone.
 */
export function digestOf(text: string): string {
  const hash = createHash('sha256');
  const lexer = new Lexer(text);
  let tokens = '';
  while (lexer.next()) {
    const { kind, start, end } = lexer;
    if (kind === 'comment' || kind === 'block-comment') continue;
    const written = text.slice(start, end);
    tokens += `${kind === 'string' ? written : kind === 'character' ? character(written) : fold(written)}\n`;
  }
  return hash.update(tokens).digest('hex').slice(0, 32);
}

/** `#\a` is not `#\A`, but `#\space` is `#\Space`. */
const character = (written: string): string => ([...written].length > 3 ? fold(written) : written);

function fold(written: string): string {
  if (!/[\\|]/.test(written)) return upcase(written);
  return written.replace(/(\\[\s\S]|\|(?:[^|\\]|\\[\s\S])*\|?)|[^\\|]+/g, (part, escaped?: string) =>
    escaped === undefined ? upcase(part) : escaped,
  );
}
