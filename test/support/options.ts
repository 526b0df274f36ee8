/** Options of the programs that `npm run` starts: numbers and words with defaults, flags, and a text for --help. */
import { parseArgs } from 'node:util';

/**
 * What was given, by the names and types of `defaults`. With --help it prints `help` and ends the process; so it does, with exit code 2 and
 * the reason, for an option that is not known or whose number is none.
 */
export function optionsOf<T extends Record<string, string | number | boolean>>(
  help: string,
  defaults: T,
): { [K in keyof T]: T[K] extends number ? number : T[K] extends boolean ? boolean : string } {
  const refuse = (why: string): never => {
    process.stderr.write(`${why}\n${help}`);
    process.exit(2);
  };
  const given = (() => {
    try {
      return parseArgs({
        options: {
          help: { type: 'boolean', default: false },
          ...Object.fromEntries(
            Object.entries(defaults).map(([name, value]) => [
              name,
              { type: typeof value === 'boolean' ? ('boolean' as const) : ('string' as const) },
            ]),
          ),
        },
      }).values as Record<string, string | boolean | undefined>;
    } catch (error) {
      return refuse((error as Error).message);
    }
  })();
  if (given['help'] === true) {
    process.stdout.write(help);
    process.exit(0);
  }
  const values = Object.entries(defaults).map(([name, value]) => {
    const word = given[name];
    if (word === undefined || typeof value !== 'number') return [name, word ?? value];
    const number = Number(word);
    return [
      name,
      Number.isFinite(number) && number >= 0 && word !== ''
        ? number
        : refuse(`--${name} takes a number, not ${String(word)}`),
    ];
  });
  return Object.fromEntries(values) as ReturnType<typeof optionsOf<T>>;
}
