/** What a name means, and how it could be had: for code actions on packages. */
import { readSymbol } from '../source/index.ts';
import type { WorkspaceIndex } from './index.ts';
import type { Naming, PackagePlace } from './types.ts';

/** Packages that are told of. */
const most = 5;

export function namingIn(index: WorkspaceIndex, inEffect: string | null, written: string): Naming {
  const { packages } = index;
  const symbol = readSymbol(written);
  const home = packages.home(symbol.package, symbol.name, inEffect);
  const { name } = symbol;
  const defined = home === 'COMMON-LISP' || home === 'KEYWORD' || index.defines(home, name);
  const own = inEffect === null ? undefined : placeOf(index, packages.canonical(inEffect));
  const homePlace = placeOf(index, home);
  return {
    home,
    name,
    defined,
    exported: packages.isExternal(home, name),
    ...(own && { own }),
    ...(homePlace && { homePlace }),
    exporters: packages
      .exporting(name)
      .filter(each => each !== home)
      .slice(0, most),
  };
}

function placeOf(index: WorkspaceIndex, name: string): PackagePlace | undefined {
  const [hit] = index.packageDefinitions(name);
  return hit && { package: name, uri: hit.uri, position: hit.definition.range.start };
}
