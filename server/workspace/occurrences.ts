/** The places in one text that mention what is looked for. */
import type { PositionEncoding, Range, Snapshot, Span, TopLevelForm } from '../source/index.ts';
import { symbolsIn } from '../source/scope.ts';
import type { Meaning, WorkspaceIndex } from './index.ts';
import { readKey, visitForm, type MentionKey } from './mentions.ts';
import { treeOf } from './nodes.ts';
import { usesOf } from './summarize.ts';

export interface FormMentions {
  readonly form: TopLevelForm;
  /** Of whole tokens, prefixes included; of a package, its name alone. */
  readonly spans: readonly Span[];
}

/** Forms that mention it, and where; local things of the same name are something else. */
export function* mentionsIn(
  snapshot: Snapshot,
  meaning: Meaning,
  index: WorkspaceIndex,
): Generator<FormMentions> {
  for (const form of snapshot.forms) {
    if (!mayMention(snapshot, form, meaning)) continue;
    const node = treeOf(snapshot, form);
    if (!node) continue;
    const spans = new Map<number, Span>();
    visitForm(snapshot, node, {
      mention(key, span) {
        if (!spans.has(span.start) && index.means(readKey(key), form.package ?? null, meaning))
          spans.set(span.start, span);
      },
    });
    if (spans.size === 0) continue;
    // A variable that is special everywhere is not bound anew by LET, only its value is.
    const special = meaning.type === 'symbol' && index.isSpecial(meaning);
    if (meaning.type === 'symbol')
      for (const { span, binding } of symbolsIn(form).occurrences)
        if (binding && !(special && VARIABLES.has(binding.kind))) spans.delete(span.start);
    if (spans.size > 0) yield { form, spans: [...spans.values()] };
  }
}

/** Told from what is known of the form, else from its letters. */
function mayMention(snapshot: Snapshot, form: TopLevelForm, { type, name }: Meaning): boolean {
  const uses = usesOf(form);
  if (uses) return uses.some(type === 'symbol' ? key => isOf(key, name) : key => key.endsWith('\n'));
  // Escapes may spell a name in another way, and a package has nicknames.
  if (type === 'package') return true;
  const text = snapshot.slice(form.span.start, form.span.end);
  return text.includes('\\') || text.toUpperCase().includes(name.toUpperCase());
}

/** Whether it is the key of a symbol of that name. */
function isOf(key: MentionKey, name: string): boolean {
  const before = key.length - name.length;
  return before <= 0 ? key === name : key[before - 1] === '\t' && key.endsWith(name);
}

const VARIABLES: ReadonlySet<string> = new Set(['variable', 'parameter']);

export function occurrencesIn(
  snapshot: Snapshot,
  meaning: Meaning,
  index: WorkspaceIndex,
  encoding: PositionEncoding,
): Range[] {
  const out: Range[] = [];
  for (const { spans } of mentionsIn(snapshot, meaning, index))
    for (const span of spans) out.push(snapshot.rangeOf(span, encoding));
  return out;
}
