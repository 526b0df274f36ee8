/**
 * One URI for each file. Editors write the same path in different ways, such as `+` or `%2B`: inside the server a file goes by the URI
 * that Node makes of its path, and to the editor by the one that the editor wrote last.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { OwnJson } from './ownJson.ts';

/** Members that hold a URI, or may hold one: those of the protocol, and arguments of our commands. */
const HOLDS_URI = /^(?:\w*uri|path|file|filename|file[_-]path)$/i;
/** No URI of a message stands deeper. */
const MOST_DEPTH = 40;
/** So many spellings are remembered. */
const kept = 10_000;

export class Spellings {
  /** By our URI, the editor's where it is another one. */
  readonly #theirs = new Map<string, string>();

  /** A message of the editor with our URIs. */
  read<T>(message: T): T {
    return mapped(message, uri => this.#ours(uri)) as T;
  }

  /** A message to the editor with its own URIs. */
  write<T>(message: T): T {
    // nearly always: then there is nothing to look for
    if (this.#theirs.size === 0) return message;
    return mapped(message, uri => this.#theirs.get(uri) ?? uri) as T;
  }

  #ours(uri: string): string {
    const ours = usual(uri);
    this.#theirs.delete(ours);
    if (ours !== uri) this.#theirs.set(ours, uri);
    if (this.#theirs.size > kept) this.#theirs.delete(this.#theirs.keys().next().value!);
    return ours;
  }
}

function usual(uri: string): string {
  // with a query it is not the file itself that is meant
  if (/[?#]/.test(uri)) return uri;
  try {
    return pathToFileURL(fileURLToPath(uri)).href;
  } catch {
    return uri; // of another host, or malformed: whoever needs a path says so
  }
}

/** The value with its URIs of files replaced, names of members included; itself where none is another one. */
function mapped(value: unknown, of: (uri: string) => string, name = '', depth = 0): unknown {
  if (typeof value === 'string') return isFile(value) && HOLDS_URI.test(name) ? of(value) : value;
  if (typeof value !== 'object' || value === null || value instanceof OwnJson) return value;
  if (depth === MOST_DEPTH) return value;
  if (Array.isArray(value)) {
    const all = value.map((each: unknown) => mapped(each, of, '', depth + 1));
    return all.some((each, i) => each !== value[i]) ? all : value;
  }
  let isOther = false;
  const members = Object.entries(value).map(([key, member]): [string, unknown] => {
    const to: [string, unknown] = [isFile(key) ? of(key) : key, mapped(member, of, key, depth + 1)];
    isOther ||= to[0] !== key || to[1] !== member;
    return to;
  });
  return isOther ? Object.fromEntries(members) : value;
}

const isFile = (text: string): boolean => text.startsWith('file:');
