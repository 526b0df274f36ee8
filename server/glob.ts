/** Patterns of file names, as editors' settings have them. */
import { literally } from './source/pattern.ts';

/**
 * What matches the pattern at the end of a path, folders being told apart by "/": `*` and `?` stand for characters of one name, `[a-z]` and
 * `[!a-z]` for one of some, `**` for any folders, `{a,b}` for one of several; a pattern that begins with "/" is of the whole path.
 * A bracket or brace that nothing closes, and a bracket of what is no range, stand for themselves.
 */
export function globPattern(glob: string): RegExp {
  const paired = pairedBraces(glob);
  let depth = 0;
  let source = '';
  for (let at = 0; at < glob.length;) {
    const [token] = /^(?:\*\*\/|\*\*|\[!?\]?[^\]/]+\]|[^])/u.exec(glob.slice(at))!;
    if (token === '{' && paired.has(at)) source += (depth++, '(?:');
    else if (token === '}' && paired.has(at)) source += (depth--, ')');
    else if (token === ',' && depth > 0) source += '|';
    else source += wildcards[token] ?? characters(token) ?? literally(token);
    at += token.length;
  }
  return new RegExp(`${glob.startsWith('/') ? '^' : '(?:^|/)'}${source}$`, 'su');
}

const wildcards: Readonly<Record<string, string>> = {
  '**/': '(?:[^/]+/)*',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};

/** `[!a-z]` as a class of a regular expression; undefined for what is none. */
function characters(token: string): string | undefined {
  const [, not, inside] = /^\[(!?)(.+)\]$/su.exec(token) ?? [];
  if (inside === undefined) return undefined;
  const source = `(?!/)[${not && '^'}${inside.replace(/[\\\]^[]/g, '\\$&')}]`;
  try {
    new RegExp(source, 'u');
    return source;
  } catch {
    return undefined;
  }
}

/** Where the braces stand that belong to each other. */
function pairedBraces(glob: string): ReadonlySet<number> {
  const paired = new Set<number>();
  const open: number[] = [];
  for (const { 0: brace, index } of glob.matchAll(/[{}]/g)) {
    if (brace === '{') open.push(index);
    else if (open.length > 0) paired.add(index).add(open.pop()!);
  }
  return paired;
}
