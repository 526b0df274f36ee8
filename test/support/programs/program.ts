/** A program that is reloaded, one version after the other, while threads use it. */
export interface Program {
  /** The definitions, as they are in a version. */
  readonly text: (version: number) => string;
  /** Evaluated once the first version is there. */
  readonly setup?: string;
  /** What threads do all the while; (problem …) notes what should not be. */
  readonly body: string;
  /** A form that tells the version, and its value. */
  readonly look: string | ((version: number) => string);
  readonly value: (version: number) => string;
}

/** What only every other version has. */
export const odd = (version: number, text: string) => (version % 2 ? ` ${text}` : '');
