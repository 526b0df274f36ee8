// Turns tree-sitter-commonlisp's published grammar (src/grammar.json) into one that knows only what the Lisp reader knows.
// The rules for defun, loop and format directives go: what a form is, is read from the tree afterwards. Names stay where the
// meaning is the same, so that queries written for the published grammar go on working; kwd_lit and package_lit have no children here.

// The five white-space characters of SBCL's standard readtable; every other character that is no macro character is a constituent.
const WS = ' \\t\\n\\f\\r';
const ESCAPE = '\\\\(.|\\n)';
const MULTIPLE_ESCAPE = '\\|([^|\\\\]|\\\\(.|\\n))*\\|';
/** One unit of a token: a constituent (none of the characters in `but`) or an escape. */
const unit = but => `([^${WS}()"'\`,;\\\\|${but}]|${ESCAPE}|${MULTIPLE_ESCAPE})`;
const START = unit('#:');
const BODY = unit(':');
const ANY = unit('');
const STRING = '"([^"\\\\]|\\\\(.|\\n))*"';
// What may stand after `#` and its digits without being one of the standard dispatch macros below.
const UNKNOWN = `[^${WS}()"'\`,;\\\\|:+*.#=0-9bBoOxXcCpPsSaArR-]`;

const pattern = value => ({ type: 'PATTERN', value });
const string = value => ({ type: 'STRING', value });
const symbol = name => ({ type: 'SYMBOL', name });
const seq = (...members) => ({ type: 'SEQ', members });
const choice = (...members) => ({ type: 'CHOICE', members });
const optional = content => choice(content, { type: 'BLANK' });
const repeat = content => ({ type: 'REPEAT', content });
const token = content => ({ type: 'TOKEN', content });
const immediate = content => ({ type: 'IMMEDIATE_TOKEN', content });
const field = (name, content) => ({ type: 'FIELD', name, content });
const alias = (content, value) => ({ type: 'ALIAS', content, named: true, value });
const form = symbol('_form');
const marked = marker => seq(field('marker', marker), field('value', form));

const NUMBER = [
  '[+-]?[0-9]+\\.?',
  '[+-]?[0-9]+/[0-9]+',
  '[+-]?[0-9]*\\.[0-9]+([eEsSfFdDlL][+-]?[0-9]+)?',
  '[+-]?[0-9]+(\\.[0-9]*)?[eEsSfFdDlL][+-]?[0-9]+',
  `#[bBoOxX]${ANY}+`,
  `#[0-9]+[rR]${ANY}+`,
].join('|');

const replaced = {
  source: repeat(form),
  // A carriage return before the newline is not part of the comment. `#! /` starts a script's first line.
  comment: token(pattern('(;|#! */)([^\\n\\r]|\\r+[^\\n\\r])*')),
  // No precedence here: it would count for more than length and cut 64bit in two. What is listed first wins among equals.
  num_lit: token(pattern(NUMBER)),
  nil_lit: token(pattern('[nN][iI][lL]')),
  sym_lit: token(pattern(`${START}${BODY}*`)),
  // One token each, without children: between two tokens a comment may stand, as in `a #|b|#:c`, which is no package_lit.
  kwd_lit: token(pattern(`:+${ANY}*`)),
  package_lit: token(pattern(`${START}${BODY}*:+${ANY}*`)),
  uninterned_lit: token(pattern(`#[0-9]*:${ANY}*`)),
  str_lit: token(pattern(STRING)),
  char_lit: token(pattern(`#[0-9]*\\\\(.|\\n)${ANY}*`)),
  list_lit: seq(field('open', string('(')), repeat(field('value', form)), field('close', string(')'))),
  _immediate_list: seq(
    field('open', immediate(string('('))),
    repeat(field('value', form)),
    field('close', string(')')),
  ),
  vec_lit: choice(
    seq(field('open', token(pattern('#[0-9]*'))), alias(symbol('_immediate_list'), 'list_lit')),
    seq(field('open', token(pattern('#[0-9]*[aA]'))), field('value', form)),
    token(pattern(`#[0-9]*\\*${ANY}*`)),
  ),
  quoting_lit: marked(string("'")),
  syn_quoting_lit: marked(string('`')),
  unquoting_lit: marked(string(',')),
  unquote_splicing_lit: marked(choice(string(',@'), string(',.'))),
  var_quoting_lit: marked(token(pattern("#[0-9]*'"))),
  evaling_lit: marked(token(pattern('#[0-9]*\\.'))),
  complex_num_lit: marked(token(pattern('#[0-9]*[cC]'))),
  path_lit: marked(token(pattern('#[0-9]*[pP]'))),
  struct_lit: marked(token(pattern('#[0-9]*[sS]'))),
  dis_expr: marked(token(pattern('#[0-9]*;'))),
  include_reader_macro: seq(
    field('marker', choice(string('#+'), string('#-'))),
    field('condition', form),
    field('target', form),
  ),
  self_referential_reader_macro: choice(
    token(pattern('#[0-9]+#')),
    seq(token(pattern('#[0-9]+=')), field('value', form)),
  ),
  // A dispatch macro that the standard leaves to the user: what stands right behind it belongs to it, and nothing after a space.
  dispatch_lit: choice(
    seq(
      token(pattern(`#[0-9]*${UNKNOWN}`)),
      optional(
        choice(alias(immediate(pattern(STRING)), 'str_lit'), alias(symbol('_immediate_list'), 'list_lit')),
      ),
    ),
    seq(token(pattern(`#[0-9]*${UNKNOWN}${ANY}+`)), optional(alias(immediate(pattern(STRING)), 'str_lit'))),
    // a radix whose number stands apart
    seq(token(pattern('#[0-9]*[bBoOxXrR]')), form),
    seq(token(pattern('#[0-9]*[`,]')), form),
    token(pattern(`#[0-9]*${STRING}#?`)),
    token(pattern('##|#=')),
  ),
};

const forms = [
  'num_lit',
  'nil_lit',
  'sym_lit',
  'kwd_lit',
  'package_lit',
  'uninterned_lit',
  'str_lit',
  'char_lit',
  'list_lit',
  'vec_lit',
  'quoting_lit',
  'syn_quoting_lit',
  'unquoting_lit',
  'unquote_splicing_lit',
  'var_quoting_lit',
  'evaling_lit',
  'complex_num_lit',
  'path_lit',
  'struct_lit',
  'dis_expr',
  'include_reader_macro',
  'self_referential_reader_macro',
  'dispatch_lit',
];

/** @param published the parsed src/grammar.json of tree-sitter-commonlisp 0.4.1; @returns a new grammar, the argument is left alone. */
export function transform(published) {
  const added = ['uninterned_lit', '_immediate_list', 'struct_lit', 'dispatch_lit'];
  for (const name of Object.keys(replaced))
    if (!added.includes(name) && !(name in published.rules))
      throw new Error(
        `the published grammar has no rule ${name}: this transformation is for another version`,
      );
  const { source, ...others } = replaced;
  return {
    ...published,
    rules: { source, _form: choice(...forms.map(symbol)), ...others },
    // White space is a bare pattern: only then does it keep an immediate token from matching.
    extras: [pattern(`[${WS}]`), symbol('comment'), symbol('block_comment')],
    externals: [symbol('block_comment')],
    conflicts: [],
    inline: [],
    supertypes: [],
    precedences: [],
  };
}
