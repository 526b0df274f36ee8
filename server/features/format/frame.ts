/** What is known of the lists around a place while a text is walked over. Columns and lines are 0-based; columns count character cells. */
import type { Arguments, Spec } from './spec.ts';

export type ElementKind = 'list' | 'symbol' | 'keyword' | 'other';

/** An element of a list, with the marks and reader conditionals before it. */
export interface Element {
  /** Where it starts, as it will stand. */
  readonly column: number;
  readonly line: number;
  /** Nothing but white space stands before it in its line. */
  readonly first: boolean;
  /** Of a symbol or keyword: as written, in lower case. */
  text: string;
  kind: ElementKind;
  /** It stands behind `#+` or `#-`. */
  readonly guarded: boolean;
  /** The column behind it, where it ends in the line in which it starts. */
  end: number;
  /** How many arguments come before it; alternatives by reader conditionals count as one. */
  readonly position: number;
}

export type Layout =
  | { readonly type: 'call'; readonly spec: Spec | undefined; readonly defining: boolean }
  /** A part of a form, such as a binding or a clause: what stands first in it is no operator. */
  | { readonly type: 'part'; readonly inside: Arguments; readonly clause: boolean }
  | { readonly type: 'lambda-list' }
  /** `spec`: what would hold if its first element were an operator. */
  | { readonly type: 'data'; readonly spec?: Spec | undefined };

/** What the list that holds it makes of a list; `quoted`: what stands in one is `data`. */
export type Role =
  'form' | 'quoted' | 'data' | 'lambda-list' | 'perhaps-lambda-list' | 'parameter' | PartRole;

export interface PartRole {
  readonly inside: Arguments;
  /** One of several with a body each, as in CASE. */
  readonly clause: boolean;
  /** Only a lambda list, or a name, tells that there is a part: the place may be a form's all the same. */
  readonly guessed?: boolean | undefined;
}

export class Frame {
  readonly elements: Element[] = [];
  /** The last element that is the first in its line. */
  lastFirst: Element | undefined;
  /** How many objects the last element still lacks. */
  wants = 0;
  layout: Layout | undefined;
  /** A comment stands behind the last element in its line. */
  commented = false;
  /** Operators that are local macros in what follows. */
  macros: ReadonlyMap<string, Spec> | undefined;

  constructor(
    readonly parent: Frame | undefined,
    /** The column of the bracket, and the line it stands in. */
    readonly open: number,
    readonly line: number,
    /** By how many columns that line was moved. */
    readonly shift: number,
    readonly role: Role,
    /** The offset behind its bracket. */
    readonly start: number,
  ) {
    this.macros = parent?.macros;
  }

  get head(): Element | undefined {
    return this.elements[0];
  }

  get last(): Element | undefined {
    return this.elements[this.elements.length - 1];
  }

  /** The position of the element that comes next. */
  nextPosition(guarded: boolean): number {
    const { last } = this;
    if (!last) return 0;
    return guarded && last.guarded ? last.position : last.position + 1;
  }
}

/** What stands first in a line. */
export interface Token {
  readonly kind: ElementKind | 'close' | 'comment' | 'blank';
  /** Of a symbol or keyword: as written, in lower case. */
  readonly text: string;
  readonly guarded: boolean;
}

export interface Choice {
  readonly column: number;
  /** Columns that other styles of Emacs and SLIME give; text that stands there stays. */
  readonly also: readonly number[];
}

/** A symbol's name without its package prefix. */
export const bareName = (text: string): string => text.replace(/^[^|:]+::?(?=.)/, '');
