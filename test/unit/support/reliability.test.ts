/** docs/reliability.md: each script replaces its own section and nothing else. */
import { describe, expect, it } from 'vitest';
import { machine, table, withSection } from '../../support/reliability.ts';

describe('the page of figures', () => {
  it('keeps the sections of the other scripts, in the order of the page', () => {
    const page = withSection(withSection('', 'soak', '10 minutes'), 'faults', '3 rows');
    expect(page).toContain('<!-- faults -->\n3 rows\n<!-- end of faults -->');
    expect(page).toContain('<!-- soak -->\n10 minutes\n<!-- end of soak -->');
    expect(page.indexOf('3 rows')).toBeLessThan(page.indexOf('10 minutes'));
  });

  it('says what was not recorded, and replaces a section as a whole', () => {
    const page = withSection(withSection('', 'load', 'old'), 'load', 'new');
    expect(page).toMatch(/## Soak[^]*Not recorded yet/);
    expect(page).not.toContain('old');
    expect(withSection(page, 'load', 'new')).toBe(page);
  });

  it('has tables whose cells cannot break them', () => {
    expect(table(['what', 'ms'], [['a|b', 1]])).toBe('| what | ms |\n| --- | --: |\n| a\\|b | 1 |');
  });

  it('names cores and versions of the machine', () => {
    expect(machine()).toMatch(/^\d+ cores with \d+ GiB of memory, \w+ \w+, Node \d+\.\d+\.\d+, SBCL \d/);
  });
});
