import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../server/arguments.ts';
import type { HotlispError } from '../../server/errors.ts';
import { catalogue, operationNamed } from '../../server/operations/catalogue.ts';

const parse = (name: string, ...args: unknown[]) => parseArguments(operationNamed(name)!, args);

function failure(work: () => unknown): HotlispError {
  try {
    work();
  } catch (error) {
    return error as HotlispError;
  }
  throw new Error('it did not fail');
}

describe('arguments of commands', () => {
  it('may be spelled in snake_case or kebab-case', () => {
    const expected = { args: { function: 'f', new_code: '(defun f ())' }, background: false };
    expect(parse('code_replace_function', { function: 'f', new_code: '(defun f ())' })).toEqual(expected);
    expect(parse('code_replace_function', { function: 'f', 'new-code': '(defun f ())' })).toEqual(expected);
  });

  it('carry background apart', () => {
    expect(parse('repl_eval', { code: '1', background: true })).toEqual({
      args: { code: '1' },
      background: true,
    });
  });

  it('of a name that every object has, or nested without end, are refused by name', () => {
    const polluted: unknown = JSON.parse('{"code": "1", "__proto__": {"background": true}}');
    expect(failure(() => parse('repl_eval', polluted))).toMatchObject({
      kind: 'invalid-arguments',
      details: { path: '__proto__' },
    });
    expect(failure(() => parse('repl_eval', { code: '1', constructor: 1 })).details['path']).toBe(
      'constructor',
    );
    let deep: unknown = 1;
    for (let n = 0; n < 10_000; n++) deep = n % 2 ? [deep] : { deep };
    expect(failure(() => parse('request_approval', { operation: 'eval', details: deep })).message).toMatch(
      /nested deeper than 200 levels/,
    );
  });

  it('may be left out where nothing is required', () => {
    expect(parse('image_status')).toEqual({ args: {}, background: false });
    expect(parse('thread_list', {})).toEqual({ args: {}, background: false });
  });

  const wrong: [string, unknown[], string][] = [
    ['repl_eval', [{}], 'code'],
    ['repl_eval', [{ code: 3 }], 'code'],
    ['repl_eval', [{ code: '1', pakage: 'X' }], 'pakage'],
    ['repl_eval', [{ code: '1' }, {}], ''],
    ['repl_eval', ['1'], ''],
    ['repl_eval', [[]], ''],
    ['repl_eval', [null], ''],
    ['repl_eval', [{ code: '1', background: 'yes' }], 'background'],
    ['reload_form', [{ uri: 'file:///a', position: { line: -1, character: 0 } }], 'position.line'],
    [
      'reload_form',
      [{ uri: 'file:///a', position: { line: 0, character: 0, column: 1 } }],
      'position.column',
    ],
    ['reload_file', [{}], 'uri'],
    ['code_replace_function', [{ function: 'f', new_code: 'x', 'new-code': 'y' }], 'new-code'],
    ['request_approval', [{ operation: 'everything' }], 'operation'],
    ['history', [{ limit: 0 }], 'limit'],
    ['outcome', [{ request: 1.5 }], 'request'],
  ];
  it.each(wrong)('%s %j is refused with the path %j', (name, args, path) => {
    const error = failure(() => parse(name, ...args));
    expect(error).toMatchObject({ kind: 'invalid-arguments', details: { path } });
    expect(error.message).toContain(`hotlisp.${name}`);
  });

  const said: [string, Record<string, unknown>, RegExp][] = [
    ['repl_eval', {}, /code is missing; it is a string\.$/],
    ['repl_eval', { code: 3 }, /code must be a string\.$/],
    ['code_reload_system', { system: '' }, /system must not be empty\.$/],
    ['code_reload_system', { system: 'a', force: 'some' }, /force must be true, false or "all"\.$/],
    ['request_approval', { operation: 'x' }, /operation must be "compile-file" or "modify-running-code" or/],
    ['history', { limit: 0 }, /limit must be more than 0\.$/],
    ['code_replace_function', { function: 'f', 'new-code': 1 }, /new-code must be a string\.$/],
    [
      'rollback',
      { id: 'x' },
      /id is not an argument of this command; it takes transaction and background\.$/,
    ],
    ['image_status', { x: 1 }, /x is not an argument of this command; it takes none but background\.$/],
  ];
  it.each(said)('of %s %j are refused in words that say what to give instead', (name, args, message) => {
    expect(failure(() => parse(name, args)).message).toMatch(message);
  });

  it('every operation has a name of its own, a title and a sentence about it', () => {
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
    for (const { name, title, documentation } of catalogue) {
      expect(name).toMatch(/^[a-z][a-z_]*$/);
      expect(title).not.toBe('');
      expect(documentation).toMatch(/[.:]$/);
    }
  });
});
