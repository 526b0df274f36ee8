/** What a change would do to the image, and which of its forms the image runs already. */
import { initialPackage } from '../operations/forms.ts';
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Assessment, Result } from '../image/protocol.ts';
import type { ChangePlan, PlannedForm } from '../operations/operation.ts';

export interface Assessed {
  /** The forms that the change consists of; `assessments[].form` indexes them. */
  readonly forms: readonly PlannedForm[];
  readonly assessments: readonly Assessment[];
  readonly generation: number;
  readonly threads: Result<'check'>['threads'];
}

/** Asks the image what the plan would do; installs nothing. */
export async function assess(
  image: Image,
  plan: ChangePlan,
  documents: Documents,
  signal?: AbortSignal,
): Promise<Assessed> {
  const check = await image.call(
    'check',
    { forms: plan.forms.map(({ wire }) => wire), threads: true },
    signal ? { signal } : {},
  );
  const whole = { forms: plan.forms, ...check };
  if (!plan.onlyChanged) return whole;
  const changed = await Promise.all(
    plan.forms.map(async (form, index) => {
      const own = check.assessments.filter(each => each.form === index);
      const running = await Promise.all(
        own.map(each => runsThisText(each, form, loadedDate(check.assessments, form.wire.file), documents)),
      );
      return !running.every(Boolean);
    }),
  );
  const kept = plan.forms.flatMap((form, index) => (changed[index] ? [{ form, index }] : []));
  return {
    ...whole,
    forms: kept.map(({ form }) => form),
    assessments: kept.flatMap(({ index }, position) =>
      check.assessments.filter(each => each.form === index).map(each => ({ ...each, form: position })),
    ),
  };
}

/**
 * Whether the image runs the form's text: it was installed from it, or loaded from the saved file, which says the same
 * and has not been written since. In doubt it does not.
 * @param loaded the Unix time of the file's contents that the image loaded
 */
async function runsThisText(
  { definition, installed, file }: Assessment,
  { wire, snapshot }: PlannedForm,
  loaded: number | undefined,
  documents: Documents,
): Promise<boolean> {
  if (definition.change === 'unchanged') return true;
  // An image keeps no trace of where a declamation came from.
  const traceless = definition.kind === 'declaration';
  if (definition.change === 'new' && !traceless) return false;
  if (installed !== undefined) return installed === wire.digest;
  if ((!traceless && file !== wire.file) || loaded === undefined) return false;
  if ((await documents.writeDate(snapshot.uri)) !== loaded) return false;
  const saved = await documents.onDisk(snapshot.uri).catch(() => undefined);
  return (
    saved?.forms.some(
      each => each.digest === wire.digest && (each.package ?? initialPackage) === wire.package,
    ) ?? false
  );
}

/** When the file that the image loaded was written; SBCL records it for functions only, so one speaks for all of the file. */
function loadedDate(assessments: readonly Assessment[], file: string | undefined): number | undefined {
  const dates = assessments.flatMap(each =>
    each.file === file && each.fileWriteDate !== undefined ? [each.fileWriteDate] : [],
  );
  return dates.length > 0 ? Math.min(...dates) : undefined;
}
