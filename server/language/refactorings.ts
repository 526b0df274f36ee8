/** Code actions that write code: offered where they fit, worked out when they are wanted, indented as the formatter does it. */
import type { CodeAction } from 'vscode-languageserver/node';
import { HotlispError } from '../errors.ts';
import { isWanted } from '../features/codeAction.ts';
import { around, type Edit } from '../features/format/format.ts';
import { documentEdit, takesVersions, type DocumentEdit, type TextEdit } from '../features/documentEdit.ts';
import { conditionals } from '../features/refactor/conditionals.ts';
import { extraction } from '../features/refactor/extraction.ts';
import { missingFunction } from '../features/refactor/missing.ts';
import {
  exportEdit,
  importEdit,
  nicknameEdit,
  packageFormAt,
  type PackageForm,
} from '../features/refactor/packages.ts';
import { patterns, plainText } from '../features/refactor/patterns.ts';
import { indented } from '../features/refactor/result.ts';
import { isQuoted, siteAt, textOf, type Refactoring, type Site } from '../features/refactor/site.ts';
import { docstring, wrapping } from '../features/refactor/wrapping.ts';
import { localsAt, symbolAt } from '../source/scope.ts';
import { readSymbol } from '../source/symbols.ts';
import type { Snapshot } from '../source/types.ts';
import type { PackagePlace } from '../workspace/types.ts';
import type { ActionPlace, ActionSource } from './actions.ts';
import { never, type Bench } from './bench.ts';
import { Indentation, soon } from './formatting.ts';

export const refactoringKinds = ['refactor.extract', 'refactor.rewrite', 'refactor.insert'] as const;

/** Milliseconds that index and image have to say what a name means. */
const budget = Number(process.env['HOTLISP_BUDGET_MS']) || 60;

/** Packages that are offered to import a name from. */
const mostExporters = 5;

/** An action, and how its edit is made. */
interface Offer {
  readonly title: string;
  readonly kind: string;
  readonly edit: () => Promise<object | undefined>;
}

/** What a client sends back to have an action worked out. */
interface Unresolved {
  readonly refactoring: string;
  readonly uri: string;
  readonly version: number;
  readonly start: number;
  readonly end: number;
}

const wants = ({ only }: ActionPlace, kind: string): boolean => isWanted(kind, only);

/** All that fits a place; the edits are not made yet. */
async function offersAt(place: ActionPlace, bench: Bench): Promise<Offer[]> {
  const { snapshot, start, end } = place;
  if (!snapshot || !['quickfix', ...refactoringKinds].some(kind => wants(place, kind))) return [];
  const site = siteAt(snapshot, start, end);
  if (!site) return snapshot.formAt(start) ? [] : insertions(place, snapshot, bench);
  if (!site.form.active) return [];
  const here: Refactoring[] = [];
  if (wants(place, 'refactor.extract')) here.push(...extraction(site));
  if (wants(place, 'refactor.rewrite'))
    here.push(...conditionals(site), ...docstring(site), ...wrapping(site));
  const standard = new Set(here.flatMap(each => each.standard ?? []));
  if (standard.size > 0 && !(await areStandard(site, bench, [...standard])))
    here.splice(0, Infinity, ...here.filter(each => !each.standard));
  const through = here.flatMap(each => each.through ?? []);
  if (through.length > 0 && (await hasMacro(site, bench, through)))
    here.splice(0, Infinity, ...here.filter(each => !each.through));
  const named = wants(place, 'quickfix') && start === end ? await namingOffers(site, place, bench) : [];
  return [
    ...named,
    ...here.map(({ title, kind, edits, moved }) => ({
      title,
      kind,
      edit: async () => {
        const wanted = edits();
        return wanted && editOf(place, bench, [{ snapshot, edits: wanted, ...(moved && { moved }) }]);
      },
    })),
  ];
}

/** Whether operators mean what the language says: nothing local has their name, and the package does not shadow it. */
async function areStandard(
  { snapshot, form, start }: Site,
  bench: Bench,
  written: string[],
): Promise<boolean> {
  const names = written.map(each => readSymbol(each).name);
  if (
    localsAt(snapshot, start).some(
      ({ kind, name }) => /^(?:function|macro)$/.test(kind) && names.includes(name),
    )
  )
    return false;
  const inEffect = form.package ?? null;
  const known = await Promise.all(
    written.map(name => soon(bench.ask('naming', { package: inEffect, name }, never), budget)),
  );
  // a package that no text defines may be used to be one that uses COMMON-LISP
  return known.every(naming => !naming || naming.home === 'COMMON-LISP' || !naming.homePlace);
}

/** Whether the index knows one of the names as a macro. */
async function hasMacro({ form }: Site, bench: Bench, written: readonly string[]): Promise<boolean> {
  const names = written.map(each => each.toLowerCase());
  const macros = await soon(bench.ask('macros', { package: form.package ?? null, names }, never), budget);
  return (macros?.length ?? 0) > 0;
}

interface Change {
  readonly snapshot: Snapshot;
  readonly edits: readonly Edit[];
  readonly moved?: Refactoring['moved'];
}

/** Each change as one edit, indented. Undefined where one of them changes nothing. */
async function editOf(
  { documentChanges }: Pick<ActionPlace, 'documentChanges'>,
  bench: Bench,
  changes: readonly Change[],
): Promise<DocumentEdit | undefined> {
  const documents = new Map<string, { uri: string; version: number | null; edits: TextEdit[] }>();
  for (const { snapshot, edits, moved } of changes) {
    const stretch = around(snapshot, edits[0]!.span);
    const specOf = await new Indentation(bench).specsFor(snapshot, stretch, never, budget);
    const edit = indented(snapshot.text, stretch, edits, moved, specOf);
    if (!edit) return undefined;
    const { uri } = snapshot;
    const version = bench.parts.documents.get(uri)?.version ?? null;
    const document = documents.get(uri) ?? { uri, version, edits: [] };
    documents.set(uri, document);
    document.edits.push({
      range: snapshot.rangeOf(edit.span, bench.parts.encoding()),
      newText: edit.text,
    });
  }
  return documentEdit([...documents.values()], documentChanges);
}

/** Importing, exporting, qualifying, and writing what is not there: for the symbol at the cursor. */
async function namingOffers(site: Site, place: ActionPlace, bench: Bench): Promise<Offer[]> {
  const { snapshot, text, path, start } = site;
  const node = path[0];
  const occurrence = symbolAt(snapshot, start);
  if (!node || !/^(?:sym|package)_lit$/.test(node.type) || !occurrence || occurrence.binding) return [];
  const written = textOf({ text }, node);
  const inEffect = site.form.package ?? null;
  const naming = await soon(bench.ask('naming', { package: inEffect, name: written }, never), budget);
  if (!naming) return [];
  const { name, home, exported, own, homePlace, defined } = naming;
  const offer = (title: string, edit: Offer['edit']): Offer => ({ title, kind: 'quickfix', edit });
  const prefix = /^([^|:]+)(::?)/.exec(written);
  /** An edit of a package's definition, and what then stands in the place of the symbol's prefix. */
  const inPackage =
    (target: PackagePlace, edit: (form: PackageForm) => Edit | undefined, instead = prefix?.[0] ?? '') =>
    async () => {
      const other = await packageAt(bench, target);
      const made = other && edit(other);
      if (!made) return undefined;
      const changes: Change[] = [{ snapshot: other.site.snapshot, edits: [made] }];
      const old = { start: node.start, end: node.start + (prefix?.[0].length ?? 0) };
      if (prefix && instead !== prefix[0]) changes.push({ snapshot, edits: [{ span: old, text: instead }] });
      return editOf(place, bench, changes);
    };
  const bare = prefix ? written.slice(prefix[0].length) : written;
  const out: Offer[] = [];
  if (prefix) {
    const from = home === 'COMMON-LISP' ? undefined : home;
    if (prefix[2] === '::' && homePlace && !exported && defined)
      out.push(
        offer(
          `Export ${bare} from ${shown(home)}`,
          inPackage(homePlace, form => exportEdit(form, name)),
        ),
      );
    if (own && from !== undefined && own.package !== from) {
      const imports = inPackage(own, form => importEdit(form, from, name), '');
      out.push(offer(`Import ${bare} from ${shown(from)}`, imports));
      const nickname = nicknameOf(from);
      const form =
        prefix[1]!.toUpperCase() === from && nickname !== undefined && (await packageAt(bench, own));
      if (form && nickname !== undefined && nicknameEdit(form, nickname, from))
        out.push(
          offer(
            `Add local nickname ${shown(nickname)} for ${shown(from)}`,
            inPackage(own, form => nicknameEdit(form, nickname, from), `${shown(nickname)}${prefix[2]}`),
          ),
        );
    }
    return out;
  }
  const defines = occurrence.access === 'definition' || definesAt(site);
  if (own && home === own.package && !exported && (defines || (defined && !isQuoted(site, node))))
    out.push(
      offer(
        `Export ${bare} from ${shown(home)}`,
        inPackage(own, form => exportEdit(form, name)),
      ),
    );
  if (defines) return out;
  if (defined || home === 'COMMON-LISP' || isQuoted(site, node) || isSystemText(snapshot)) return out;
  const about = await bench.image(
    snapshot.uri,
    'about',
    { name: written, ...(inEffect !== null && { package: inEffect }) },
    { within: budget },
  );
  if (about?.found && about.facts.length > 0) return out;
  const exporters = new Set([...naming.exporters, ...(await exportersInImage(bench, snapshot.uri, name))]);
  for (const from of [...exporters].slice(0, mostExporters)) {
    if (own)
      out.push(
        offer(
          `Import ${bare} from ${shown(from)}`,
          inPackage(own, form => importEdit(form, from, name)),
        ),
      );
    out.push(
      offer(`Qualify as ${shown(from)}:${bare}`, () =>
        editOf(place, bench, [
          {
            snapshot,
            edits: [{ span: { start: node.start, end: node.start }, text: `${shown(from)}:` }],
          },
        ]),
      ),
    );
  }
  // An image that has not said in time what it knows may have it.
  const isMissing = occurrence.operator && (about !== undefined || !bench.imageOf(snapshot.uri));
  const missing = isMissing ? missingFunction(site) : undefined;
  if (missing)
    out.push(
      offer(missing.title, async () => {
        const edits = missing.edits();
        return edits && editOf(place, bench, [{ snapshot, edits }]);
      }),
    );
  return out;
}

/** What its names mean is ASDF's matter, which no text of the workspace tells. */
const isSystemText = ({ uri }: Snapshot): boolean => /\.asd$/i.test(uri);

/** Packages of the image that export something of a name that means something. */
async function exportersInImage(bench: Bench, uri: string, name: string): Promise<string[]> {
  const found = await bench.image(uri, 'apropos', { pattern: name }, { within: budget });
  return (found?.symbols ?? []).flatMap(({ name: printed, external, kinds }) => {
    const symbol = readSymbol(printed);
    const from = symbol.package;
    return external && kinds.length > 0 && symbol.name === name && from && !internals.test(from)
      ? [from]
      : [];
  });
}

/** Packages of SBCL that are not for programs. */
const internals = /^SB-(?!EXT$|THREAD$|MOP$|GRAY$|POSIX$|BSD-SOCKETS$|SYS$|ALIEN$|INTROSPECT$)/;

const definesAt = ({ form, start }: Site): boolean =>
  form.definitions.some(({ nameSpan }) => nameSpan.start <= start && start <= nameSpan.end);

/** A package's name as it stands before a symbol. */
const shown = (name: string): string =>
  /^[A-Z0-9!$%&*+./<=>?@^_~-]+$/.test(name) ? name.toLowerCase() : `|${name}|`;

/** The last word of a long name. */
function nicknameOf(name: string): string | undefined {
  const last = /[./]([^./]+)$/.exec(name)?.[1] ?? /-([^-]+)$/.exec(name)?.[1];
  return last !== undefined && last.length >= 2 && /^[A-Z0-9-]+$/.test(last) ? last : undefined;
}

async function packageAt(bench: Bench, { uri, position }: PackagePlace): Promise<PackageForm | undefined> {
  const snapshot = await bench.parts.documents.snapshot(uri);
  return packageFormAt(snapshot, snapshot.offsetAt(position, bench.parts.encoding()));
}

/** Patterns, on an empty line between top-level forms. */
function insertions(place: ActionPlace, snapshot: Snapshot, bench: Bench): Offer[] {
  const { start, end } = place;
  const { text } = snapshot;
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1).split('\n', 1)[0]!;
  if (!wants(place, 'refactor.insert') || start !== end || line.trim() !== '') return [];
  const snippets = snippetEdits(bench);
  return patterns(bordeauxIn(text)).map(({ title, snippet }) => ({
    title,
    kind: 'refactor.insert',
    edit: async () => {
      const newline = /\r?\n/.exec(text)?.[0] ?? '\n';
      const written = (snippets ? snippet : plainText(snippet)).trimEnd().replaceAll('\n', newline);
      const range = snapshot.rangeOf({ start, end: start }, bench.parts.encoding());
      const { uri, version } = snapshot;
      const edit = snippets
        ? { range, snippet: { kind: 'snippet', value: written } }
        : { range, newText: written };
      return documentEdit<object>([{ uri, version, edits: [edit] }], place.documentChanges);
    },
  }));
}

/** LSP 3.18: edits with snippets are for clients that declare them; they go by documentChanges alone. */
const snippetEdits = (bench: Bench): boolean => {
  const declared = bench.parts.capabilities().workspace?.workspaceEdit as
    { snippetEditSupport?: boolean; documentChanges?: boolean } | undefined;
  return declared?.snippetEditSupport === true && declared.documentChanges === true;
};

/** The prefix by which a text names bordeaux-threads. */
const bordeauxIn = (text: string): string | undefined =>
  /(?<![\w-])(bt2?|bordeaux-threads(?:-2)?)::?[a-z]/i.exec(text)?.[1]?.toLowerCase();

/** An action with its edit, or, where the client asks for edits later, with what finds it again. */
export const refactorings: ActionSource = async (place, bench) => {
  const { snapshot, start, end } = place;
  if (!snapshot) return [];
  const offers = await offersAt(place, bench);
  const declared = bench.parts.capabilities().textDocument?.codeAction;
  const later =
    declared?.dataSupport === true && declared.resolveSupport?.properties.includes('edit') === true;
  const actions = await Promise.all(
    offers.map(async ({ title, kind, edit }) => {
      const data: Unresolved = {
        refactoring: title,
        uri: snapshot.uri,
        version: snapshot.version,
        start,
        end,
      };
      return later ? { title, kind, data } : { title, kind, edit: await edit() };
    }),
  );
  return actions.filter(action => 'data' in action || action.edit !== undefined);
};

/** Works an action out. @throws HotlispError `stale` when the buffer has moved on */
export async function resolveRefactoring(action: CodeAction, bench: Bench): Promise<CodeAction> {
  const data = action.data as Partial<Unresolved> | undefined;
  if (action.edit || typeof data?.refactoring !== 'string' || typeof data.uri !== 'string') return action;
  const { refactoring, uri, version, start = 0, end = 0 } = data;
  const snapshot = bench.parts.documents.get(uri);
  if (!snapshot || snapshot.version !== version)
    throw new HotlispError('stale', 'The buffer has changed since this was offered. Ask again.');
  const encoding = bench.parts.encoding();
  const place: ActionPlace = {
    snapshot,
    uri,
    range: snapshot.rangeOf({ start, end }, encoding),
    start,
    end,
    only: action.kind === undefined ? undefined : [action.kind],
    documentChanges: takesVersions(bench.parts.capabilities()),
  };
  const offer = (await offersAt(place, bench)).find(({ title }) => title === refactoring);
  const edit = await offer?.edit();
  if (!edit) throw new HotlispError('stale', `"${refactoring}" does not fit here any more.`);
  return { ...action, edit };
}
