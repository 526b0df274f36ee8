export interface Tool {
  readonly program: string;
  readonly version: string;
}
export type ToolName = 'neovim' | 'emacs' | 'helix' | 'helix25' | 'sbcl';
export function find(name: ToolName): Tool | undefined;
export function provide(name: ToolName, say?: (line: string) => void): Tool;
