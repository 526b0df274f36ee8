/** A steady load on the job server: some TCP clients, each sending its next job a moment after the last answer. */
import net from 'node:net';
import readline from 'node:readline';

export interface Request {
  readonly job: string;
  /** Milliseconds of performance.now(). */
  readonly sent: number;
  answered?: number;
  answer?: string;
}

/** One connection to the job server; answers come in any order and carry the request's id. */
class Client {
  private readonly waiting = new Map<string, { request: Request; done(): void }>();
  private nextId = 1;
  private closing = false;

  private constructor(
    private readonly socket: net.Socket,
    private readonly trouble: (what: string) => void,
  ) {
    socket.setNoDelay(true);
    socket.on('error', error => trouble(error.message));
    socket.on('close', () => {
      if (!this.closing) trouble('the server closed a connection');
    });
    const lines = readline.createInterface({ input: socket });
    lines.on('line', line => this.receive(line));
    // It repeats the socket's errors, which are told already.
    lines.on('error', () => {});
  }

  static connect(port: number, trouble: (what: string) => void): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(new Client(socket, trouble)));
      socket.once('error', reject);
    });
  }

  send(request: Request): Promise<void> {
    return new Promise(done => {
      const id = String(this.nextId++);
      this.waiting.set(id, { request, done });
      this.socket.write(`${id} ${request.job}\n`);
    });
  }

  close(): void {
    this.closing = true;
    this.socket.destroy();
  }

  private receive(line: string): void {
    const id = line.slice(0, line.indexOf(' '));
    const entry = this.waiting.get(id);
    if (!entry) return this.trouble(`an answer that nobody asked for: ${line}`);
    this.waiting.delete(id);
    entry.request.answered = performance.now();
    entry.request.answer = line.slice(id.length + 1);
    entry.done();
  }
}

export class Load {
  /** Every request of the steady load, in the order of sending. */
  readonly requests: Request[] = [];
  readonly troubles: string[] = [];
  private running = true;
  private readonly clients: Client[] = [];
  private readonly loops: Promise<void>[] = [];

  /** @param jobs what each client sends, in turn */
  static async start(port: number, clients: number, jobs: readonly string[]): Promise<Load> {
    const load = new Load(port);
    for (let number = 0; number < clients; number++) {
      const client = await load.connect();
      load.loops.push(load.keepSending(client, jobs, number));
    }
    return load;
  }

  private constructor(private readonly port: number) {}

  /** Sends one job beside the load, over a connection of its own. */
  async submit(job: string): Promise<{ request: Request; done: Promise<void> }> {
    const client = await this.connect();
    const request: Request = { job, sent: performance.now() };
    return { request, done: client.send(request) };
  }

  /** Sends no more, and resolves once all that was sent has been answered. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
    for (const client of this.clients) client.close();
  }

  get unanswered(): number {
    return this.requests.filter(request => request.answered === undefined).length;
  }

  private async connect(): Promise<Client> {
    const client = await Client.connect(this.port, what => this.troubles.push(what));
    this.clients.push(client);
    return client;
  }

  private async keepSending(client: Client, jobs: readonly string[], first: number): Promise<void> {
    for (let turn = first; this.running; turn++) {
      const request: Request = { job: jobs[turn % jobs.length]!, sent: performance.now() };
      this.requests.push(request);
      await client.send(request);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }
}
