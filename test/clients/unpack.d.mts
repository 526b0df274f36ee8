export interface Tool {
  readonly program: string;
  readonly version: string;
}
export function find(name: 'neovim' | 'sbcl'): Tool | undefined;
export function provide(name: 'neovim' | 'sbcl', say?: (line: string) => void): Tool;
