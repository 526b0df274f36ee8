/** Has the editor ask again for what it shows, where it has said that it can be told so. */
import type { Bench } from './bench.ts';

/** Milliseconds after which the editor is told again; all changes in between tell it once. */
const pause = 100;

/** A function that has the editor ask for all its `inlayHint`s, `codeLens`es or `semanticTokens` again. */
export function refreshing(
  { connection, capabilities }: Pick<Bench['parts'], 'connection' | 'capabilities'>,
  what: 'inlayHint' | 'codeLens' | 'semanticTokens',
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let again = false;
  const tell = () => {
    if (timer) {
      again = true;
      return;
    }
    void connection.sendRequest(`workspace/${what}/refresh`).catch(() => undefined);
    timer = setTimeout(() => {
      timer = undefined;
      if (again) {
        again = false;
        tell();
      }
    }, pause).unref();
  };
  return () => {
    if (capabilities().workspace?.[what]?.refreshSupport === true) tell();
  };
}
