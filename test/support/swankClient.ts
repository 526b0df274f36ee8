/** A small client of a Swank server, as SLIME is one: what it says is what the user's own editor would be told. */
import net from 'node:net';
import { isSymbol, printSexp, readSexp, symbol, type Sexp } from './sexp.ts';
import { within } from './wait.ts';

export class SwankClient {
  private buffer: Buffer = Buffer.alloc(0);
  private nextId = 1;
  /** What the debugger showed this editor. */
  readonly debugged: string[] = [];
  /** Whether the image's pings are answered, as every editor that is there does. */
  answersPings = true;
  private readonly pending = new Map<number, { resolve(value: Sexp): void; reject(error: Error): void }>();

  private constructor(private readonly socket: net.Socket) {
    socket.setNoDelay(true);
    socket.on('data', chunk => this.receive(chunk));
    const lost = () => {
      for (const waiting of this.pending.values()) waiting.reject(new Error('the Swank connection is gone'));
      this.pending.clear();
    };
    socket.on('close', lost);
    socket.on('error', lost);
  }

  static connect(port: number): Promise<SwankClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(new SwankClient(socket)));
      socket.once('error', reject);
    });
  }

  /** Evaluates a form (as text) in a thread of its own and answers its value. */
  rex(form: string, packageName = 'COMMON-LISP-USER'): Promise<Sexp> {
    const id = this.nextId++;
    const reply = new Promise<Sexp>((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.send(`(:emacs-rex ${form} "${packageName}" t ${id})`);
    return within(`Swank's answer to ${form.slice(0, 100)}`, reply);
  }

  close(): void {
    this.socket.destroy();
  }

  private send(text: string): void {
    const body = Buffer.from(text, 'utf8');
    this.socket.write(Buffer.concat([Buffer.from(body.length.toString(16).padStart(6, '0'), 'ascii'), body]));
  }

  private receive(chunk: Buffer): void {
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk]);
    for (;;) {
      if (this.buffer.length < 6) return;
      const end = 6 + Number.parseInt(this.buffer.toString('ascii', 0, 6), 16);
      if (this.buffer.length < end) return;
      const text = this.buffer.toString('utf8', 6, end);
      this.buffer = this.buffer.subarray(end);
      this.dispatch(text);
    }
  }

  private dispatch(text: string): void {
    // Only these three matter; the 43 KB of indentation updates are not worth reading.
    if (!/^\(:(return|ping|debug) /i.test(text)) return;
    const message = readSexp(text) as Sexp[];
    if (isSymbol(message[0], ':ping')) {
      if (!this.answersPings) return;
      this.send(`(:emacs-pong ${printSexp(message[1] ?? symbol('t'))} ${printSexp(message[2] ?? 0)})`);
      return;
    }
    if (isSymbol(message[0], ':debug')) {
      this.debugged.push(text.slice(0, 500));
      for (const waiting of this.pending.values())
        waiting.reject(new Error(`Swank's debugger: ${text.slice(0, 500)}`));
      this.pending.clear();
      return;
    }
    const [, outcome, id] = message;
    const waiting = this.pending.get(Number(id));
    this.pending.delete(Number(id));
    if (Array.isArray(outcome) && isSymbol(outcome[0], ':ok')) waiting?.resolve(outcome[1] ?? symbol('NIL'));
    else waiting?.reject(new Error(`Swank: ${text.slice(0, 500)}`));
  }
}
