/** Taking changes back, doing them again, and looking at what was done. */
import * as z from 'zod';
import { historyPage } from './listings.ts';
import { arguments_, operation } from './operation.ts';

const args = z.strictObject({ transaction: arguments_.transaction.optional() });

export const rollback = operation({
  name: 'rollback',
  title: 'Roll back',
  documentation:
    'Takes a change back: the definitions it replaced are installed again, those it made are removed.',
  approval: 'modify-running-code',
  args,
  plan: ({ transaction }) => ({ type: 'undo', transaction }),
});

export const redo = operation({
  name: 'redo',
  title: 'Redo',
  documentation: 'Installs again what a rollback took back.',
  approval: 'modify-running-code',
  args,
  plan: ({ transaction }) => ({ type: 'redo', transaction }),
});

export const replay = operation({
  name: 'replay',
  title: 'Replay',
  documentation:
    'Does again, in journal order and as one change, what the journal holds and the image lacks, as after a restart: all of it, or the given transactions. What was rolled back, is there already or cannot be done again is left out; `skipped` says why.',
  approval: 'modify-running-code',
  args: z.strictObject({ transactions: z.array(arguments_.transaction).min(1).optional() }),
  plan: ({ transactions }) => ({ type: 'replay', transactions }),
});

export const history = operation({
  name: 'history',
  title: 'History',
  documentation: 'What the journal holds, the newest first.',
  args: z.strictObject({
    limit: z.number().int().positive().max(10_000).default(50),
    symbol: arguments_.symbol.optional(),
  }),
  serve: ({ limit, symbol }, session) => session.history(limit, symbol),
  page: historyPage,
});
