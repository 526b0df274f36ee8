interface FoundNode {
  readonly program: string;
  /** As it prints it: "v22.1.0". */
  readonly version: string;
}

/** The Nodes on which the server is tested. */
export const majors: readonly number[];

/** Where that Node is: in the cache, or the one that runs this. */
export function findNode(major: number): FoundNode | undefined;

/** Finds that Node, or has npm download it into the cache. @throws Error saying what stood in the way */
export function provideNode(major: number, say?: (line: string) => void): FoundNode;
