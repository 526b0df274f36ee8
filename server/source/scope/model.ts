/** What the analysis of scopes finds in one top-level form: symbols, what each stands for, and the local bindings among them. */
import type { SymbolName } from '../symbols.ts';
import type { Span } from '../types.ts';

export type BindingKind = 'variable' | 'parameter' | 'symbol-macro' | 'function' | 'macro' | 'block' | 'tag';

/**
 * What a symbol stands for where it stands. "data": quoted, or part of a template and not unquoted. "lambda-keyword": `&key`.
 * "clause": a word of LOOP or of ITERATE. "declaration": the identifier of a declaration.
 */
export type Namespace =
  | 'variable'
  | 'function'
  | 'block'
  | 'tag'
  | 'type'
  | 'slot'
  | 'data'
  | 'lambda-keyword'
  | 'clause'
  | 'declaration';

/** "definition": the symbol is bound, or globally defined, here. */
export type Access = 'definition' | 'read' | 'write';

/** One symbol of the text. */
export interface Occurrence {
  /** The whole token, package prefix included. */
  readonly span: Span;
  readonly symbol: SymbolName;
  readonly namespace: Namespace;
  readonly access: Access;
  /** Undefined: it is no local thing. */
  readonly binding: Binding | undefined;
  /** It is the operator of the list that it begins. */
  readonly operator: boolean;
}

/** Something that a form binds for a part of itself. */
export interface Binding {
  /** As the reader interns it. */
  readonly name: string;
  readonly kind: BindingKind;
  /** The operator that binds it, lower-cased, without package prefix: "let", "loop", "defun". */
  readonly operator: string;
  /** The token that binds it. */
  readonly span: Span;
  /** Where code may use it, unless something inside shadows it. */
  readonly scope: Span;
  /** The definition first, then in order of position. */
  readonly occurrences: readonly Occurrence[];
  /** What kind of parameter, in upper case: "REQUIRED", "&OPTIONAL", "&KEY" … */
  readonly parameter?: string;
  /** The lambda list of a local function or macro. */
  readonly lambdaList?: Span;
  /**
   * The name means something else beside the variable: the keyword of a `&key` parameter, or the slot in WITH-SLOTS. To rename the
   * variable alone, the token at `span` becomes `(:name new)`, inside another pair of parentheses when `bare`; or `(name new)` of a slot.
   */
  readonly doubles?: { readonly as: 'keyword' | 'slot'; readonly bare: boolean };
  /** Taken for a binding because of the operator's name or of how the form looks. */
  readonly guessed?: boolean;
  /** The macro that is guessed about is given several names and no values: it may look something up by them. */
  readonly named?: boolean;
  /** Declared special: what is called may use it, too. */
  readonly special?: boolean;
}

/** A binding while its form is walked. */
export interface OpenBinding extends Binding {
  readonly occurrences: Occurrence[];
  special?: boolean;
}

/** What an analysis says; offsets as those of the nodes that it was given. */
export interface Analysis {
  /** In order of position. */
  readonly occurrences: readonly Occurrence[];
  /** In order of position. */
  readonly bindings: readonly Binding[];
}

/** The namespaces in which names are bound: variables, functions, blocks, tags. */
export type Space = 'v' | 'f' | 'b' | 't';

export const spaceOf: Readonly<Record<BindingKind, Space>> = {
  variable: 'v',
  parameter: 'v',
  'symbol-macro': 'v',
  function: 'f',
  macro: 'f',
  block: 'b',
  tag: 't',
};

/** The bindings in effect at a place. */
export class Env {
  readonly #own = new Map<string, OpenBinding>();
  /** Those of its own that `#frozen` does not have. */
  #fresh: [key: string, binding: OpenBinding][] = [];
  #frozen: Env | undefined;

  constructor(private readonly parent?: Env) {}

  /**
   * What is in effect now, for code that is walked later: what is bound in it, or around it, afterwards is not in it. Takes as long as
   * there is something new in it.
   */
  frozen(): Env {
    if (this.#frozen && this.#fresh.length === 0) return this.#frozen;
    const frozen = new Env(this.#frozen ?? this.parent?.frozen());
    for (const [key, binding] of this.#fresh) frozen.#own.set(key, binding);
    frozen.#frozen = frozen;
    this.#fresh = [];
    return (this.#frozen = frozen);
  }

  own(space: Space, name: string): OpenBinding | undefined {
    return this.#own.get(space + name);
  }

  find(space: Space, name: string): OpenBinding | undefined {
    const key = space + name;
    let binding = this.#own.get(key);
    for (let env = this.parent; !binding && env; env = env.parent) binding = env.#own.get(key);
    return binding;
  }

  set(space: Space, name: string, binding: OpenBinding): void {
    this.#own.set(space + name, binding);
    this.#fresh.push([space + name, binding]);
  }
}
