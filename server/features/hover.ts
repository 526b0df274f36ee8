/** What is known of a name, as a text of at most a screen. */

/** One thing that a name stands for. */
export interface Section {
  /** Code that shows how it is written: a call, a binding. */
  readonly code?: string | undefined;
  /** "function in SHOP". */
  readonly what: string;
  /** Further facts, a line each. */
  readonly lines: readonly (string | Link)[];
  readonly documentation?: string | undefined;
}

export interface Link {
  readonly before: string;
  readonly text: string;
  readonly uri: string;
  /** 0-based. */
  readonly line?: number;
}

const mostLines = 24;
const mostCharacters = 3000;
const mostSections = 6;

/** The text of a hover or of an item's documentation. */
export function textOf(sections: readonly Section[], markdown: boolean): string {
  const shown = sections.slice(0, mostSections);
  let room = mostCharacters;
  let lines = mostLines;
  const texts = shown.map(({ code, what, lines: facts, documentation }) => {
    const parts: string[] = [];
    if (code !== undefined) {
      const short = cut(code, 1200, 12);
      parts.push(markdown ? `\`\`\`lisp\n${short}\n\`\`\`` : short);
    }
    const said = [what, ...facts.map(fact => factText(fact, markdown))].filter(Boolean);
    if (said.length > 0) parts.push(markdown ? said.map(line => line).join('  \n') : said.join('\n'));
    if (documentation && room > 0 && lines > 0) {
      const text = cut(documentation.replace(/\r\n?/g, '\n').trimEnd(), room, lines);
      room -= text.length;
      lines -= text.split('\n').length;
      parts.push(markdown ? quoted(text) : text);
    }
    return parts.join('\n\n');
  });
  return texts.join(markdown ? '\n\n---\n\n' : '\n\n');
}

function factText(fact: string | Link, markdown: boolean): string {
  if (typeof fact === 'string') return fact;
  const { before, text, uri, line } = fact;
  return markdown ? `${before}[${text}](${uri}${line === undefined ? '' : `#L${line + 1}`})` : before + text;
}

/** A docstring is laid out by hand, and full of stars that mean no emphasis. */
function quoted(text: string): string {
  if (!/[*_`<>[\]#|~\\]|\n/.test(text)) return text;
  const fence = /`{3,}/.test(text) ? '````' : '```';
  return `${fence}text\n${text}\n${fence}`;
}

function cut(text: string, characters: number, lines: number): string {
  const all = text.split('\n');
  let out = all.slice(0, lines).join('\n');
  if (out.length > characters) out = out.slice(0, characters);
  return out.length < text.length ? `${out.trimEnd()} …` : out;
}

/** Code in running text. */
export const codeText = (text: string, markdown: boolean): string => {
  if (!markdown) return text;
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
};
