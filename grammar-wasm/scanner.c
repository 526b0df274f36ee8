// Block comments nest, which no regular expression can follow. The scanner keeps no state and needs no C library.
#include "tree_sitter/parser.h"

enum { BLOCK_COMMENT };

void *tree_sitter_commonlisp_external_scanner_create(void) { return 0; }
void tree_sitter_commonlisp_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_commonlisp_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload, (void)buffer;
  return 0;
}
void tree_sitter_commonlisp_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload, (void)buffer, (void)length;
}

static bool white(int32_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

// As SBCL reads #|: pairs do not overlap (in `#|#` the second # may begin a pair, in `|#|` the second | may not end one).
bool tree_sitter_commonlisp_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  if (!valid[BLOCK_COMMENT]) return false;
  while (white(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->lookahead != '#') return false;
  lexer->advance(lexer, false);
  while (lexer->lookahead >= '0' && lexer->lookahead <= '9') lexer->advance(lexer, false);
  if (lexer->lookahead != '|') return false;
  lexer->advance(lexer, false);
  int32_t before = 0;
  for (unsigned depth = 1; depth > 0;) {
    if (lexer->eof(lexer)) return false;
    int32_t c = lexer->lookahead;
    lexer->advance(lexer, false);
    if (before == '|' && c == '#') depth--, before = 0;
    else if (before == '#' && c == '|') depth++, before = 0;
    else before = c;
  }
  lexer->result_symbol = BLOCK_COMMENT;
  return true;
}
