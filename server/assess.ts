/** What a change would do to the image, and which of its forms the image runs already. */
import type { Documents } from './documents.ts';
import type { Image } from './image/image.ts';
import type { Assessment, Result } from './image/protocol.ts';
import type { ChangePlan, PlannedForm } from './operations/operation.ts';

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
      const running = await Promise.all(own.map(each => runsThisText(each, form, documents)));
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
 */
async function runsThisText(
  assessment: Assessment,
  form: PlannedForm,
  documents: Documents,
): Promise<boolean> {
  if (assessment.definition.change === 'unchanged') return true;
  if (assessment.definition.change === 'new') return false;
  if (assessment.installed !== undefined) return assessment.installed === form.wire.digest;
  if (
    assessment.file === undefined ||
    assessment.file !== form.wire.file ||
    assessment.fileWriteDate === undefined
  )
    return false;
  const { uri } = form.snapshot;
  const written = await documents.writeDate(uri);
  if (written === undefined || written !== assessment.fileWriteDate) return false;
  const saved = await documents.onDisk(uri).catch(() => undefined);
  return (
    saved?.forms.some(each => each.digest === form.wire.digest && each.package === form.wire.package) ?? false
  );
}
