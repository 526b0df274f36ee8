/**
 * Watches the traffic of a client for anything that the server sends although the client did not declare it in `initialize`:
 * requests, notifications, registrations, progress, and the shape of every reply. It knows nothing of one server's features,
 * so that a new one is covered by being used.
 */
import { at, Shapes } from './declaredShapes.ts';
import { isObject, type Message } from './jsonRpc.ts';

/** Where a method's capability is found, where that is not its own name. */
const capabilityOf: Readonly<Record<string, readonly string[]>> = {
  'textDocument/didOpen': ['textDocument', 'synchronization'],
  'textDocument/didChange': ['textDocument', 'synchronization'],
  'textDocument/didSave': ['textDocument', 'synchronization'],
  'textDocument/didClose': ['textDocument', 'synchronization'],
  'textDocument/prepareCallHierarchy': ['textDocument', 'callHierarchy'],
  'textDocument/prepareTypeHierarchy': ['textDocument', 'typeHierarchy'],
  'textDocument/documentColor': ['textDocument', 'colorProvider'],
};

interface Asked {
  readonly method: string;
  readonly params: unknown;
}

type Stage = 'created' | 'begun' | 'ended';

export class Declared {
  #capabilities: unknown = {};
  #shapes = new Shapes({});
  /** The client's requests that wait for a reply, by id. */
  readonly #asked = new Map<number | string, Asked>();
  /** The server's own requests that wait for a reply, by id. */
  readonly #serverAsked = new Map<number | string, Asked>();
  /** Progress tokens, of the client's requests and made by the server. */
  readonly #tokens = new Map<unknown, Stage>();
  #tracing = false;

  constructor(private readonly report: (problem: string) => void) {}

  traffic(direction: 'sent' | 'received', message: Message): void {
    if (direction === 'sent') this.#sent(message);
    else this.#received(message);
  }

  #sent({ id, method, params, error }: Message): void {
    if (method === 'initialize') {
      this.#capabilities = at(params, 'capabilities');
      this.#shapes = new Shapes(this.#capabilities);
      this.#tracing = ['messages', 'verbose'].includes(String(at(params, 'trace')));
    }
    if (method === '$/setTrace') this.#tracing = at(params, 'value') !== 'off';
    if (id === undefined || id === null) return;
    if (method !== undefined) {
      this.#asked.set(id, { method, params });
      for (const name of ['workDoneToken', 'partialResultToken']) {
        const token = at(params, name);
        if (token !== undefined) this.#tokens.set(token, 'created');
      }
      return;
    }
    const asked = this.#serverAsked.get(id);
    this.#serverAsked.delete(id);
    // A token that was refused is none.
    if (error && asked?.method === 'window/workDoneProgress/create')
      this.#tokens.delete(at(asked.params, 'token'));
  }

  #received({ id, method, params, result, error }: Message): void {
    if (method === undefined) {
      const asked = this.#asked.get(id ?? '');
      this.#asked.delete(id ?? '');
      if (asked && !error)
        for (const problem of this.#shapes.reply(asked.method, asked.params, result))
          this.report(`the reply to ${asked.method} has ${problem}`);
    } else if (id === undefined || id === null) this.#notified(method, params);
    else {
      this.#serverAsked.set(id, { method, params });
      this.#requested(method, params);
    }
  }

  #unless(declared: unknown, what: string): void {
    if (!declared) this.report(`the server sends ${what}, which this client did not declare`);
  }

  #requested(method: string, params: unknown): void {
    const has = (...keys: string[]) => at(this.#capabilities, ...keys) === true;
    switch (method) {
      case 'window/showMessageRequest':
        return this.#prompt(params);
      case 'window/showDocument':
        return this.#unless(has('window', 'showDocument', 'support'), method);
      case 'window/workDoneProgress/create':
        this.#tokens.set(at(params, 'token'), 'created');
        return this.#unless(has('window', 'workDoneProgress'), method);
      case 'workspace/configuration':
        return this.#unless(has('workspace', 'configuration'), method);
      case 'workspace/workspaceFolders':
        return this.#unless(has('workspace', 'workspaceFolders'), method);
      case 'workspace/applyEdit':
        this.#unless(has('workspace', 'applyEdit'), method);
        return this.#edit(at(params, 'edit'));
      case 'client/registerCapability':
        return this.#register(at(params, 'registrations'));
      case 'client/unregisterCapability':
        return;
      default: {
        const feature = /^workspace\/(\w+)\/refresh$/.exec(method)?.[1];
        const name = feature === 'diagnostic' ? 'diagnostics' : feature;
        // Helix has `diagnostic` for `diagnostics`.
        this.#unless(
          name && (has('workspace', name, 'refreshSupport') || has('workspace', feature!, 'refreshSupport')),
          method,
        );
      }
    }
  }

  /** Every client can be asked; what it shows in one row and gives back as a title must fit both. */
  #prompt(params: unknown): void {
    const actions = at(params, 'actions');
    const titles = (Array.isArray(actions) ? actions : []).map(each => String(at(each, 'title')));
    if (new Set(titles).size !== titles.length) this.report(`a prompt with equal titles: ${titles.join()}`);
    if (titles.length > 4 || titles.some(each => each.length > 24))
      this.report(`a prompt with more than fits in a row: ${titles.join()}`);
    if (/[\r\n\t]/.test(String(at(params, 'message'))))
      this.report(`a prompt of several lines: ${JSON.stringify(at(params, 'message'))}`);
  }

  #register(registrations: unknown): void {
    for (const each of Array.isArray(registrations) ? registrations : []) {
      const method = String(at(each, 'method'));
      const [area = '', name = ''] = method.split('/');
      const keys = capabilityOf[method] ?? [area, name];
      this.#unless(
        at(this.#capabilities, ...keys, 'dynamicRegistration') === true,
        `a registration of ${method}`,
      );
    }
  }

  #edit(edit: unknown): void {
    for (const problem of this.#shapes.edit(edit)) this.report(`the server sends ${problem}`);
    const versioned = at(this.#capabilities, 'workspace', 'workspaceEdit', 'documentChanges') === true;
    if (versioned && at(edit, 'documentChanges') === undefined)
      this.report(`an edit without versions to a client that takes them: ${JSON.stringify(edit)}`);
  }

  #notified(method: string, params: unknown): void {
    switch (method) {
      case 'textDocument/publishDiagnostics': {
        const diagnostics = at(params, 'diagnostics');
        for (const each of Array.isArray(diagnostics) ? diagnostics.filter(isObject) : [])
          for (const problem of this.#shapes.diagnostic(each))
            this.report(`published diagnostics have ${problem}`);
        return;
      }
      case '$/progress':
        return this.#progress(at(params, 'token'), at(params, 'value'));
      case '$/logTrace':
        return this.#unless(this.#tracing, method);
      case 'window/showMessage':
      case 'window/logMessage':
      case '$/cancelRequest':
        return;
      default:
        this.#unless(false, method);
    }
  }

  /** A token is known, begins once, and says nothing after its end. Partial results have no kind. */
  #progress(token: unknown, value: unknown): void {
    const stage = this.#tokens.get(token);
    const kind = at(value, 'kind');
    if (stage === undefined) return this.report(`progress for the token ${String(token)}, which nobody made`);
    if (typeof kind !== 'string') return;
    const fits = kind === 'begin' ? stage === 'created' : stage === 'begun';
    if (!fits) this.report(`progress ${kind} for a token that was ${stage}: ${JSON.stringify(value)}`);
    this.#tokens.set(token, kind === 'end' ? 'ended' : 'begun');
  }
}
