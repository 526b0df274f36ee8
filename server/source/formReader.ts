/** Follows brackets and prefixes over the tokens of a stretch of text: which top-level forms there are, and what is wrong. */
import type { Lexer } from './lexer.ts';

/** A top-level form; offsets as the tokens' own. */
export interface FormSpan {
  readonly start: number;
  readonly end: number;
  /** It starts with `#+` or `#-`. */
  readonly guarded: boolean;
  /** It is cut short, or what stands in it or right behind it does not read. */
  broken: boolean;
}

export type FaultCode =
  | 'unmatched-open'
  | 'unmatched-close'
  | 'unterminated-string'
  | 'unterminated-symbol'
  | 'unterminated-comment'
  | 'missing-object'
  | 'illegal-dispatch';

export interface Fault {
  readonly code: FaultCode;
  readonly start: number;
  readonly end: number;
  /** Where the top-level form begins that holds the fault. */
  readonly form: number;
}

/** Changes that make a stretch with faults readable, so that its tree shows what is meant. */
export interface Mending {
  /** Tokens to blank out. */
  readonly blanks: readonly { readonly start: number; readonly end: number }[];
  /** To be put behind the end. */
  readonly closers: string;
}

interface Frame {
  readonly start: number;
  readonly end: number;
  /** 0 for a bracket, else how many objects a prefix still wants. */
  wants: number;
  readonly guard: boolean;
}

export class FormReader {
  readonly forms: FormSpan[] = [];
  readonly faults: Fault[] = [];
  /** Brackets opened less brackets closed, and the least that this was on the way. */
  net = 0;
  least = 0;
  /** Brackets open at this point. */
  depth = 0;
  /** It may hold an IN-PACKAGE. */
  mentionsPackage = false;
  private readonly blanks: { start: number; end: number }[] = [];
  private closers = '';
  private readonly stack: Frame[] = [];
  private formStart = 0;
  private guarded = false;
  /** The form being read has a fault. */
  private damaged = false;
  private lastEnd = 0;
  private stray = false;

  /** Between two top-level forms. */
  get idle(): boolean {
    return this.stack.length === 0;
  }

  /** The token before was a prefix that wants an object. */
  get prefixed(): boolean {
    const top = this.stack.at(-1);
    return top !== undefined && top.wants > 0;
  }

  /** The feature expression of a reader conditional was read, and what it guards comes next. */
  get guards(): boolean {
    const top = this.stack.at(-1);
    return top !== undefined && top.guard && top.wants === 1;
  }

  feed(token: Lexer): void {
    const { kind, start, end } = token;
    if (kind === 'comment') return;
    if (kind === 'block-comment') {
      if (token.unterminated) this.unterminated(token, 'unterminated-comment', undefined);
      return;
    }
    if (this.idle && kind !== 'close') {
      this.formStart = start;
      this.guarded = kind === 'guard';
      this.damaged = false;
    }
    this.lastEnd = end;
    switch (kind) {
      case 'open':
        this.net++;
        this.depth++;
        this.stack.push({ start, end, wants: 0, guard: false });
        break;
      case 'close':
        this.net--;
        if (this.net < this.least) this.least = this.net;
        this.close(start, end);
        break;
      case 'prefix':
        this.stack.push({ start, end, wants: 1, guard: false });
        break;
      case 'guard':
        this.stack.push({ start, end, wants: 2, guard: true });
        break;
      case 'illegal':
        this.fault('illegal-dispatch', start, Math.max(end, start + 1), this.idle ? start : this.formStart);
        this.blanks.push({ start, end });
        this.damaged = true;
        this.stray ||= this.idle;
        break;
      case 'string':
      case 'token':
      case 'character':
        if (token.unterminated)
          if (kind === 'string') this.unterminated(token, 'unterminated-string', '"');
          else this.unterminated(token, 'unterminated-symbol', '|');
        if (kind === 'token' && end - start >= IN_PACKAGE.length && endsInPackage(token))
          this.mentionsPackage = true;
        this.object(end);
        break;
    }
  }

  /** Ends the stretch at `end`, within which everything must be closed; a fault that explains the rest stands alone. */
  finish(): void {
    // Something that belongs to no form: which of the forms around it was meant to hold it cannot be told.
    if (this.stray) for (const form of this.forms) form.broken = true;
    if (this.idle) return;
    const open = this.stack.findLast(frame => frame.wants === 0);
    const top = this.stack.at(-1)!;
    const explained = this.faults.some(fault => fault.code.startsWith('unterminated'));
    if (open && !explained) this.fault('unmatched-open', open.start, open.end, this.formStart);
    else if (!open && !explained) this.fault('missing-object', top.start, top.end, this.formStart);
    let bracketAbove = false;
    for (const frame of this.stack.toReversed()) {
      if (frame.wants === 0) {
        this.closers += ')';
        bracketAbove = true;
      } else if (!bracketAbove || frame.wants === 2) this.blanks.push({ start: frame.start, end: frame.end });
    }
    this.forms.push({ start: this.formStart, end: this.lastEnd, guarded: this.guarded, broken: true });
    this.stack.length = 0;
    this.depth = 0;
  }

  /** What to do so that the stretch reads; undefined where nothing is wrong. */
  get mending(): Mending | undefined {
    return this.faults.length > 0 ? { blanks: this.blanks, closers: this.closers } : undefined;
  }

  private fault(code: FaultCode, start: number, end: number, form: number): void {
    this.faults.push({ code, start, end, form });
  }

  private unterminated(token: Lexer, code: FaultCode, closer: string | undefined): void {
    this.fault(
      code,
      token.start,
      Math.min(token.end, token.start + 1),
      this.idle ? token.start : this.formStart,
    );
    this.damaged = true;
    if (closer === undefined || (closer === '|' && !endsInBar(token)))
      this.blanks.push({ start: token.start, end: token.end });
    // behind a lone backslash stands a character first
    else this.closers = (endsInEscape(token) ? ' ' : '') + closer;
  }

  private close(start: number, end: number): void {
    while (this.stack.length > 0 && this.stack.at(-1)!.wants > 0) {
      const frame = this.stack.pop()!;
      this.fault('missing-object', frame.start, frame.end, this.formStart);
      this.blanks.push({ start: frame.start, end: frame.end });
      this.damaged = true;
    }
    if (this.stack.length === 0) {
      this.fault('unmatched-close', start, end, this.forms.at(-1)?.start ?? start);
      this.blanks.push({ start, end });
      this.stray = true;
      return;
    }
    this.stack.pop();
    this.depth--;
    this.object(end);
  }

  private object(end: number): void {
    for (let top = this.stack.at(-1); top && top.wants > 0; top = this.stack.at(-1)) {
      if (--top.wants > 0) return;
      this.stack.pop();
    }
    if (this.stack.length === 0)
      this.forms.push({ start: this.formStart, end, guarded: this.guarded, broken: this.damaged });
  }
}

const IN_PACKAGE = 'in-package';

/** Whether a token ends in IN-PACKAGE, perhaps within bars. */
function endsInPackage({ text, start, end }: Lexer): boolean {
  const last = text.charCodeAt(end - 1) | 0x20;
  if (last !== 0x65 && last !== 0x7c) return false;
  return text.slice(start, end).toLowerCase().replace(/\|$/, '').endsWith(IN_PACKAGE);
}

/** Whether an unterminated symbol ends inside `|…|` (and not behind a lone backslash). */
function endsInBar(token: Lexer): boolean {
  let inside = false;
  for (let i = token.start; i < token.end; i++) {
    const c = token.text[i];
    if (c === '\\') i++;
    else if (c === '|') inside = !inside;
  }
  return inside;
}

function endsInEscape(token: Lexer): boolean {
  let i = token.end;
  while (i > token.start && token.text[i - 1] === '\\') i--;
  return (token.end - i) % 2 === 1;
}
