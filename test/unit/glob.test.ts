/** Patterns of file names in settings. */
import { describe, expect, it } from 'vitest';
import { globPattern } from '../../server/glob.ts';

const matching: Readonly<Record<string, readonly string[]>> = {
  '*.lisp': ['/a/b.lisp', '/b.lisp'],
  'src/*.lisp': ['/p/src/a.lisp'],
  'src/**/*.lisp': ['/p/src/x/y/a.lisp', '/p/src/a.lisp'],
  '/p/*.lisp': ['/p/a.lisp'],
  '{a,{b,c}}.lisp': ['/x/a.lisp', '/x/b.lisp', '/c.lisp'],
  '[!ab]?op.lisp': ['/x/shop.lisp'],
  '[].lisp': ['/x/[].lisp'],
  '[z-a].lisp': ['/x/[z-a].lisp'],
  '{{a}.l+sp': ['/x/{a.l+sp'],
  '[a.lisp': ['/x/[a.lisp'],
  '𝔩?.lisp': ['/x/𝔩𝔩.lisp'],
};
const others: Readonly<Record<string, readonly string[]>> = {
  '*.lisp': ['/a/b.lispx', '/a/b.cl'],
  'src/*.lisp': ['/p/src/x/a.lisp', '/p/mysrc/a.lisp'],
  '/p/*.lisp': ['/q/p/a.lisp'],
  '{a,b}.lisp': ['/x/c.lisp', '/x/{a,b}.lisp'],
  '[!ab].lisp': ['/x/a.lisp', '/x//.lisp'],
  'a.lisp': ['/x/aXlisp'],
};

describe('a pattern', () => {
  it.each(Object.entries(matching))('%s matches the end of a path, name by name', (glob, paths) => {
    expect(paths.filter(path => !globPattern(glob).test(path))).toEqual([]);
  });

  it.each(Object.entries(others))('%s does not match other paths', (glob, paths) => {
    expect(paths.filter(path => globPattern(glob).test(path))).toEqual([]);
  });
});
