/** What becomes of the instances of a class: how many there are, and the method that carries them over. */
import * as z from 'zod';
import { HotlispError } from '../errors.ts';
import type { Migration } from '../image/protocol.ts';
import type { Snapshot, SourceDefinition, TopLevelForm } from '../source/types.ts';
import { editAt, newlineOf, siteOf } from './formEdit.ts';
import { initialPackage, plannedForm, wireDefinition } from './forms.ts';
import { arguments_, operation, query, type EditPlan, type PlanContext } from './operation.ts';

/** Seconds that an image looks through its memory, with garbage collection held off. */
const countWithin = 5;

interface ClassAt {
  readonly snapshot: Snapshot;
  readonly form: TopLevelForm;
  readonly definition: SourceDefinition;
}

type Place = {
  readonly uri: string;
  readonly version?: number | undefined;
  readonly position: { readonly line: number; readonly character: number };
};

const place = { uri: arguments_.uri, version: arguments_.version.optional(), position: arguments_.position };

/** @throws HotlispError `invalid-arguments` where the position is not on a form that defines a class */
async function classAt(args: Place, kinds: readonly string[], context: PlanContext): Promise<ClassAt> {
  const snapshot = await context.snapshot(args.uri, args.version);
  const form = snapshot.formAt(snapshot.offsetAt(args.position, context.encoding));
  const definition = form?.definitions.find(({ kind }) => kinds.includes(kind));
  if (!form || !definition)
    throw new HotlispError(
      'invalid-arguments',
      'There is no definition of a class at the position. Put the cursor on one.',
      { path: 'position' },
    );
  return { snapshot, form, definition };
}

export const countInstances = operation({
  name: 'count_instances',
  title: 'Count instances',
  documentation:
    'How many instances of the class at a position are in memory, garbage that was not collected yet included. Looks through all of the memory, for a few seconds at most.',
  args: z.strictObject(place),
  async plan(args, context) {
    const { form, definition } = await classAt(args, ['class', 'condition', 'structure'], context);
    return query({
      type: 'query',
      op: 'instances',
      args: {
        definition: wireDefinition(definition),
        package: form.package ?? initialPackage,
        seconds: countWithin,
      },
      seconds: 2 * countWithin,
      report: async ({ class: name, count, whole }) => ({ class: name, instances: count, complete: whole }),
    });
  },
  told: result => {
    const {
      class: name,
      instances,
      complete,
    } = result as { class: string; instances: number; complete: boolean };
    return `${name} has ${complete ? '' : 'at least '}${instances} ${instances === 1 ? 'instance' : 'instances'}.`;
  },
});

export const insertUpdateInstance = operation({
  name: 'insert_update_instance',
  title: 'Insert update-instance method',
  documentation:
    'Writes a method of UPDATE-INSTANCE-FOR-REDEFINED-CLASS below the class at a position, with the slots that its pending change adds and drops.',
  args: z.strictObject(place),
  async plan(args, context): Promise<EditPlan> {
    const { snapshot, form, definition } = await classAt(args, ['class'], context);
    const { wire } = plannedForm(snapshot, form, context.fileOf(snapshot.uri));
    const { assessments } = await context.ask('check', { forms: [wire], threads: false });
    const migration = assessments.find(each => each.migration)?.migration;
    if (!migration)
      throw new HotlispError(
        'invalid-arguments',
        `The image's ${definition.name} has the slots of this text: no instance has to be carried over.`,
        { path: 'position' },
      );
    const text = updateMethod(definition.name, migration).replaceAll('\n', newlineOf(snapshot.text));
    const content = { text, guarded: false, endsInComment: false };
    const edit = editAt(snapshot, siteOf(snapshot, { form, definition }), 'insert_after', content);
    const range = snapshot.rangeOf(edit.span, context.encoding);
    return {
      type: 'edit',
      dryRun: false,
      label: `update-instance method of ${definition.name}`,
      uri: snapshot.uri,
      version: context.isOpen(snapshot.uri) ? snapshot.version : null,
      edits: [{ range, newText: edit.text }],
      report: { uri: snapshot.uri, range, after: edit.text, ...migration },
    };
  },
});

/** Names as people write them; what stands in |bars| keeps its case. */
const written = (name: string) => (/[|\\]/.test(name) ? name : name.toLowerCase());

/** A method that compiles as it stands, and changes nothing but slots that would be unbound. */
function updateMethod(name: string, { added, dropped }: Migration): string {
  const lists = (names: readonly string[]) => names.map(written).join(', ');
  const variables = dropped.map(written).map(slot => ({ slot, variable: slot.replace(/^.*:(?=[^:])/, '') }));
  const said = [
    added.length > 0 ? `adds ${lists(added)}` : '',
    dropped.length > 0 ? `drops ${lists(dropped)}` : '',
  ].filter(Boolean);
  const body = added
    .map(written)
    .flatMap(slot => [
      `(when (member '${slot} added-slots)`,
      `  (unless (slot-boundp instance '${slot})`,
      `    (setf (slot-value instance '${slot}) nil)))`,
    ]);
  const indented = (lines: readonly string[], by: number) => lines.map(line => ' '.repeat(by) + line);
  const inner =
    variables.length === 0
      ? indented(body, 2)
      : [
          ...indented(
            variables.map(
              ({ slot, variable }, index) =>
                `${index === 0 ? '(let (' : '      '}(${variable} (getf property-list '${slot}))`,
            ),
            2,
          ).map((line, index, all) => (index === all.length - 1 ? `${line})` : line)),
          `    (declare (ignorable ${variables.map(({ variable }) => variable).join(' ')}))`,
          ...(body.length > 0 ? indented(body, 4) : ['    nil']),
        ];
  const lines = [
    '(defmethod update-instance-for-redefined-class :after',
    `    ((instance ${name}) added-slots discarded-slots property-list &key &allow-other-keys)`,
    `  "Carries instances over a change that ${said.join(' and ')}. PROPERTY-LIST has what dropped slots held."`,
    '  (declare (ignorable added-slots discarded-slots property-list))',
    ...inner,
  ];
  const last = lines.pop()!;
  return [...lines, variables.length > 0 ? `${last}))` : `${last})`].join('\n');
}
