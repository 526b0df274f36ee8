/** What is known of a name, as a text of at most a screen. */
import { oneLine, shownText } from '../display.ts';

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
      const short = cut(shownText(code), 1200, 12);
      parts.push(markdown ? fenced(short, 'lisp') : short);
    }
    const said = [what, ...facts.map(fact => factText(fact, markdown))].filter(Boolean).map(unfolded);
    if (said.length > 0) parts.push(said.join(markdown ? '  \n' : '\n'));
    if (documentation && room > 0 && lines > 0) {
      const text = cut(shownText(documentation).trimEnd(), room, lines);
      room -= text.length;
      lines -= text.split('\n').length;
      parts.push(markdown ? quoted(text) : text);
    }
    return parts.join('\n\n');
  });
  return texts.join(markdown ? '\n\n---\n\n' : '\n\n');
}

/** On a line of its own, as long as it is. */
const unfolded = (text: string): string => text.replace(/\s*\n\s*/g, ' ');

function factText(fact: string | Link, markdown: boolean): string {
  if (typeof fact === 'string') return fact;
  const { before, uri, line } = fact;
  const text = oneLine(fact.text);
  if (!markdown) return before + text;
  // Brackets would end the link, and what follows could be another one, or a picture from anywhere.
  const target = uri.replace(/[()]/g, each => (each === '(' ? '%28' : '%29'));
  return `${before}[${text.replace(/[\\`*<>[\]]/g, '\\$&')}](${target}${line === undefined ? '' : `#L${line + 1}`})`;
}

/** A docstring is laid out by hand, and full of stars that mean no emphasis. */
export const quoted = (text: string): string =>
  /[*_`<>[\]#|~\\]|\n/.test(text) ? fenced(text, 'text') : text;

/** More backticks than the text has in a row. */
function ticks(text: string, least: number): string {
  const runs = [...text.matchAll(/`+/g)].map(([run]) => run.length);
  return '`'.repeat(Math.max(least, ...runs.map(length => length + 1)));
}

function fenced(text: string, language: string): string {
  const fence = ticks(text, 3);
  return `${fence}${language}\n${text}\n${fence}`;
}

function cut(text: string, characters: number, lines: number): string {
  const all = text.split('\n');
  let out = all.slice(0, lines).join('\n');
  if (out.length > characters) out = out.slice(0, characters);
  return out.length < text.length ? `${out.trimEnd()} …` : out;
}

/** Code in running text. */
export const codeText = (text: string, markdown: boolean): string => {
  const shown = oneLine(text, mostCharacters);
  if (!markdown) return shown;
  const mark = ticks(shown, 1);
  return mark === '`' ? `\`${shown}\`` : `${mark} ${shown} ${mark}`;
};

/** The name of a package or an operator in running text: as code where it is more than a word. */
export const wordText = (name: string, markdown: boolean): string =>
  /^[\p{L}\p{N} .,:;/%+=?@-]*$/u.test(name) ? name : codeText(name, markdown);
