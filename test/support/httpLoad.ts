/** HTTP requests that never pause: some connections kept alive, some new for every request. */
import http from 'node:http';
import { Happenings } from './wait.ts';

export interface HttpAnswer {
  readonly sent: number;
  readonly answered: number;
  readonly status: number;
  readonly body: string;
}

export class HttpLoad {
  readonly answers = new Happenings<HttpAnswer>();
  readonly failures: string[] = [];
  private running = true;
  private readonly loops: Promise<void>[] = [];
  private readonly agents: http.Agent[] = [];

  /** @param connections how many of each sort, kept alive and not */
  constructor(
    private readonly url: string,
    connections: { readonly keepAlive: number; readonly single: number },
  ) {
    for (let n = 0; n < connections.keepAlive; n++) this.loops.push(this.requestForEver(true));
    for (let n = 0; n < connections.single; n++) this.loops.push(this.requestForEver(false));
  }

  /** Sends one more request on a connection of its own and answers its body. */
  static get(url: string): Promise<string> {
    const agent = new http.Agent({ keepAlive: false });
    return get(url, agent).then(({ body }) => body);
  }

  /** Lets the requests under way finish and sends no more. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
    for (const agent of this.agents) agent.destroy();
  }

  private async requestForEver(keepAlive: boolean): Promise<void> {
    const agent = new http.Agent({ keepAlive, maxSockets: 1 });
    this.agents.push(agent);
    while (this.running) {
      const sent = performance.now();
      try {
        const { status, body } = await get(this.url, agent);
        this.answers.add({ sent, answered: performance.now(), status, body });
        if (status !== 200) this.failures.push(`status ${status}: ${body}`);
      } catch (error) {
        this.failures.push(String(error));
      }
      await new Promise(resolve => setTimeout(resolve, 2));
    }
  }
}

function get(url: string, agent: http.Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent, timeout: 20_000 }, response => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 20 s')));
    request.on('error', reject);
  });
}
