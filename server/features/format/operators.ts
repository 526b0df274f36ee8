/** The operators of the lists in a stretch of text: what indenting it may want to know of. */
import { Lexer } from '../../source/lexer.ts';
import type { Span } from '../../source/types.ts';

/** As written, in lower case, each once; offsets are UTF-16 code units. Yields now and then. */
export function* operatorSteps(text: string, { start, end }: Span): Generator<void, string[], void> {
  const names = new Set<string>();
  const lexer = new Lexer(text, start, end);
  let opened = false;
  for (let tokens = 1; lexer.next(); tokens++) {
    if (tokens % 1000 === 0) yield;
    if (lexer.kind === 'comment' || lexer.kind === 'block-comment') continue;
    if (opened && lexer.kind === 'token') {
      const name = text.slice(lexer.start, lexer.end);
      // names with escapes keep their case; they are not worth asking for
      if (name.length < 200 && /^[^:#|\\\d][^#|\\]*$/.test(name)) names.add(name.toLowerCase());
    }
    opened = lexer.kind === 'open';
  }
  return [...names];
}
