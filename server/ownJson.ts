/** Values whose JSON is known better than JSON.stringify could find it out. */
export abstract class OwnJson {
  /** How much writing it takes, in values; Infinity: it is always written by its pieces. */
  abstract readonly weight: number;

  /** Its JSON, in pieces that are short each; bytes are UTF-8. */
  abstract pieces(): Iterable<string | Buffer>;

  /** For whoever looks at the message instead of writing it, such as a trace. */
  toJSON(): unknown {
    return JSON.parse([...this.pieces()].join(''));
  }
}
