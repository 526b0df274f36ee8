export interface Tool {
  readonly program: string;
  readonly version: string;
}
export type ToolName = 'neovim' | 'neovim10' | 'emacs' | 'helix' | 'helix25' | 'sbcl' | 'sbcl25';
export function find(name: ToolName): Tool | undefined;
export function provide(name: ToolName, say?: (line: string) => void): Tool;
