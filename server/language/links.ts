/** Links in the documents that the server writes: to places in files, and to what the image says of a part of an object. */
import type { DocumentLink } from 'vscode-languageserver/node';
import { HotlispError } from '../errors.ts';
import { shownName } from '../display.ts';
import type { PageAction } from '../operations/page.ts';
import type { PageLink } from '../pages.ts';
import type { Snapshot } from '../source/types.ts';
import { signalOf, type FeatureSet } from './bench.ts';

export interface LinkContext {
  /** What leads on from a document that the server wrote. */
  readonly pageLinks: (uri: string) => readonly PageLink[];
  /** Does what a link stands for, and answers the URI of a document that shows it. */
  readonly follow: (action: PageAction, signal: AbortSignal) => Promise<string>;
}

/** What tells a link whose target is made when it is followed: the page, and the only line that it can stand in. */
interface LinkData {
  readonly uri: string;
  readonly line: number;
}

/**
 * What a link to an object's part leads to is made when the editor resolves it, which is when a person follows it: to look at a part runs
 * the program's printing.
 */
export const links = ({ pageLinks, follow }: LinkContext): FeatureSet => ({
  capabilities: { documentLinkProvider: { resolveProvider: true } },
  listen(bench) {
    const { connection, encoding, capabilities, answer } = bench.parts;
    connection.onDocumentLinks(
      bench.syntactic(async snapshot => {
        const tooltips = capabilities().textDocument?.documentLink?.tooltipSupport === true;
        return pageLinks(snapshot.uri).flatMap((link): DocumentLink[] => {
          const start = snapshot.offsetAt({ line: link.line, character: 0 }, encoding());
          if (!isStill(link, snapshot, start)) return [];
          const range = snapshot.rangeOf({ start: start + link.start, end: start + link.end }, encoding());
          const { leads } = link;
          if ('target' in leads) return [{ range, target: leads.target }];
          const data: LinkData = { uri: snapshot.uri, line: link.line };
          return [{ range, data, ...(tooltips && { tooltip: shownName(leads.action.title) }) }];
        });
      }),
    );
    connection.onDocumentLinkResolve((link, token) =>
      answer(async () => {
        if (typeof link.target === 'string') return link;
        const { uri, line } = (link.data ?? {}) as Partial<LinkData>;
        const action = uri === undefined ? undefined : followed(pageLinks(uri), line);
        if (!action)
          throw new HotlispError(
            'invalid-arguments',
            'The link is of a page that is not kept any more, or that may not be followed now.',
          );
        return { ...link, target: await follow(action, signalOf(token)) };
      }),
    );
  },
});

const followed = (links: readonly PageLink[], line: number | undefined): PageAction | undefined =>
  links.flatMap(each => (each.line === line && 'action' in each.leads ? [each.leads.action] : []))[0];

/** Whether the line is what the server wrote. */
const isStill = ({ text }: PageLink, snapshot: Snapshot, start: number): boolean =>
  snapshot.slice(start, start + text.length) === text &&
  /^(?:[\r\n]|$)/.test(snapshot.slice(start + text.length, start + text.length + 1));
