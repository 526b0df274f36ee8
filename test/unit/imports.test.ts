/** The import directions of ARCHITECTURE.md: who may know whom is checked on the text of every file. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { operations } from '../../server/image/protocol.ts';
import { describe, expect, it } from 'vitest';

const server = path.resolve('server');

interface Import {
  readonly from: string;
  /** A file relative to server/, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

function files(folder: string): string[] {
  return readdirSync(folder).flatMap(name => {
    const file = path.join(folder, name);
    return statSync(file).isDirectory() ? files(file) : file.endsWith('.ts') ? [file] : [];
  });
}

/** Imports, re-exports and dynamic imports of a file. */
function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const statements =
    /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...text.matchAll(statements)].map(([, type, statik, dynamic]) => {
    const specifier = (statik ?? dynamic)!;
    const to = specifier.startsWith('.')
      ? path.relative(server, path.resolve(path.dirname(file), specifier))
      : specifier;
    return { from: path.relative(server, file), to, typeOnly: type !== undefined };
  });
}

const all = files(server).flatMap(importsOf);
const room = (file: string) => (file.includes('/') ? file.split('/')[0]! : file);
const describeImport = ({ from, to }: Import) => `${from} imports ${to}`;
const offenders = (test: (each: Import) => boolean) => all.filter(test).map(describeImport);

/** The door may import everything; every other room names what it may know. Files of server/ itself are rooms of their own. */
const DOOR = ['main.ts', 'server.ts', 'editor.ts', 'checkedReader.ts', 'doctor.ts'];

describe('import directions', () => {
  it('are judged on all of the server', () => {
    expect(all.length).toBeGreaterThan(50);
    expect(all.some(each => each.from === 'main.ts')).toBe(true);
  });

  it('let vscode-languageserver appear only at the door', () => {
    expect(
      offenders(
        each =>
          each.to.startsWith('vscode-languageserver') &&
          !each.typeOnly &&
          !['main.ts', 'server.ts', 'editor.ts', 'checkedReader.ts'].includes(each.from),
      ),
    ).toEqual([]);
  });

  it('let source know no sibling', () => {
    expect(
      offenders(each => room(each.from) === 'source' && !isPackage(each) && room(each.to) !== 'source'),
    ).toEqual([]);
  });

  it('let operations know source, the wire and the kinds of approval, but neither the runner nor a connection', () => {
    const allowed = ['operations', 'source', 'errors.ts', 'arguments.ts'];
    const typesOnly = ['approval', 'image', 'ports.ts'];
    expect(
      offenders(
        each =>
          room(each.from) === 'operations' &&
          !isPackage(each) &&
          !allowed.includes(room(each.to)) &&
          !(typesOnly.includes(room(each.to)) && (each.typeOnly || each.to === 'approval/approver.ts')),
      ),
    ).toEqual([]);
  });

  it('let image and approval know neither an operation nor the runner, a feature or the door', () => {
    const above = ['operations', 'features', 'runner', ...DOOR];
    expect(
      offenders(each => ['image', 'approval'].includes(room(each.from)) && above.includes(room(each.to))),
    ).toEqual([]);
  });

  it('let features know no runner, no image and no door', () => {
    const forbidden = ['runner', 'approval', ...DOOR];
    const notPure = (each: Import) =>
      forbidden.includes(room(each.to)) || (room(each.to) === 'image' && !each.typeOnly);
    expect(offenders(each => room(each.from) === 'features' && notPure(each))).toEqual([]);
  });

  it('let the index know source alone', () => {
    expect(
      offenders(
        each =>
          room(each.from) === 'workspace' &&
          !isPackage(each) &&
          !['workspace', 'source', 'errors.ts'].includes(room(each.to)),
      ),
    ).toEqual([]);
  });

  it('let nobody reach back to the door', () => {
    expect(
      offenders(each => DOOR.includes(each.to) && !DOOR.includes(each.from) && room(each.from) !== 'tools'),
    ).toEqual([]);
  });
});

describe('operations of the wire that write', () => {
  const writing = Object.entries(operations).flatMap(([name, { writes }]) => (writes ? [name] : []));
  const named = new RegExp(`(?:\\.call)\\([^)]{0,80}['"](?:${writing.join('|')})['"]`);
  const callers = files(server)
    .filter(file => named.test(readFileSync(file, 'utf8')))
    .map(file => path.relative(server, file));

  it('are called by the runner, and by image.init of a spawned image', () => {
    expect(writing).toContain('apply');
    expect(callers.filter(file => room(file) !== 'runner' && file !== 'image/open.ts')).toEqual([]);
    expect(readFileSync(path.join(server, 'runner/change.ts'), 'utf8')).toContain("'apply'");
  });
});

function isPackage({ to }: Import): boolean {
  return !to.endsWith('.ts') && !to.includes('..');
}
