/** The editor port, spoken in LSP. */
import {
  CancellationTokenSource,
  ErrorCodes,
  MessageType,
  ResponseError,
  ShowMessageRequest,
  type ClientCapabilities,
  type InitializeParams,
  type PublishDiagnosticsParams,
  type Connection,
  type ShowMessageRequestParams,
  type WorkDoneProgressServerReporter,
} from 'vscode-languageserver/node';
import { oneLine, shownText } from './display.ts';
import { documentEdit, takesVersions } from './features/documentEdit.ts';
import type { Range } from './source/types.ts';
import type { Answer, Editor, Progress, Severity } from './ports.ts';

const messageTypes: Record<Severity, MessageType> = {
  error: MessageType.Error,
  warning: MessageType.Warning,
  info: MessageType.Info,
};

/** Milliseconds until an editor that does not answer counts as one that shows no documents. */
const showWithin = 10_000;

/** Milliseconds that a message waits for an editor to accept a progress. */
const beginWithin = 1000;

/**
 * How long a client has to read the reply to a gesture before it is sent more, in milliseconds. In Emacs an awaited reply leaves
 * the reader by a throw: of what came in the same piece, lsp-mode loses the rest, such as our prompt, and the eglot of Emacs 28
 * and 29 leaves it lying until there is more to read. Emacs 30 mended it; the eglot of Emacs 28 does not say what it is.
 */
export function pauseFor(client: InitializeParams['clientInfo']): number {
  if (!client || client.name === 'emacs') return 100;
  const [major = 0, minor = 0] = (client.version ?? '').split('.').map(Number);
  return client.name === 'Eglot' && (major < 1 || (major === 1 && minor < 17)) ? 100 : 0;
}

/** Sends, if there is still an editor: of a closed connection the library tells by throwing. */
function unlessClosed(send: () => void): void {
  try {
    send();
  } catch {
    // Nobody is there.
  }
}

export class LspEditor implements Editor {
  capabilities: ClientCapabilities = {};
  /** Milliseconds; see `pauseFor`. */
  pause = 0;

  readonly #beginning = new Set<Promise<void>>();

  constructor(private readonly connection: Connection) {}

  async afterReply(): Promise<void> {
    if (this.pause > 0) await new Promise(resolve => setTimeout(resolve, this.pause));
  }

  async ask(message: string, titles: readonly string[], signal: AbortSignal): Promise<Answer> {
    const cancellation = new CancellationTokenSource();
    const cancel = () => cancellation.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const params: ShowMessageRequestParams = {
        type: MessageType.Warning,
        message: shownText(message),
        actions: titles.map(title => ({ title })),
      };
      const answer: unknown = await this.connection.sendRequest(
        ShowMessageRequest.type,
        params,
        cancellation.token,
      );
      // eglot and lsp-mode give back the title alone; cancelling comes as null or an object without one.
      const title =
        typeof answer === 'object' && answer !== null && 'title' in answer ? answer.title : undefined;
      return typeof title === 'string'
        ? { type: 'title', title }
        : { type: 'none', why: 'the question was dismissed' };
    } catch (error) {
      if (error instanceof ResponseError && error.code === ErrorCodes.MethodNotFound)
        return { type: 'unsupported' };
      return { type: 'none', why: `the editor answered with an error: ${(error as Error).message}` };
    } finally {
      signal.removeEventListener('abort', cancel);
      cancellation.dispose();
    }
  }

  tell(severity: Severity, message: string): void {
    // The notification, never window.show…Message of the library: that sends a request, on which eglot blocks.
    this.#notify('window/showMessage', { type: messageTypes[severity], message: shownText(message) });
  }

  log(severity: Severity, message: string): void {
    this.#notify('window/logMessage', { type: messageTypes[severity], message: shownText(message) });
  }

  publish(params: PublishDiagnosticsParams): void {
    const diagnostics = params.diagnostics.map(each => ({
      ...each,
      message: shownText(each.message as string),
    }));
    this.#notify('textDocument/publishDiagnostics', { ...params, diagnostics });
  }

  /** Never fails: an editor that is gone is no reason to break off what is being recorded or taken back. */
  #notify(method: string, params: object): void {
    unlessClosed(() => {
      this.connection.sendNotification(method, params).catch(() => undefined);
    });
  }

  async show(uri: string): Promise<boolean> {
    if (!this.capabilities.window?.showDocument?.support) return false;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<boolean>(resolve => (timer = setTimeout(resolve, showWithin, false)));
    try {
      const shown = this.connection.window.showDocument({ uri, takeFocus: false });
      return await Promise.race([shown.then(({ success }) => success), silence]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  async edit(
    label: string,
    uri: string,
    version: number | null,
    edits: readonly { range: Range; newText: string }[],
  ): Promise<string | undefined> {
    const { workspace } = this.capabilities;
    if (!workspace?.applyEdit)
      return 'the editor does not accept edits (workspace/applyEdit); make it there by hand, as `dry_run` answers it';
    const edit = documentEdit([{ uri, version, edits }], takesVersions(this.capabilities));
    try {
      const { applied, failureReason } = await this.connection.workspace.applyEdit({ label, edit });
      return applied ? undefined : `${failureReason ?? 'the editor refused the edit'}; run the command again`;
    } catch (error) {
      return `the editor answered with an error: ${(error as Error).message}`;
    }
  }

  async tellLast(severity: Severity, message: string): Promise<void> {
    const late = new Promise(resolve => setTimeout(resolve, beginWithin).unref());
    await Promise.race([Promise.all(this.#beginning), late]);
    this.tell(severity, message);
  }

  progress(title: string): Progress {
    const controller = new AbortController();
    let ended = false;
    let said: { message: string; fraction: number | undefined } | undefined;
    let reporter: WorkDoneProgressServerReporter | undefined;
    const show = () => {
      if (!reporter || !said) return;
      const { fraction } = said;
      const message = oneLine(said.message);
      unlessClosed(() => {
        if (fraction === undefined) reporter!.report(message);
        else reporter!.report(Math.round(fraction * 100), message);
      });
    };
    if (this.capabilities.window?.workDoneProgress) {
      const begun: Promise<void> = this.connection.window
        .createWorkDoneProgress()
        .then(created => {
          if (ended) return;
          reporter = created;
          created.token.onCancellationRequested(() => controller.abort());
          created.begin(oneLine(title), undefined, said && oneLine(said.message), true);
          if (said?.fraction !== undefined) show();
        })
        .catch(() => undefined) // an editor that refuses the token shows none
        .finally(() => this.#beginning.delete(begun));
      this.#beginning.add(begun);
    }
    return {
      report: (message, fraction) => {
        said = { message, fraction };
        show();
      },
      end: message => {
        ended = true;
        unlessClosed(() => {
          if (message !== undefined) reporter?.report(oneLine(message));
          // Sent here and now, before the message that tells the outcome: Helix wipes its status line when a progress ends.
          reporter?.done();
        });
      },
      signal: controller.signal,
    };
  }
}
