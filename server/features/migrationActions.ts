/** Code actions at the definition of a class: what a change of it means to its instances. */
import type { Drift } from '../drift/judge.ts';
import { formName, isInPackage } from '../operations/forms.ts';
import type { Position, Snapshot } from '../source/types.ts';
import type { Action } from './codeAction.ts';

/** Counting for every class; the method for one whose text is not what the image runs. */
export function migrationActions(
  snapshot: Snapshot,
  offset: number,
  position: Position,
  drifts: readonly Drift[],
): Action[] {
  const form = snapshot.formAt(offset);
  if (!form || !form.active || form.broken || form.packageUnknown || isInPackage(form)) return [];
  const kinds = form.definitions.map(({ kind }) => kind);
  if (!kinds.some(kind => kind === 'class' || kind === 'structure' || kind === 'condition')) return [];
  const name = formName(form);
  const { uri, version } = snapshot;
  const action = (title: string, command: string): Action => ({
    title,
    kind: 'hotlisp.look',
    command: { title, command, arguments: [{ uri, version, position, background: true }] },
  });
  const changed = drifts.some(
    each => each.form === form && !each.missing && each.what?.definition.kind === 'class',
  );
  return [
    ...(changed
      ? [action(`Insert update-instance-for-redefined-class for ${name}`, 'hotlisp.insert_update_instance')]
      : []),
    action(`Count instances of ${name}`, 'hotlisp.count_instances'),
  ];
}
