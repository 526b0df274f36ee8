/** The command line of a spawned image. */
import os from 'node:os';
import path from 'node:path';
import { HotlispError } from '../errors.ts';

/**
 * Splits a command at white space; "double quotes" keep white space inside a word. A leading ~/ of the program is the home directory.
 * @throws HotlispError `no-image` when it is empty or a quote is not closed
 */
export function parseCommand(command: string, home = os.homedir()): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (const character of command) {
    if (character === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quoted)
    throw new HotlispError(
      'no-image',
      `The setting image.command has a double quote that is not closed: ${command}`,
    );
  if (word !== undefined) words.push(word);
  if (!words[0])
    throw new HotlispError(
      'no-image',
      'The setting image.command is empty: give the program that starts SBCL, for example "sbcl".',
    );
  if (words[0].startsWith('~/')) words[0] = path.join(home, words[0].slice(2));
  return words;
}

const lispString = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

export interface Bootstrap {
  readonly bootFile: string;
  readonly digest: string;
  readonly sourceFile: string;
  readonly socket: string;
  readonly token: string;
}

/**
 * The program's arguments: the user's own, then ours. Runtime options are known to SBCL only directly after its name, so they
 * are left out for a program that may be something in front of it.
 */
export function imageArguments(words: readonly string[], bootstrap: Bootstrap): string[] {
  const [program = '', ...own] = words;
  const isSbcl = /^sbcl[\d.]*$/.test(path.basename(program));
  return [
    // ldb would wait for input that never comes when the heap is exhausted.
    ...(isSbcl ? ['--noinform', '--disable-ldb'] : []),
    ...own,
    // An error in ~/.sbclrc or in the agent ends the process instead of waiting in a debugger that nobody sees.
    '--disable-debugger',
    '--eval',
    // Interpreted where SBCL can: compiling what runs once takes longer than starting SBCL.
    `(let ((sb-ext:*evaluator-mode* (if (find-package "SB-EVAL") :interpret :compile)))
       (load (sb-ext:parse-native-namestring ${lispString(bootstrap.bootFile)})))`,
    '--eval',
    `(hotlisp-boot:start-spawned :digest ${lispString(bootstrap.digest)} :source-file ${lispString(bootstrap.sourceFile)}
       :socket ${lispString(bootstrap.socket)} :token ${lispString(bootstrap.token)})`,
  ];
}
