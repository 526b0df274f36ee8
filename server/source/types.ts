/** The vocabulary of source/: immutable snapshots of a buffer, its top-level forms, and the definitions in them. Offsets are UTF-16 code units from the start of the text, 0-based, end exclusive. */

export interface Span {
  readonly start: number;
  readonly end: number;
}

export type PositionEncoding = 'utf-16' | 'utf-8' | 'utf-32';

/** 0-based line; `character` in units of the negotiated encoding. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export type DefinitionKind =
  | 'function'
  | 'macro'
  | 'generic-function'
  | 'method'
  | 'variable'
  | 'constant'
  | 'class'
  | 'condition'
  | 'structure'
  | 'type'
  | 'compiler-macro'
  | 'symbol-macro'
  | 'setf-expander'
  | 'package'
  | 'method-combination'
  | 'declaration'
  | 'system'
  | 'test'
  | 'other';

/** A definition read from the tree; nothing was evaluated for it. */
export interface SourceDefinition {
  readonly kind: DefinitionKind;
  /** The defining operator as written, lower-cased, without package prefix: "defun", "define-route". */
  readonly operator: string;
  /** The name as written: "foo", "(setf foo)", "|Foo|", "app:foo". */
  readonly name: string;
  readonly nameSpan: Span;
  /** The whole defining form, without reader-conditional prefix. */
  readonly span: Span;
  /** Present where an EVAL-WHEN keeps it out of the compiled file, so that an image that loads the file does not have it. */
  readonly compileOnly?: boolean;
  /** Methods only, as written. */
  readonly qualifiers?: readonly string[];
  /** Methods only: one per required parameter, "t" where the parameter has none, as written. */
  readonly specializers?: readonly string[];
  readonly lambdaList?: string;
  readonly docstring?: string;
  /** Definitions inside this one that stand on their own in an outline (slots, methods of a defgeneric). */
  readonly children: readonly SourceDefinition[];
}

export interface TopLevelForm {
  /** From the first character of the form (its `#+`/`#-` prefix included) to its end. */
  readonly span: Span;
  /** Where the object itself starts, past the prefixes. */
  readonly bodyStart: number;
  /** How many forms SBCL's reader finds before this one (forms that reader conditionals hide do not count). */
  readonly index: number;
  /** Name of the package in effect, in the case that FIND-PACKAGE wants; undefined before any in-package. */
  readonly package: string | undefined;
  /** The in-package before the form whose package only evaluation could tell; `package` is then undefined. */
  readonly packageUnknown?: Span | undefined;
  /** The first symbol of the form, lower-cased, without package prefix; undefined for atoms. */
  readonly operator: string | undefined;
  /** Every definition that the form makes at top level, also inside progn, eval-when, let, macrolet …, in order. */
  readonly definitions: readonly SourceDefinition[];
  /** False when a reader conditional hides the form from an image with the given features. */
  readonly active: boolean;
  /** True when only evaluating a reader conditional (`#+#.(…)`) could tell whether the form is read; `active` is then false. */
  readonly guardUnknown: boolean;
  /** True when the form or something inside it does not parse. */
  readonly broken: boolean;
  /** See Form.evaluates of the wire contract. */
  readonly evaluates: boolean;
  /** A digest of the form's tokens: the same for texts that differ in white space and comments alone. Computed on first use. */
  readonly digest: string;
}

export interface SyntaxProblem {
  readonly span: Span;
  readonly message: string;
  /** Stable identifier, for the diagnostic's `code`: "unmatched-open", "unmatched-close", "unterminated-string", … */
  readonly code: string;
  /** One edit after which the form reads, where there is one; `title` says what it does, for people. */
  readonly fix?: SyntaxFix | undefined;
}

/** Replace the span (empty: insert there) by the text. */
export interface SyntaxFix {
  readonly title: string;
  readonly span: Span;
  readonly text: string;
}

/** One version of one buffer. Immutable; everything about it is derived from `text` once. */
export interface Snapshot {
  readonly uri: string;
  readonly version: number;
  /** The whole text, which is put together when it is asked for: `slice` and `length` are cheaper after a keystroke. */
  readonly text: string;
  /** Of the text, in UTF-16 code units. */
  readonly length: number;
  /** The text of `[start, end)`, offsets in UTF-16 code units. */
  slice(start: number, end: number): string;
  /** In order of position. */
  readonly forms: readonly TopLevelForm[];
  readonly problems: readonly SyntaxProblem[];
  /** Offsets of positions and back; a position past a line's or the text's end is clamped, one inside a surrogate pair goes to the pair's start. */
  offsetAt(position: Position, encoding: PositionEncoding): number;
  positionAt(offset: number, encoding: PositionEncoding): Position;
  rangeOf(span: Span, encoding: PositionEncoding): Range;
  /** The top-level form whose span holds the offset or touches it (the one that starts there wins); undefined between forms. */
  formAt(offset: number): TopLevelForm | undefined;
  /** The last top-level form that starts before the offset: where the form is still being written, the offset may belong to it. */
  lastFormBefore(offset: number): TopLevelForm | undefined;
  /** The package in effect at an offset; undefined before any in-package. */
  packageAt(offset: number): string | undefined;
  /** The reader tree, for features: nodes that nest, lists and atoms alike. */
  readonly root: SyntaxNode;
  /** The nodes that hold an offset, or end there where none does, from the top-level one inwards. Only what stands around it is parsed. */
  nodesAt(offset: number): readonly SyntaxNode[];
  /**
   * Resolves when forms and problems answer without delay, and definitions too unless `what` says that forms are enough. A large text
   * is worked on in slices, so that the event loop goes on; whoever asks before has to wait for all of it.
   */
  ready(what?: 'forms' | 'definitions'): Promise<void>;
}

/** A node of the reader tree, independent of the grammar's own special cases. */
export interface SyntaxNode {
  /**
   * Named after the grammar's node: "source", "list_lit", "sym_lit", "package_lit" (`a:b`), "kwd_lit", "uninterned_lit" (`#:a`), "nil_lit", "str_lit",
   * "num_lit", "char_lit", "comment", "block_comment", "quoting_lit", "syn_quoting_lit", "unquoting_lit", "unquote_splicing_lit", "var_quoting_lit" (`#'`),
   * "evaling_lit" (`#.`), "vec_lit" (holds a list_lit), "include_reader_macro" (condition, target), "dispatch_lit" (any other dispatch macro), "ERROR", …
   * Symbols, numbers, strings, characters and comments have no children; nor has what is nested more than 1,000 deep.
   */
  readonly type: string;
  readonly span: Span;
  /** Named children in order; comments included. */
  readonly children: readonly SyntaxNode[];
}
