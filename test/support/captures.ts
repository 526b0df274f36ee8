/** The initialize parameters that real editors sent, captured: their capabilities can be replayed without them. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { repository } from './lspClient.ts';

export interface Capture {
  readonly name: string;
  readonly capabilities: Record<string, unknown>;
  /** The other parameters, but for the process id and the folder of the machine they were captured on. */
  readonly others: Record<string, unknown>;
}

const folder = path.join(repository, 'test/support/initialize');

export const captures: readonly Capture[] = readdirSync(folder).map(file => {
  const { capabilities, ...others } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Record<
    string,
    unknown
  >;
  delete others['processId'];
  return { name: file.replace('.json', ''), capabilities: capabilities as Record<string, unknown>, others };
});
