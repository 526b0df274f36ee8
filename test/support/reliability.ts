/**
 * docs/reliability.md, written by the scripts that measure. Each script owns one section and replaces it as a whole when it is run with
 * `--record`; the others stay as they were recorded. A section says by itself which machine it was measured on.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import path from 'node:path';
import { repository, sbclCommand } from './lspClient.ts';

/** The sections in the order in which they stand in the page, and the script that measures each. */
const sections = {
  faults: { title: 'Faults', script: 'npm run test:faults' },
  fuzz: { title: 'Hostile input', script: 'npm run fuzz' },
  load: { title: 'Load', script: 'npm run load' },
  soak: { title: 'Soak', script: 'npm run soak' },
} as const;

export type Section = keyof typeof sections;

export const reliabilityPage = path.join(repository, 'docs/reliability.md');

/**
 * Replaces one section of docs/reliability.md, and leaves the others alone.
 * @param markdown what was measured and what came of it: paragraphs, tables, headings of the third level. Figures only, as they were measured
 * in this run: no dates, host names or paths, and no text of a failure that could hold one
 */
export function record(section: Section, markdown: string): void {
  const page = existsSync(reliabilityPage) ? readFileSync(reliabilityPage, 'utf8') : '';
  writeFileSync(
    reliabilityPage,
    withSection(page, section, `${markdown.trim()}\n\nMeasured on ${machine()}.`),
  );
  console.log(`Recorded in ${path.relative(process.cwd(), reliabilityPage)}`);
}

/** The page's text with that section replaced. @param page the text as it was, or an empty one */
export function withSection(page: string, section: Section, body: string): string {
  const texts = new Map(
    [...page.matchAll(/<!-- (\w+) -->\n([^]*?)\n<!-- end of \1 -->/g)].map(([, name, text]) => [
      name!,
      text!,
    ]),
  );
  texts.set(section, body);
  const parts = Object.entries(sections).map(([name, { title, script }]) => {
    const text = texts.get(name) ?? 'Not recorded yet.';
    return `## ${title}\n\n\`${script}\`\n\n<!-- ${name} -->\n${text}\n<!-- end of ${name} -->\n`;
  });
  return `${introduction}\n${parts.join('\n')}`;
}

const introduction = `# Reliability

What was tried, and what came of it. Each section is written by the script that measured it, when that is run with \`-- --record\`;
each script is bounded, ends by itself, and exits with 1 when something was not as it must be. Short forms of all of them are part of \`npm test\`.
`;

/** A table in Markdown. @param head its columns' titles; all columns but the first are aligned to the right */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const row = (cells: readonly (string | number)[]) =>
    `| ${cells.map(cell => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(head), row(head.map((_, n) => (n === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n');
}

/** The machine in words: cores, memory, the versions of Node and of the SBCL under test. */
export function machine(): string {
  const [program = 'sbcl', ...args] = sbclCommand.split(' ');
  const { stdout } = spawnSync(program, [...args, '--version'], { encoding: 'utf8' });
  const sbcl = /\d[\w.]*/.exec(stdout ?? '')?.[0] ?? 'of an unknown version';
  return `${cpus().length} cores with ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${process.platform} ${process.arch}, Node ${process.versions.node}, SBCL ${sbcl}`;
}
