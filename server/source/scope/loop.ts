/** LOOP and ITERATE. */
import type { RawNode } from '../parser.ts';
import { pattern, scopeFrom } from './lambdaLists.ts';
import { Env } from './model.ts';
import type { Form, Handler, Walker } from './walker.ts';

const ACCUMULATING =
  /^(?:COLLECT|APPEND|NCONC)(?:ING)?$|^(?:COUNT|SUM)(?:M?ING)?$|^(?:COUNTING|MAXIMIZ(?:E|ING)|MINIMIZ(?:E|ING))$/;
/** Behind these stands one form. */
const TAKING: ReadonlySet<string> = new Set([
  'WHILE',
  'UNTIL',
  'ALWAYS',
  'NEVER',
  'THEREIS',
  'REPEAT',
  'RETURN',
  'WHEN',
  'IF',
  'UNLESS',
]);
const BODY: ReadonlySet<string> = new Set(['DO', 'DOING', 'INITIALLY', 'FINALLY']);
const SIMPLE_TYPES: ReadonlySet<string> = new Set(['FIXNUM', 'FLOAT', 'T', 'NIL']);
/** In an iteration clause; the form behind the latter ones sees the variable. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set([
  'IN',
  'ON',
  'ACROSS',
  'FROM',
  'UPFROM',
  'DOWNFROM',
  'TO',
  'UPTO',
  'DOWNTO',
  'BELOW',
  'ABOVE',
  'BY',
  'OF',
]);
const FROM_INSIDE: ReadonlySet<string> = new Set(['=', 'THEN']);
const FILLING: ReadonlySet<string> = new Set(['BEING', 'THE', 'EACH']);

/** Reads the clauses of one LOOP from left to right. */
class LoopReader {
  private at = 0;
  private readonly env: Env;

  constructor(
    private readonly w: Walker,
    private readonly form: Form,
    outer: Env,
  ) {
    this.env = new Env(outer);
  }

  private get node(): RawNode | undefined {
    return this.form.args[this.at];
  }

  private get keyword(): string {
    return this.w.word(this.node) ?? '';
  }

  private clause(): void {
    if (this.node) this.w.each(this.node, each => this.w.note(each, 'clause'));
    this.at++;
  }

  private expression(env = this.env): void {
    this.w.expression(this.form.args[this.at++], env);
  }

  read(): void {
    const { w, form } = this;
    // a sum may be looked at before the clause that names it
    form.args.forEach((node, i) => {
      const next = form.args[i + 1];
      if (w.word(node) === 'INTO' && w.symbol(next))
        w.bind(this.env, 'variable', next, form, { start: form.node.start, end: form.node.end });
    });
    let last: 'iteration' | 'with' | 'other' = 'other';
    while (this.node) {
      const word = this.keyword;
      if (word === 'NAMED') {
        this.clause();
        w.bind(this.env, 'block', this.node, form, { start: form.node.start, end: form.node.end });
        this.at++;
      } else if (word === 'FOR' || word === 'AS' || (word === 'AND' && last === 'iteration')) {
        this.clause();
        this.iteration();
        last = 'iteration';
      } else if (word === 'WITH' || (word === 'AND' && last === 'with')) {
        this.clause();
        this.with();
        last = 'with';
      } else {
        last = 'other';
        this.other(word);
      }
    }
  }

  private other(word: string): void {
    if (BODY.has(word)) {
      this.clause();
      while (this.node && this.w.word(this.node) === undefined) this.expression();
    } else if (TAKING.has(word)) {
      this.clause();
      this.value();
    } else if (ACCUMULATING.test(word)) {
      this.clause();
      this.value();
      if (this.keyword === 'INTO') {
        this.clause();
        this.at++; // bound before
      }
      this.type();
    } else if (word === 'ELSE' || word === 'END' || word === 'AND') this.clause();
    else this.expression();
  }

  /** A form, or IT. */
  private value(): void {
    if (this.keyword === 'IT' && !this.env.find('v', 'IT')) this.clause();
    else this.expression();
  }

  private type(): void {
    if (this.keyword === 'OF-TYPE') {
      this.clause();
      this.w.type(this.form.args[this.at++], this.env);
    } else if (SIMPLE_TYPES.has(this.keyword)) this.w.type(this.form.args[this.at++], this.env);
  }

  private with(): void {
    const variable = this.node;
    this.at++;
    this.type();
    if (this.keyword === '=') {
      this.clause();
      this.expression();
    }
    this.bind(variable);
  }

  private iteration(): void {
    const variable = this.node;
    let bound = false;
    const bind = () => {
      if (!bound) this.bind(variable);
      bound = true;
    };
    this.at++;
    this.type();
    for (;;) {
      const word = this.keyword;
      if (FROM_INSIDE.has(word)) {
        bind();
        this.clause();
        this.expression();
      } else if (FROM_OUTSIDE.has(word)) {
        this.clause();
        this.expression();
      } else if (FILLING.has(word)) this.clause();
      else if (/^(?:HASH-|(?:PRESENT-|EXTERNAL-)?SYMBOLS?$|RECORDS?$|TUPLES?$)/.test(word)) this.clause();
      else if (word === 'USING') {
        this.clause();
        const [kind, other] = this.w.objects(this.node);
        if (kind) this.w.note(kind, 'clause');
        this.bind(other);
        this.at++;
      } else break;
    }
    bind();
  }

  private bind(variable: RawNode | undefined): void {
    if (variable) pattern(this.w, variable, this.env, this.form, scopeFrom(variable, this.form));
  }
}

export const loop: Handler = (w, form, env) => {
  if (w.word(form.args[0]) === undefined) w.expressions(form.args, env);
  else new LoopReader(w, form, env).read();
};

const DRIVERS: ReadonlySet<string> = new Set(['FOR', 'AS', 'GENERATE', 'GENERATING', 'WITH', 'INITIALIZING']);
const CLAUSES: ReadonlySet<string> = new Set([
  ...DRIVERS,
  'COLLECT',
  'COLLECTING',
  'ADJOINING',
  'APPENDING',
  'NCONCING',
  'UNIONING',
  'NUNIONING',
  'ACCUMULATE',
  'ACCUMULATING',
  'SUM',
  'SUMMING',
  'MULTIPLY',
  'MULTIPLYING',
  'COUNTING',
  'MAXIMIZE',
  'MAXIMIZING',
  'MINIMIZE',
  'MINIMIZING',
  'REDUCING',
  'FINDING',
  'WHILE',
  'UNTIL',
  'REPEAT',
  'ALWAYS',
  'NEVER',
  'THEREIS',
  'FINALLY',
  'INITIALLY',
  'AFTER-EACH',
  'FIRST-TIME-P',
  'NEXT',
]);

/** ITERATE: its clauses are lists, anywhere in the body; their variables are seen by all of it. */
export const iterate: Handler = (w, form, env) => {
  const inner = new Env(env);
  const scope = { start: form.node.start, end: form.node.end };
  const named = w.symbol(form.args[0]) ? form.args[0] : undefined;
  if (named) w.bind(inner, 'block', named, form, scope);
  const clauses = new Set<RawNode>();
  const find = (node: RawNode): void => {
    if (node.type !== 'list_lit') return;
    const objects = w.objects(node);
    const word = w.symbol(objects[0])?.name ?? '';
    if (word === 'ITER' || word === 'ITERATE') return;
    if (CLAUSES.has(word)) clauses.add(node);
    if (DRIVERS.has(word) && objects[1]) pattern(w, variableOf(w, objects[1]), inner, form, scope);
    objects.forEach((each, i) => {
      if (w.word(each) === 'INTO' && CLAUSES.has(word) && objects[i + 1])
        pattern(w, variableOf(w, objects[i + 1]!), inner, form, scope);
      else find(each);
    });
  };
  const body = named ? form.args.slice(1) : form.args;
  body.forEach(find);
  const walkClause = (node: RawNode): void => {
    const [head, ...rest] = w.objects(node);
    w.note(head!, 'clause', 'read', undefined, true);
    const driver = DRIVERS.has(w.symbol(head)?.name ?? '');
    rest.forEach((each, i) => {
      if (driver && i === 0) return;
      // words of a clause stand in every second place
      const word = w.word(each);
      if (i % 2 === 1 && word !== undefined) return w.note(each, 'clause');
      if (i > 0 && w.word(rest[i - 1]) === 'INTO') return;
      visit(each);
    });
  };
  /** Clauses are told apart at the top of the body, and in the conditionals there. */
  const visit = (node: RawNode): void =>
    w.each(node, each => {
      if (clauses.has(each)) return walkClause(each);
      const head = w.symbol(each.type === 'list_lit' ? w.objects(each)[0] : undefined)?.name ?? '';
      if (!TRANSPARENT.has(head)) return w.body([each], inner);
      const [operator, ...parts] = w.objects(each);
      w.use(operator!, 'f', inner, 'read', true);
      parts.forEach(visit);
    });
  body.forEach(visit);
};

const TRANSPARENT: ReadonlySet<string> = new Set(['IF', 'WHEN', 'UNLESS', 'PROGN']);

/** `x`, or `(declared-type x)` as ITERATE writes `(the fixnum x)`. */
const variableOf = (w: Walker, node: RawNode): RawNode =>
  (w.symbol(w.objects(node)[0])?.name === 'THE' ? w.objects(node)[2] : undefined) ?? node;
