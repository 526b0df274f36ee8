import { defineConfig } from 'vitest/config';
import { find } from './test/clients/unpack.mjs';
import { findNode, majors } from './test/support/nodes.mjs';

/**
 * Everything that `npm test` runs and the long tests (*.all.test.ts) with the SBCL on the PATH; but for the unit tests once more
 * with the newest SBCL; what depends most on SBCL with one between them; and what depends most on Node with the server on each other Node. HOTLISP_TEST_SBCL (a program)
 * and HOTLISP_TEST_NODE (a program) choose a single other one.
 */
interface Variant {
  readonly name: string;
  readonly sbcl: string;
  readonly node?: string;
  readonly include: readonly string[];
}

const everything = ['test/**/*.test.ts'];
/** Processes, sockets, files, threads and the protocol: where a Node may differ. */
const onNodes = [
  'test/transcripts/*.test.ts',
  'test/language/*.test.ts',
  'test/security/security.test.ts',
  ...[
    'approvals',
    'attach',
    'commands',
    'debugger',
    'doctor',
    'drift',
    'evaluate',
    'files',
    'index',
    'journal',
  ],
  ...['lifecycle', 'npm-pack', 'reload', 'replay', 'safety', 'servers', 'systems', 'threads', 'workspaces'],
].map(name => (name.includes('/') ? name : `test/image/${name}.test.ts`));

/** SBCL's internals: where one between the oldest and the newest may differ from both. */
const onMiddle = [
  ...['agent-check', 'agent-compile', 'agent-foundation', 'agent-install', 'agent-serving', 'agent-undo'],
  ...['allOrNothing', 'captures', 'evaluate', 'leftovers', 'migration', 'reload', 'rollbackTable', 'threads'],
].map(name => `test/image/${name}.test.ts`);

function variants(): Variant[] {
  const { HOTLISP_TEST_SBCL: sbcl, HOTLISP_TEST_NODE: node } = process.env;
  if (sbcl ?? node)
    return [{ name: [sbcl, node].filter(Boolean).join(', '), sbcl: sbcl ?? 'sbcl', include: everything }];
  const newest = find('sbcl');
  if (!newest) throw new Error(missing('the newest SBCL'));
  const middle = find('sbcl25');
  if (!middle) throw new Error(missing('SBCL 2.5'));
  const nodes = majors
    .filter(major => !process.versions.node.startsWith(`${major}.`))
    .map((major): Variant => {
      const found = findNode(major);
      if (!found) throw new Error(missing(`Node ${major}`));
      return { name: `node ${found.version}`, sbcl: 'sbcl', node: found.program, include: onNodes };
    });
  return [
    { name: 'sbcl', sbcl: 'sbcl', include: everything },
    {
      name: newest.version,
      sbcl: newest.program,
      include: ['test/{image,clients,transcripts}/**/*.test.ts'],
    },
    { name: middle.version, sbcl: middle.program, include: onMiddle },
    ...nodes,
  ];
}

const missing = (what: string) => `${what} is missing: node server/tools/setup.mjs --test --all says why`;

export default defineConfig({
  test: {
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } },
    reporters: ['default'],
    projects: variants().map(({ name, sbcl, node, include }) => ({
      test: {
        name,
        include: [...include],
        exclude: ['node_modules/**'],
        env: {
          HOTLISP_TEST_SBCL: sbcl,
          ...(node !== undefined && { HOTLISP_TEST_NODE: node }),
          HOTLISP_PROPERTY_RUNS: process.env['HOTLISP_PROPERTY_RUNS'] ?? '12',
        },
        testTimeout: 60_000,
        hookTimeout: 120_000,
      },
    })),
  },
});
