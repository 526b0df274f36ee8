/** The places in one text that mention what is looked for. */
import type { PositionEncoding, Range, Snapshot } from '../source/index.ts';
import type { Meaning, WorkspaceIndex } from './index.ts';
import { readKey, visitForm } from './mentions.ts';
import { treeOf } from './nodes.ts';

export function occurrencesIn(
  snapshot: Snapshot,
  meaning: Meaning,
  index: WorkspaceIndex,
  encoding: PositionEncoding,
): Range[] {
  const out: Range[] = [];
  const wanted = meaning.name.toUpperCase();
  for (const form of snapshot.forms) {
    const text = snapshot.slice(form.span.start, form.span.end);
    // Escapes may spell a name in another way, and a package has nicknames.
    if (meaning.type === 'symbol' && !text.includes('\\') && !text.toUpperCase().includes(wanted)) continue;
    const node = treeOf(snapshot, form);
    if (!node) continue;
    const seen = new Set<number>();
    visitForm(snapshot, node, {
      mention(key, span) {
        if (seen.has(span.start) || !index.means(readKey(key), form.package ?? null, meaning)) return;
        seen.add(span.start);
        out.push(snapshot.rangeOf(span, encoding));
      },
    });
  }
  return out;
}
