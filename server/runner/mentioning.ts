/** Forms that mention a name, in the open buffers and in the files of some folders. */
import { readTextFile } from '../regularFile.ts';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { Documents } from '../documents.ts';
import type { Mention } from '../image/protocol.ts';
import { initialPackage, isInPackage } from '../operations/forms.ts';
import { bareName } from '../operations/names.ts';
import { symbolsIn, type Namespace } from '../source/scope.ts';
import type { Snapshot, TopLevelForm } from '../source/types.ts';
import { literally } from '../source/pattern.ts';
import { inTurns } from '../source/slices.ts';

const lispFile = /\.(?:lisp|lsp|cl)$/i;

export interface Found {
  readonly snapshot: Snapshot;
  readonly form: TopLevelForm;
  /** The name that it mentions. */
  readonly name: string;
  /** What a type that it uses as one is declared of there: that stays as the type was until it is declared again. */
  readonly declares?: 'slots' | 'names';
  /** It is a function or the like, or a type made with it, and the name stands where code uses it: compiled again, it does what it does but for that. */
  readonly uses: boolean;
}

/** A text that is parsed only where it has a name that is looked for. */
interface Text {
  readonly text: string;
  readonly snapshot: () => Promise<Snapshot | undefined>;
}

/** @param files the files whose folders are searched, besides the open buffers */
export async function mentioning(
  documents: Documents,
  mentions: readonly Mention[],
  files: readonly string[],
): Promise<Found[]> {
  if (mentions.length === 0) return [];
  const texts = await textsOf(documents, files);
  const all = [...mentions, ...(await carriers(texts, mentions))];
  const found = await formsWith(texts, all, (form, mention) => mention.everywhere || !isRecorded(form));
  return found.map(({ snapshot, form, mention: { kind, name }, used }) => ({
    snapshot,
    form,
    name,
    ...(used && kind === 'type' && declaring[form.operator ?? '']),
    uses: used && (isRecorded(form) || isDefiner(form) || (isType(form) && folded.has(kind))),
  }));
}

const declaring: Readonly<Record<string, Pick<Found, 'declares'>>> = {
  defstruct: { declares: 'slots' },
  declaim: { declares: 'names' },
  proclaim: { declares: 'names' },
};

const expanding: ReadonlySet<string> = new Set(['macro', 'type', 'symbol-macro']);

/** Macros, types and symbol macros that may expand into what is mentioned, because their text mentions it: who uses them uses it. */
async function carriers(texts: readonly Text[], mentions: readonly Mention[]): Promise<Mention[]> {
  const found: Mention[] = [];
  for (let wanted = mentions; wanted.length > 0;) {
    const next: Mention[] = [];
    for (const { form, mention } of await formsWith(texts, wanted)) {
      const [definition] = form.definitions;
      if (!definition || !expanding.has(definition.kind)) continue;
      const name = bareName(definition.name);
      if ([...mentions, ...found, ...next].some(each => each.name === name)) continue;
      const packages = [...new Set([...mention.packages, form.package ?? initialPackage])];
      next.push({ ...mention, kind: definition.kind, name, packages });
    }
    found.push(...next);
    wanted = next;
  }
  return found;
}

async function textsOf(documents: Documents, files: readonly string[]): Promise<Text[]> {
  const open = documents.all.filter(({ uri }) => uri.startsWith('file:') || uri.startsWith('untitled:'));
  const buffers = new Set(open.map(({ uri }) => uri));
  const beside = (await filesBeside(files)).filter(file => !buffers.has(documents.uriOf(file)));
  const saved = await inTurns(beside, async file => {
    let read: Promise<Snapshot | undefined> | undefined;
    return {
      text: await readTextFile(file).catch(() => ''),
      snapshot: () => (read ??= documents.snapshot(documents.uriOf(file)).catch(() => undefined)),
    };
  });
  return [
    ...open.map(snapshot => ({ text: snapshot.text, snapshot: () => Promise.resolve(snapshot) })),
    ...saved,
  ];
}

async function filesBeside(files: readonly string[]): Promise<string[]> {
  const folders = [...new Set(files.filter(file => path.isAbsolute(file)).map(file => path.dirname(file)))];
  const found = await Promise.all(
    folders.map(async folder => {
      const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
      return entries
        .filter(entry => entry.isFile() && lispFile.test(entry.name))
        .map(entry => path.join(folder, entry.name));
    }),
  );
  return found.flat();
}

/** The forms that mention one of `mentions` that counts there, which, and whether it stands where code uses it. */
async function formsWith(
  texts: readonly Text[],
  mentions: readonly Mention[],
  counts: (form: TopLevelForm, mention: Mention) => boolean = () => true,
): Promise<{ snapshot: Snapshot; form: TopLevelForm; mention: Mention; used: boolean }[]> {
  const any = new RegExp(mentions.map(({ name }) => literally(name)).join('|'), 'i');
  const found = await inTurns(texts, async ({ text, snapshot: read }) => {
    const snapshot = any.test(text) ? await read() : undefined;
    if (!snapshot) return [];
    const forms = snapshot.forms.filter(
      form => form.active && mayUse(form) && any.test(snapshot.slice(form.span.start, form.span.end)),
    );
    return inTurns(forms, form => {
      const wanted = mentions.filter(mention => counts(form, mention) && !defines(form, mention.name));
      const mentioned = wanted.length > 0 ? mentionIn(form, wanted) : undefined;
      return mentioned ? [{ snapshot, form, ...mentioned }] : [];
    });
  });
  return found.flat(2);
}

const idle: ReadonlySet<string> = new Set(['package', 'system']);
const mayUse = (form: TopLevelForm) =>
  !isInPackage(form) && form.operator !== 'export' && !form.definitions.some(({ kind }) => idle.has(kind));

const recorded: ReadonlySet<string> = new Set([
  'function',
  'macro',
  'generic-function',
  'method',
  'compiler-macro',
  'setf-expander',
  'declaration',
]);
/** Whether the compiler keeps a record of what all of the form uses. */
const isRecorded = ({ definitions }: TopLevelForm) =>
  definitions.length > 0 && definitions.every(({ kind }) => recorded.has(kind));

/** Whether the form is one of a definer of the user's own, and what it names is not a variable, which it would set anew. */
const isDefiner = ({ operator, definitions }: TopLevelForm) =>
  /^def/i.test(operator ?? '') &&
  definitions.length > 0 &&
  definitions.every(({ kind, name }) => kind === 'other' && !/^([*+]).*\1$/.test(bareName(name)));

/** What a type's definition is made with, once: SBCL keeps no record of it where the type takes no arguments. */
const folded: ReadonlySet<string> = new Set(['constant', 'macro', 'symbol-macro']);

const isType = ({ definitions }: TopLevelForm) =>
  definitions.length > 0 && definitions.every(({ kind }) => kind === 'type');

const defines = ({ definitions }: TopLevelForm, name: string) =>
  definitions.some(each => bareName(each.name) === name);

/** Where code uses what a definition of a kind defines. A structure's name is a type, and its other names are functions. */
const usedAs: Readonly<Record<string, readonly Namespace[]>> = {
  type: ['type'],
  structure: ['type', 'function'],
  constant: ['variable'],
  'symbol-macro': ['variable'],
  'setf-expander': ['function'],
  macro: ['function'],
};

/** One of `mentions` whose symbol stands in the form and means nothing local: one that is used, if there is one. */
function mentionIn(
  form: TopLevelForm,
  mentions: readonly Mention[],
): { mention: Mention; used: boolean } | undefined {
  const here = form.package ?? initialPackage;
  let found: { mention: Mention; used: boolean } | undefined;
  for (const { symbol, namespace, access, binding } of symbolsIn(form).occurrences) {
    if (binding) continue;
    const mention = mentions.find(
      ({ name, packages }) => name === symbol.name && packages.includes(symbol.package ?? here),
    );
    if (!mention) continue;
    const used = access !== 'definition' && usedAs[mention.kind]?.includes(namespace) === true;
    if (used) return { mention, used };
    found ??= { mention, used };
  }
  return found;
}
