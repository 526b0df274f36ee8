/** Compiler notes of the last reload, kept at their forms: they move with the text and go when their form changes. */
import { isScratch } from './documents.ts';
import { noteSpan } from './runner/report.ts';
import type { Note } from './image/protocol.ts';
import type { PlannedForm } from './operations/operation.ts';
import type { Snapshot, Span, TopLevelForm } from './source/types.ts';

interface Kept {
  readonly text: string;
  readonly digest: string;
  /** Spans are relative to the form's start. */
  readonly notes: readonly { readonly note: Note; readonly span: Span }[];
}

export interface PlacedNote {
  readonly severity: Note['severity'];
  readonly message: string;
  readonly condition: string;
  readonly span: Span;
}

export class Notes {
  readonly #kept = new Map<string, Kept[]>();

  /** Replaces what is known of `forms` by the notes of an operation on them; answers the URIs where there are or were any. */
  record(forms: readonly PlannedForm[], notes: readonly Note[]): string[] {
    // Code that stands in no document has its notes in the result alone.
    const uris = new Set(forms.map(({ snapshot }) => snapshot.uri).filter(uri => !isScratch(uri)));
    return [...uris].filter(uri => {
      const before = this.#kept.get(uri);
      const here = forms.filter(({ snapshot }) => snapshot.uri === uri);
      const names = new Set(here.map(nameOf));
      const others = (before ?? []).filter(
        ({ text }) => !names.has(headOf(text)) && !here.some(form => form.wire.text === text),
      );
      const added = here.flatMap(form => {
        const own = notes.filter(({ form: index }) => forms[index] === form);
        if (own.length === 0) return [];
        const placed = own.map(note => {
          const { start, end } = noteSpan(form, note.start, note.end);
          return { note, span: { start: start - form.span.start, end: end - form.span.start } };
        });
        return [{ text: form.wire.text, digest: form.wire.digest, notes: placed }];
      });
      if (others.length + added.length > 0) this.#kept.set(uri, [...others, ...added]);
      else this.#kept.delete(uri);
      return before !== undefined || added.length > 0;
    });
  }

  /** The notes whose forms stand unchanged in the snapshot, at their places there. */
  of(snapshot: Snapshot): PlacedNote[] {
    const kept = this.#kept.get(snapshot.uri);
    if (!kept) return [];
    const textOf = (form: TopLevelForm) => snapshot.slice(form.span.start, form.span.end);
    return kept.flatMap(({ text, notes }) => {
      const form = snapshot.forms.find(
        each => each.span.end - each.span.start === text.length && textOf(each) === text,
      );
      if (!form) return [];
      return notes.map(({ note, span }) => ({
        severity: note.severity,
        message: note.message,
        condition: note.condition,
        span: { start: form.span.start + span.start, end: form.span.start + span.end },
      }));
    });
  }

  forget(uri: string): void {
    this.#kept.delete(uri);
  }
}

/** Enough of a form's beginning to tell an edited version of it: operator and name. */
const headOf = (text: string) => text.trimStart().split(/\s+/, 2).join(' ').toLowerCase();
const nameOf = ({ wire }: PlannedForm) => headOf(wire.text);
