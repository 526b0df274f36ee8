/** From a snapshot to what the index keeps of it. */
import type { PositionEncoding, Snapshot, SourceDefinition, TopLevelForm } from '../source/index.ts';
import { derivedFrom } from './derived.ts';
import { visitForm } from './mentions.ts';
import { supersOf } from './supers.ts';
import { treeOf } from './nodes.ts';
import type { FileSummary, FormUses, IndexedDefinition, PackageForm } from './types.ts';

/** UTF-16 code units of a docstring or lambda list that are kept. */
const kept = 200;

export function summarize(snapshot: Snapshot, encoding: PositionEncoding): FileSummary {
  const definitions: IndexedDefinition[] = [];
  const packages: PackageForm[] = [];
  const forms: FormUses[] = [];
  for (const form of snapshot.forms) {
    const packageName = form.package ?? null;
    const own = definitions.length;
    if (form.active) for (const each of form.definitions) add(each, undefined, form);
    const node = treeOf(snapshot, form);
    if (!node) continue;
    const uses = new Set<string>();
    visitForm(snapshot, node, {
      mention: key => uses.add(key),
      package: each => {
        if (form.active) packages.push(each);
      },
      list(operator, list) {
        if (!form.active) return;
        const supers = supersOf(snapshot, operator, list);
        if (supers)
          for (const [i, each] of definitions.entries())
            if (i >= own && each.name === supers.name && each.supers === undefined)
              definitions[i] = { ...each, supers: supers.names };
        for (const { span, nameSpan, ...derived } of derivedFrom(snapshot, operator, list))
          definitions.push({
            ...derived,
            package: packageName,
            range: snapshot.rangeOf(span, encoding),
            nameRange: snapshot.rangeOf(nameSpan, encoding),
          });
      },
    });
    if (uses.size > 0) forms.push({ package: packageName, uses: [...uses] });
  }
  return { definitions, packages, forms, conditional: /#[+-]/.test(snapshot.text) };

  function add(definition: SourceDefinition, container: string | undefined, form: TopLevelForm): void {
    const { kind, operator, name, qualifiers, specializers, lambdaList, docstring } = definition;
    if (kind === 'declaration') return;
    const summary = docstring?.trim().split(/\r\n|\r|\n/, 1)[0];
    definitions.push({
      kind,
      operator,
      name: oneLine(name),
      package: form.package ?? null,
      range: snapshot.rangeOf(definition.span, encoding),
      nameRange: snapshot.rangeOf(definition.nameSpan, encoding),
      ...(qualifiers && qualifiers.length > 0 && { qualifiers }),
      ...(specializers && { specializers }),
      ...(lambdaList !== undefined && { lambdaList: oneLine(lambdaList) }),
      ...(summary && { summary: summary.slice(0, kept) }),
      ...(container !== undefined && { container }),
      ...(operator === 'slot' &&
        snapshot.text[definition.span.start] === '(' && {
          slot: oneLine(snapshot.text.slice(definition.span.start, definition.span.end)),
        }),
    });
    for (const child of definition.children) add(child, name, form);
  }
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, kept);
