/** What stands at a place, if it is local to its form. */
import type { CancellationToken } from 'vscode-languageserver/node';
import { symbolAt, type Binding } from '../source/scope.ts';
import type { Position, Snapshot } from '../source/types.ts';
import type { Bench } from './bench.ts';
import { isSpecial } from './names.ts';

export async function localAt(
  bench: Bench,
  uri: string,
  position: Position,
  token: CancellationToken,
): Promise<{ snapshot: Snapshot; binding: Binding } | undefined> {
  const snapshot = bench.parts.documents.get(uri);
  if (!snapshot) return undefined;
  const offset = await bench.offsetIn(snapshot, position);
  const binding = symbolAt(snapshot, offset)?.binding;
  if (!binding || (await isSpecial(bench, snapshot, offset, token))) return undefined;
  return { snapshot, binding };
}
