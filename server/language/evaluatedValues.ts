/** The values of evaluated forms, each at its form's end for as long as nobody edits that form. */
import type { Documents } from '../documents.ts';
import type { EvalPlaces } from '../operations/operation.ts';
import type { Span } from '../source/types.ts';

export interface EvaluatedValue {
  /** UTF-16 offset. */
  readonly offset: number;
  readonly values: readonly string[];
}

interface Kept {
  span: Span;
  /** What was evaluated. */
  readonly text: string;
  readonly values: readonly string[];
}

/** Values kept for a buffer; the oldest go first. */
const most = 500;

export class EvaluatedValues {
  readonly #kept = new Map<string, { text: string; list: Kept[] }>();

  /** @param onChanged called when what is shown has changed for another reason than an edit */
  constructor(
    private readonly documents: Documents,
    private readonly onChanged: () => void,
  ) {
    documents.onChange(uri => this.#follow(uri));
  }

  /** Keeps the values of each form of code at its place, instead of those inside or around it. No results: none are known any more. */
  record({ uri, version, whole, forms }: EvalPlaces, results: readonly (readonly string[])[]): void {
    const snapshot = this.documents.get(uri);
    if (!snapshot || snapshot.version !== version) return;
    const entry = this.#kept.get(uri) ?? { text: snapshot.text, list: [] };
    entry.list = entry.list.filter(each => each.span.end <= whole.start || each.span.start >= whole.end);
    const keep = (span: Span, values: readonly string[]) =>
      entry.list.push({ span, text: snapshot.text.slice(span.start, span.end), values });
    const last = results.at(-1);
    if (forms.length === 0 && last) keep(whole, last);
    // Forms that another reader finds in the text are not to be mistaken for those of this one.
    if (forms.length === results.length) forms.forEach((span, index) => span && keep(span, results[index]!));
    entry.list.splice(0, entry.list.length - most);
    if (entry.list.length > 0) this.#kept.set(uri, entry);
    else this.#kept.delete(uri);
    this.onChanged();
  }

  /** In order of place. */
  at(uri: string): EvaluatedValue[] {
    return (this.#kept.get(uri)?.list ?? [])
      .map(({ span, values }) => ({ offset: span.end, values }))
      .sort((a, b) => a.offset - b.offset);
  }

  #follow(uri: string): void {
    const entry = this.#kept.get(uri);
    if (!entry) return;
    const text = this.documents.get(uri)?.text;
    if (text === undefined) {
      this.#kept.delete(uri);
      return;
    }
    const { start, end, delta } = difference(entry.text, text);
    entry.list = entry.list.flatMap(each => {
      const by = each.span.end <= start ? 0 : each.span.start >= end ? delta : undefined;
      if (by === undefined) return [];
      const span = { start: each.span.start + by, end: each.span.end + by };
      return text.slice(span.start, span.end) === each.text && stands(text, span) ? [{ ...each, span }] : [];
    });
    entry.text = text;
    if (entry.list.length === 0) this.#kept.delete(uri);
  }
}

/** Which part of `before`, from `start` to `end`, became another one, and by how much longer that is. */
function difference(before: string, after: string): { start: number; end: number; delta: number } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let same = 0;
  while (
    same < shorter - start &&
    before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)
  )
    same++;
  return { start, end: before.length - same, delta: after.length - before.length };
}

/** An atom that was made longer at an end is another one. */
function stands(text: string, { start, end }: Span): boolean {
  const delimiter = (at: number) => /[\s()"';`,]|undefined/.test(text[at] ?? ' ');
  return (text[start] === '(' || delimiter(start - 1)) && (text[end - 1] === ')' || delimiter(end));
}
