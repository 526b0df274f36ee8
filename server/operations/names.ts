/** Names as people write them, compared with those of definitions in a text. */
import type { SourceDefinition, TopLevelForm } from '../source/types.ts';

/** A symbol's text without its package prefix and in the case of the standard readtable; what stands in |bars| keeps its case. */
export function bareName(text: string): string {
  const bare = text.trim().replace(/^[^:|"()\s]+::?(?=[^:])/, '');
  return bare.includes('|') || bare.includes('\\') ? bare : bare.toUpperCase();
}

const words = (text: string) =>
  text
    .trim()
    .replace(/[()]/g, each => ` ${each} `)
    .split(/\s+/)
    .filter(Boolean)
    .map(each => (each === '(' || each === ')' ? each : bareName(each)))
    .join(' ');

/** "COMPUTE", "( SETF FOO )", "AREA :AROUND ( CIRCLE T )": what two spellings of one definition have in common. */
export function spelling({
  name,
  qualifiers = [],
  specializers,
}: Pick<SourceDefinition, 'name' | 'qualifiers' | 'specializers'>): string {
  return words([name, ...qualifiers, ...(specializers ? [`(${specializers.join(' ')})`] : [])].join(' '));
}

/**
 * Whether `asked` means the definition: its name, or for a method its name with qualifiers and specializers
 * ("area", "area (circle)", "area :around (circle)"; trailing specializers of T may be left out).
 */
export function isCalled(definition: SourceDefinition, asked: string): boolean {
  const wanted = words(asked);
  if (wanted === words(definition.name)) return true;
  const { specializers } = definition;
  if (!specializers) return false;
  for (let shown = specializers.length; shown > 0; shown--) {
    if (wanted === spelling({ ...definition, specializers: specializers.slice(0, shown) })) return true;
    if (bareName(specializers[shown - 1]!) !== 'T') return false;
  }
  return false;
}

/** Whether a form of this type is asked for: "defun", or the kind ("function"); any where `type` is undefined. */
export const isOfType = (definition: SourceDefinition, type: string | undefined) =>
  type === undefined ||
  definition.operator === bareName(type).toLowerCase() ||
  definition.kind === type.toLowerCase();

/** The forms of a text that define the name asked for, with the definition in question. */
export function definitionsCalled(
  forms: readonly TopLevelForm[],
  type: string | undefined,
  name: string,
): { form: TopLevelForm; definition: SourceDefinition }[] {
  return forms.flatMap(form =>
    form.definitions
      .filter(each => isOfType(each, type) && isCalled(each, name))
      .map(definition => ({ form, definition })),
  );
}
