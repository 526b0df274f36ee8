/** Which symbol a name means, as far as the DEFPACKAGE forms of the workspace tell. */
import type { PackageForm } from './types.ts';

/** The package of text before any IN-PACKAGE, by convention. */
const INITIAL = 'COMMON-LISP-USER';
const STANDARD_NICKNAMES: Readonly<Record<string, string>> = { CL: 'COMMON-LISP', 'CL-USER': INITIAL };

interface Known {
  readonly uses: Set<string>;
  readonly reexports: Set<string>;
  readonly exports: Set<string>;
  readonly shadows: Set<string>;
  readonly imports: Map<string, string>;
  readonly localNicknames: Map<string, string>;
}

export class Packages {
  readonly #known = new Map<string, Known>();
  readonly #nicknames = new Map<string, string>();
  readonly #homes = new Map<string, string>();

  /** Several forms of one package add up. @param standard the external symbols of COMMON-LISP */
  constructor(
    forms: Iterable<PackageForm>,
    private readonly standard: ReadonlySet<string>,
  ) {
    for (const form of forms) {
      let known = this.#known.get(form.name);
      if (!known)
        this.#known.set(
          form.name,
          (known = {
            uses: new Set(),
            reexports: new Set(),
            exports: new Set(),
            shadows: new Set(),
            imports: new Map(),
            localNicknames: new Map(),
          }),
        );
      for (const each of form.nicknames) this.#nicknames.set(each, form.name);
      for (const each of form.uses) known.uses.add(each);
      for (const each of form.reexports) known.reexports.add(each);
      for (const each of form.exports) known.exports.add(each);
      for (const each of form.shadows) known.shadows.add(each);
      for (const [symbol, from] of form.imports) known.imports.set(symbol, from);
      for (const [nickname, actual] of form.localNicknames) known.localNicknames.set(nickname, actual);
    }
  }

  /** Whether a DEFPACKAGE of the workspace tells about it. */
  knows(name: string | null): boolean {
    return name !== null && this.#known.has(this.canonical(name));
  }

  /** The package that a name means, seen from the package in effect. */
  canonical(name: string, from?: string | null): string {
    const local =
      from === undefined || from === null
        ? undefined
        : this.#known.get(this.canonical(from))?.localNicknames.get(name);
    if (local !== undefined) return this.canonical(local);
    if (this.#known.has(name)) return name;
    return (
      this.#nicknames.get(name) ??
      (Object.hasOwn(STANDARD_NICKNAMES, name) ? STANDARD_NICKNAMES[name]! : name)
    );
  }

  /** The packages in which a name without a prefix means the symbol of that home, the home itself among them. */
  seeing(name: string, home: string): string[] {
    return [...new Set([home, ...this.#known.keys()])].filter(
      each => this.home(undefined, name, each) === home,
    );
  }

  /**
   * The package in which a symbol is at home.
   * @param prefix as written before the colon, "" of a keyword; undefined where there is none
   * @param inEffect the package in effect
   */
  home(prefix: string | undefined, name: string, inEffect: string | null): string {
    if (prefix === '') return 'KEYWORD';
    const start =
      prefix === undefined ? this.canonical(inEffect ?? INITIAL) : this.canonical(prefix, inEffect);
    const key = `${start}\t${name}`;
    let home = this.#homes.get(key);
    if (home === undefined) this.#homes.set(key, (home = this.#homeIn(start, name, new Set())));
    return home;
  }

  /** Names and nicknames, those local to a package among them, each with the package that it stands for. */
  names(inEffect: string | null): [name: string, actual: string][] {
    const local = inEffect === null ? undefined : this.#known.get(this.canonical(inEffect))?.localNicknames;
    return [
      ...[...(local ?? [])].map(([name, actual]): [string, string] => [name, this.canonical(actual)]),
      ...[...this.#known.keys()].map((name): [string, string] => [name, name]),
      ...this.#nicknames,
    ];
  }

  /** Whether a package exports a name; true where nothing is known of the package. */
  isExternal(packageName: string, name: string): boolean {
    return !this.#known.has(packageName) && packageName !== 'COMMON-LISP'
      ? true
      : this.#exports(packageName, name, new Set());
  }

  #homeIn(packageName: string, name: string, seen: Set<string>): string {
    if (seen.has(packageName)) return packageName;
    seen.add(packageName);
    const known = this.#known.get(packageName);
    if (!known)
      // What nothing is known of uses COMMON-LISP, as nearly every package does.
      return this.standard.has(name) ? 'COMMON-LISP' : packageName;
    if (known.shadows.has(name)) return packageName;
    const imported = known.imports.get(name);
    if (imported !== undefined) return this.#homeIn(this.canonical(imported, packageName), name, seen);
    for (const each of known.uses) {
      const used = this.canonical(each, packageName);
      if (this.#exports(used, name, new Set())) return this.#homeIn(used, name, seen);
    }
    return packageName;
  }

  /** The packages of the workspace that export a symbol of that name themselves. */
  exporting(name: string): string[] {
    return [...this.#known].filter(([, known]) => known.exports.has(name)).map(([each]) => each);
  }

  #exports(packageName: string, name: string, seen: Set<string>): boolean {
    if (seen.has(packageName)) return false;
    seen.add(packageName);
    const known = this.#known.get(packageName);
    if (!known) return packageName === 'COMMON-LISP' && this.standard.has(name);
    if (known.exports.has(name)) return true;
    for (const each of known.reexports)
      if (this.#exports(this.canonical(each, packageName), name, seen)) return true;
    return false;
  }
}
