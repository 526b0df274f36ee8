/** The names that the forms of files use, as numbers: a workspace has many forms and few names. */
import type { FileSummary } from './types.ts';

/** Of a file. */
export interface Uses {
  /** Of each form the one in effect. */
  readonly packages: readonly (string | null)[];
  /** Where the names of each form begin in `ids`, and where the last ones end. */
  readonly starts: Uint32Array;
  readonly ids: Uint32Array;
}

type Forms = FileSummary['forms'];

export class UsedNames {
  readonly #numbers = new Map<string, number>();
  /** By number; some that no file uses any more. */
  readonly names: string[] = [];
  /** By what a form uses: the same array as long as the form stays. */
  readonly #ids = new WeakMap<readonly string[], Uint32Array>();

  of(forms: Forms): Uses {
    const starts = new Uint32Array(forms.length + 1);
    forms.forEach((form, i) => {
      starts[i + 1] = starts[i]! + form.uses.length;
    });
    const ids = new Uint32Array(starts[forms.length]!);
    forms.forEach((form, i) => ids.set(this.#idsOf(form.uses), starts[i]));
    return { packages: forms.map(form => form.package), starts, ids };
  }

  /** What `of` was given. */
  formsOf({ packages, starts, ids }: Uses): Forms {
    return packages.map((inEffect, i) => ({
      package: inEffect,
      uses: Array.from(ids.subarray(starts[i], starts[i + 1]), id => this.names[id]!),
    }));
  }

  #idsOf(uses: readonly string[]): Uint32Array {
    let ids = this.#ids.get(uses);
    if (!ids) this.#ids.set(uses, (ids = Uint32Array.from(uses, name => this.#numberOf(name))));
    return ids;
  }

  #numberOf(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this.#numbers.set(name, number);
      this.names.push(name);
    }
    return number;
  }
}
