/** The links of the pages, to files and to headings in them. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const pages = [
  ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md'],
  ...readdirSync('docs')
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
  ...readdirSync('clients')
    .map(name => `clients/${name}/README.md`)
    .filter(existsSync),
];

/** Without its fenced code. */
const prose = (page: string) => readFileSync(page, 'utf8').replace(/^( *)```[^]*?^\1```/gm, '');

/** Of a heading, as the pages are shown on the web. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
const anchors = (page: string) => [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, text]) => anchorOf(text!));

function problems(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
    if (/^[a-z]+:/.test(link!)) return [];
    const [file, anchor] = link!.split('#');
    const target = file === '' ? page : path.join(path.dirname(page), file!);
    if (!existsSync(target)) return [`${page}: ${link} leads nowhere`];
    return anchor === undefined || anchors(target).includes(anchor)
      ? []
      : [`${page}: ${link}: ${target} has no such heading`];
  });
}

it('lead to files and headings that are there', () => {
  expect(pages.length).toBeGreaterThan(8);
  expect(pages.flatMap(problems)).toEqual([]);
});

it('name pages and pictures that the package has, and no picture is larger than it has to be', () => {
  const images = readdirSync('docs/images').map(name => path.join('docs/images', name));
  const used = pages.map(prose).join();
  for (const image of images) {
    expect(used).toContain(image);
    expect(statSync(image).size).toBeLessThan(200_000);
  }
});
