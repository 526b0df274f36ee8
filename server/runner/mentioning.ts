/** Forms that mention a name, in the open buffers and in the files of some folders. */
import { readTextFile } from '../regularFile.ts';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { Documents } from '../documents.ts';
import type { Mention } from '../image/protocol.ts';
import { initialPackage, isInPackage } from '../operations/forms.ts';
import { bareName } from '../operations/names.ts';
import { readSymbol } from '../source/index.ts';
import type { Snapshot, SyntaxNode, TopLevelForm } from '../source/types.ts';

/** Files that are looked at in all, and the most bytes of one. */
const mostFiles = 500;
const mostBytes = 1_000_000;
const lispFile = /\.(?:lisp|lsp|cl)$/i;

export interface Found {
  readonly snapshot: Snapshot;
  readonly form: TopLevelForm;
  /** The name that it mentions. */
  readonly name: string;
}

/** A text that is parsed only where it has a name that is looked for. */
interface Text {
  readonly text: string;
  snapshot(): Promise<Snapshot | undefined>;
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
  return found.map(({ snapshot, form, mention: { name } }) => ({ snapshot, form, name }));
}

/** Macros that may expand into what is mentioned, because their text mentions it: who uses them uses it. */
async function carriers(texts: readonly Text[], mentions: readonly Mention[]): Promise<Mention[]> {
  const found: Mention[] = [];
  for (let wanted = mentions; wanted.length > 0;) {
    const next: Mention[] = [];
    for (const { form, mention } of await formsWith(texts, wanted)) {
      const [definition] = form.definitions;
      if (definition?.kind !== 'macro') continue;
      const name = bareName(definition.name);
      if ([...mentions, ...found, ...next].some(each => each.name === name)) continue;
      const packages = [...new Set([...mention.packages, form.package ?? initialPackage])];
      next.push({ ...mention, name, packages });
    }
    found.push(...next);
    wanted = next;
  }
  return found;
}

async function textsOf(documents: Documents, files: readonly string[]): Promise<Text[]> {
  const open = documents.all.filter(({ uri }) => uri.startsWith('file:') || uri.startsWith('untitled:'));
  const beside = (await filesBeside(files)).filter(
    file => !open.some(({ uri }) => uri === documents.uriOf(file)),
  );
  const saved = beside.map(async file => ({
    text: await readTextFile(file).catch(() => ''),
    snapshot: () => documents.snapshot(documents.uriOf(file)).catch(() => undefined),
  }));
  return [
    ...open.map(snapshot => ({ text: snapshot.text, snapshot: () => Promise.resolve(snapshot) })),
    ...(await Promise.all(saved)),
  ];
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

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
  const sized = await Promise.all(
    found
      .flat()
      .slice(0, mostFiles)
      .map(async file => ({ file, size: (await fs.stat(file).catch(() => undefined))?.size ?? Infinity })),
  );
  return sized.filter(({ size }) => size <= mostBytes).map(({ file }) => file);
}

/** The forms that mention one of `mentions` that counts there, and which. */
async function formsWith(
  texts: readonly Text[],
  mentions: readonly Mention[],
  counts: (form: TopLevelForm, mention: Mention) => boolean = () => true,
): Promise<{ snapshot: Snapshot; form: TopLevelForm; mention: Mention }[]> {
  const any = new RegExp(mentions.map(({ name }) => escaped(name)).join('|'), 'i');
  const snapshots = await Promise.all(
    texts.filter(({ text }) => any.test(text)).map(each => each.snapshot()),
  );
  return snapshots.flatMap(snapshot => {
    if (!snapshot) return [];
    return snapshot.forms.flatMap(form => {
      if (!form.active || !any.test(snapshot.slice(form.span.start, form.span.end)) || !mayUse(form))
        return [];
      const wanted = mentions.filter(mention => counts(form, mention) && !defines(form, mention.name));
      const [node] = wanted.length > 0 ? snapshot.nodesAt(form.span.start) : [];
      const mention = node && mentionIn(snapshot, form, node, wanted);
      return mention ? [{ snapshot, form, mention }] : [];
    });
  });
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

const defines = ({ definitions }: TopLevelForm, name: string) =>
  definitions.some(each => bareName(each.name) === name);

/** The first of `mentions` whose symbol stands in the form. */
function mentionIn(
  snapshot: Snapshot,
  form: TopLevelForm,
  root: SyntaxNode,
  mentions: readonly Mention[],
): Mention | undefined {
  const here = form.package ?? initialPackage;
  const waiting = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.type === 'sym_lit' || node.type === 'package_lit') {
      const symbol = readSymbol(snapshot.slice(node.span.start, node.span.end));
      const found = mentions.find(
        ({ name, packages }) => name === symbol.name && packages.includes(symbol.package ?? here),
      );
      if (found) return found;
    }
    waiting.push(...node.children);
  }
  return undefined;
}
