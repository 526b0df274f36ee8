/** Where notes about whole files stand. */
import type { FileNote, Note } from '../image/protocol.ts';
import { plannedForm } from '../operations/forms.ts';
import type { PlannedForm } from '../operations/operation.ts';
import type { ReportedNote } from '../ports.ts';
import type { Desk } from './desk.ts';
import * as report from './report.ts';

/** Notes about whole files as those of the forms they stand in: shown in the editor, and answered with their ranges. */
export async function placeNotes(
  desk: Desk,
  compiled: readonly string[],
  notes: readonly FileNote[],
): Promise<ReportedNote[]> {
  const { documents } = desk.deps;
  const wanted = new Set([
    ...notes.flatMap(({ file }) => (file === undefined ? [] : [file])),
    ...compiled.filter(file => documents.get(documents.uriOf(file))),
  ]);
  const forms: PlannedForm[] = [];
  const placed: Note[] = [];
  const reported: ReportedNote[] = [];
  for (const file of wanted) {
    const snapshot = await documents.onDisk(documents.uriOf(file)).catch(() => undefined);
    await snapshot?.ready();
    const here = (snapshot?.forms ?? [])
      .filter(each => each.active && !each.packageUnknown)
      .map(each => plannedForm(snapshot!, each, file));
    const first = forms.length;
    forms.push(...here);
    for (const note of notes.filter(each => each.file === file)) {
      const { severity, message, condition } = note;
      const span =
        snapshot && note.start !== undefined
          ? report.utf16Span(snapshot.text, note.start, note.end ?? note.start)
          : undefined;
      reported.push({
        severity,
        message,
        uri: documents.uriOf(file),
        range: span ? snapshot!.rangeOf(span, desk.encoding) : null,
      });
      const index = span
        ? here.findIndex(form => form.span.start <= span.start && span.start < form.span.end)
        : -1;
      if (index < 0 || !span) continue;
      const { text } = here[index]!.wire;
      const within = (offset: number) =>
        Array.from(text.slice(0, Math.max(0, offset - here[index]!.span.start))).length;
      placed.push({
        severity,
        message,
        condition,
        form: first + index,
        start: within(span.start),
        end: within(span.end),
      });
    }
  }
  desk.deps.showNotes(forms, placed);
  const elsewhere = notes.filter(({ file }) => file === undefined);
  return [...reported, ...elsewhere.map(({ severity, message }) => report.placelessNote(message, severity))];
}
