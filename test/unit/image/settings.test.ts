import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../server/image/address.ts';
import { imageArguments, parseCommand } from '../../../server/image/command.ts';

describe('image.command', () => {
  it.each([
    ['sbcl', ['sbcl']],
    ['  sbcl --dynamic-space-size   4GB ', ['sbcl', '--dynamic-space-size', '4GB']],
    ['"/opt/my lisp/sbcl" --core "a b.core"', ['/opt/my lisp/sbcl', '--core', 'a b.core']],
    ['x"y z"w ""', ['xy zw', '']],
    ['~/bin/sbcl', ['/home/u/bin/sbcl']],
  ])('%j', (command, words) => expect(parseCommand(command, '/home/u')).toEqual(words));

  it.each([
    ['', /empty/],
    ['   ', /empty/],
    ['sbcl "x', /not closed/],
  ])('%j is refused by name', (command, why) => {
    expect(() => parseCommand(command)).toThrow(why);
    expect(() => parseCommand(command)).toThrow(/image\.command/);
  });

  const bootstrap = {
    bootFile: '/a "b"\\c/boot.lisp',
    digest: 'd',
    sourceFile: '/s',
    socket: '/k',
    token: 't',
  };

  it('keeps the user’s arguments, in front of what loads the agent', () => {
    const args = imageArguments(['qlot', 'exec', 'sbcl'], bootstrap);
    expect(args.slice(0, 3)).toEqual(['exec', 'sbcl', '--disable-debugger']);
    expect(args).not.toContain('--noinform');
  });

  it('gives runtime options where SBCL looks for them', () => {
    expect(imageArguments(['/usr/bin/sbcl', '--core', 'x'], bootstrap).slice(0, 4)).toEqual([
      '--noinform',
      '--disable-ldb',
      '--core',
      'x',
    ]);
  });

  it('quotes paths for the Lisp reader', () => {
    expect(imageArguments(['sbcl'], bootstrap).join(' ')).toContain('"/a \\"b\\"\\\\c/boot.lisp"');
  });
});

describe('image.address', () => {
  it.each([
    ['unix:/run/user/1/x y.sock', { type: 'unix', path: '/run/user/1/x y.sock' }],
    ['localhost:4005', { type: 'tcp', host: 'localhost', port: 4005 }],
    ['slynk:10.0.0.1:4005', { type: 'tcp', host: '10.0.0.1', port: 4005, server: 'slynk' }],
    ['swank:h:1', { type: 'tcp', host: 'h', port: 1, server: 'swank' }],
    ['[::1]:4005', { type: 'tcp', host: '::1', port: 4005 }],
  ])('%s', (text, address) => expect(parseAddress(text)).toEqual(address));

  it.each(['', 'localhost', ':4005', 'h:0', 'h:65536', 'h:x', '::1:4005', 'unix:relative.sock', 'unix:'])(
    '%j is refused by name',
    text => expect(() => parseAddress(text)).toThrow(/image\.address/),
  );
});
