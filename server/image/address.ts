/** The setting image.address. */
import { HotlispError } from '../errors.ts';

export type Address =
  | { readonly type: 'unix'; readonly path: string }
  /** `server` only where the address says which it is. */
  | {
      readonly type: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly server?: 'swank' | 'slynk';
    };

/** Whether `text` was meant as an address, and not as a command. */
export const looksLikeAddress = (text: string): boolean => /^unix:|^[^\s/\\]+:\d+$/.test(text);

/**
 * Reads `unix:PATH`, `host:port`, `[IPv6]:port`, and the latter two after `swank:` or `slynk:`.
 * @throws HotlispError `no-image` that names the setting
 */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path.startsWith('/')) return { type: 'unix', path };
    throw bad(text, 'the path after unix: must be absolute');
  }
  const match = /^(?:(swank|slynk):)?(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim());
  if (!match) throw bad(text, 'it must be host:port of a Swank or Slynk, or unix:PATH of a serving image');
  const port = Number(match[4]);
  if (port < 1 || port > 65_535) throw bad(text, 'the port must be between 1 and 65535');
  const server = match[1] as 'swank' | 'slynk' | undefined;
  return { type: 'tcp', host: (match[2] ?? match[3])!, port, ...(server ? { server } : {}) };
}

const bad = (text: string, why: string) =>
  new HotlispError('no-image', `The setting image.address ("${text}") cannot be used: ${why}.`);
