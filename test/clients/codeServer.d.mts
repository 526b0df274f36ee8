export interface CodeServer {
  readonly node: string;
  readonly entry: string;
  /** The folder of playwright-core. */
  readonly playwright: string;
  readonly chromium: string;
  /** The node_modules with what the extension bundles. */
  readonly modules: string;
  /** VS Code's own version. */
  readonly version: string;
}
export function provideCodeServer(say?: (line: string) => void): CodeServer;
