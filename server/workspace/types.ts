/** The vocabulary of the index: plain data, as it is cached and as it crosses from the index's thread to the server's. Positions are in the negotiated encoding, 0-based. */
import type { DefinitionKind, Position, Range } from '../source/types.ts';

export interface IndexedDefinition {
  readonly kind: DefinitionKind;
  /** The defining operator as written, lower-cased; "slot", "accessor", "constructor" … for what another definition brings along. */
  readonly operator: string;
  /** The name as written: "foo", "(setf foo)", "app:foo". */
  readonly name: string;
  /** The package in effect, in the case that FIND-PACKAGE wants; null before any in-package and where only evaluation could tell. */
  readonly package: string | null;
  /** The whole defining form. */
  readonly range: Range;
  readonly nameRange: Range;
  readonly qualifiers?: readonly string[];
  readonly specializers?: readonly string[];
  /** As written, in one line, cut off after 200 characters. */
  readonly lambdaList?: string;
  /** The docstring's first line, cut off after 200 characters. */
  readonly summary?: string;
  /** The name of the definition that this one belongs to: the class of a slot, the structure of an accessor. */
  readonly container?: string;
  /** Of a slot with options: all of it, as written, in one line, cut off after 200 characters. */
  readonly slot?: string;
  /** Of a class, condition or structure: the names of what it inherits from directly, as written. */
  readonly supers?: readonly string[];
}

/** What a DEFPACKAGE says; names in the case that FIND-PACKAGE and INTERN want. */
export interface PackageForm {
  readonly name: string;
  readonly nicknames: readonly string[];
  readonly uses: readonly string[];
  /** Packages whose external symbols this one exports again. */
  readonly reexports: readonly string[];
  readonly exports: readonly string[];
  readonly shadows: readonly string[];
  /** [symbol, package]. */
  readonly imports: readonly (readonly [string, string])[];
  /** [nickname, package]. */
  readonly localNicknames: readonly (readonly [string, string])[];
}

/** Symbols that a top-level form mentions, each once. */
export interface FormUses {
  /** See IndexedDefinition.package. */
  readonly package: string | null;
  /** Keys of mentions.ts. */
  readonly uses: readonly string[];
}

/** All that the index keeps of one file. */
export interface FileSummary {
  readonly definitions: readonly IndexedDefinition[];
  readonly packages: readonly PackageForm[];
  readonly forms: readonly FormUses[];
  /** It holds reader conditionals: another image's features may read it otherwise. */
  readonly conditional: boolean;
}

export interface FileLocation {
  readonly uri: string;
  readonly range: Range;
}

/** One edit of a rename: the place of a name and what is to stand there. */
export interface RenameEdit {
  readonly range: Range;
  readonly newText: string;
}

/** What a new name for a global symbol or a package takes, or why it cannot be given. */
export type RenamePlan =
  | {
      readonly refused: string;
      /** Nothing there is a name. */
      readonly nothing?: boolean;
    }
  | {
      /** The symbol, or the package: "SHOP:TOTAL". */
      readonly subject: string;
      readonly files: readonly { readonly uri: string; readonly edits: readonly RenameEdit[] }[];
    };

/** The calls of one function in a definition; without `definition`: in forms that define nothing. */
export interface Caller {
  readonly uri: string;
  readonly definition?: IndexedDefinition;
  readonly ranges: readonly Range[];
}

export interface DefinitionHit {
  readonly uri: string;
  readonly definition: IndexedDefinition;
}

/** A symbol, package or system that the workspace defines or mentions. */
export interface IndexedName {
  /** In the case that INTERN wants. */
  readonly name: string;
  /** Of a symbol its home package, as far as DEFPACKAGE forms tell. */
  readonly package: string;
  /** As KnownName.is of the wire contract, "p" for a package among symbols included; "o" for a slot. */
  readonly is: string;
  readonly external: boolean;
  readonly lambdaList?: string;
  readonly summary?: string;
}

export interface NameQuery {
  readonly what: 'symbols' | 'functions' | 'classes' | 'keywords' | 'packages' | 'systems';
  /** As typed, without prefix and escapes; its case does not count. */
  readonly pattern: string;
  /** The package in effect. */
  readonly package: string | null;
  /** The package that is searched, in the case that FIND-PACKAGE wants, as it stands before the colon. */
  readonly prefix?: string;
  /** With `prefix`: also what that package does not export. */
  readonly internal: boolean;
  readonly limit: number;
}

/** A symbol as it stands in a text. */
export interface NameAt {
  /** Undefined where there is no prefix, "" of a keyword. */
  readonly prefix?: string;
  readonly name: string;
  /** The package in effect. */
  readonly package: string | null;
}

/** What a name means, and where else it could come from. */
export interface Naming {
  /** The package in which the symbol is at home, and its name as the reader interns it. */
  readonly home: string;
  readonly name: string;
  /** The workspace, or the standard, defines it. */
  readonly defined: boolean;
  /** It is an external symbol of its home package, as far as DEFPACKAGEs tell. */
  readonly exported: boolean;
  /** The DEFPACKAGE of the package in effect, and that of the home package. */
  readonly own?: PackagePlace;
  readonly homePlace?: PackagePlace;
  /** Packages of the workspace that export a symbol of that name, at most five. */
  readonly exporters: readonly string[];
}

export interface PackagePlace {
  readonly package: string;
  readonly uri: string;
  /** Where the form begins. */
  readonly position: Position;
}

/** What can be asked. Every answer is bounded. */
export interface Queries {
  /** Definitions whose names match, the best first. */
  symbols: { params: { query: string; limit: number }; answer: readonly DefinitionHit[] };
  /** The definitions of what is named at a place of an open buffer, those that fit the place first. */
  definition: {
    params: { uri: string; position: Position };
    answer: readonly DefinitionHit[];
  };
  /** Names that fit what is typed, the best first; buffers and files as they were last read: it waits for nothing. */
  complete: { params: NameQuery; answer: { readonly names: readonly IndexedName[]; readonly more: boolean } };
  /** Definitions of a symbol; buffers and files as they were last read: it waits for nothing. */
  named: { params: NameAt & { limit: number }; answer: readonly DefinitionHit[] };
  /** What a package is called, and where it is defined; waits for nothing. */
  package: {
    params: { name: string; package: string | null };
    answer: { readonly name: string; readonly definitions: readonly DefinitionHit[] };
  };
  /** The slots of a class, condition or structure, inherited ones too; waits for nothing. */
  slots: { params: NameAt & { limit: number }; answer: readonly DefinitionHit[] };
  references: {
    params: { uri: string; position: Position; includeDeclaration: boolean };
    answer: readonly FileLocation[];
  };
  /** Edits that give what is named at a place another name, in all files; without `newName` only whether that can be. */
  rename: { params: { uri: string; position: Position; newName?: string }; answer: RenamePlan };
  /**
   * What a name in a form means, and where else it could come from: for importing, exporting and qualifying. `name` as written. Told from
   * what is known already.
   */
  naming: {
    params: { package: string | null; name: string };
    answer: Naming;
  };
  /** The lambda lists of macros, from what is known already; names as a form in the package writes them. */
  macros: {
    params: { package: string | null; names: readonly string[] };
    answer: readonly { name: string; lambdaList: string }[];
  };
  /** Who calls a function, as far as the text tells. */
  callers: { params: NameAt; answer: readonly Caller[] };
  /** The classes, conditions and structures that one inherits from directly, or that inherit from it. */
  relatives: { params: NameAt & { which: 'supertypes' | 'subtypes' }; answer: readonly DefinitionHit[] };
  /** Names of macros and generic functions, as the reader interns them, whatever their package; none where `version` has not changed. Waits for nothing; `busy`: files wait to be read. */
  kinds: {
    params: { version: number };
    answer: { version: number; names?: readonly (readonly [string, DefinitionKind])[]; busy?: boolean };
  };
  /** How much is known; settled once nothing waits to be read. */
  state: {
    params: Record<string, never>;
    answer: { files: number; definitions: number; symbols: number; read: number };
  };
}

export type QueryName = keyof Queries;
export type Params<Q extends QueryName> = Queries[Q]['params'];
export type Answer<Q extends QueryName> = Queries[Q]['answer'];
