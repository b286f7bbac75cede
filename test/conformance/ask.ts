/** Requests and watches as scenarios have them, over HTTPS. */
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from './json-path.ts';
import { fill, type RecordedRequest, type Step, type Variables } from './scenario.ts';

/** The server that is being asked, as its administrator. */
export interface Server {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly warnings: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Json;
  readonly text: string;
}

export interface Events {
  readonly status: number;
  readonly contentType: string;
  readonly ended: boolean;
  readonly events: readonly { readonly type: string; readonly object: Json }[];
}

export interface Watch {
  readonly status: number;
  collect(step: Step): Promise<Events>;
  close(): void;
}

const maxSockets = 64;
const answerMs = 60_000;
const watchHeadersMs = 20_000;
const collectMs = 8_000;
const pollMs = 20_000;
/** Events that come although nobody waits for them count as a difference: so long we look. */
const surplusMs = 150;

export class Asker {
  readonly server: Server;
  readonly #agent: https.Agent;
  readonly #anonymous: https.Agent;

  constructor(server: Server) {
    const { ca, cert, key } = server;
    this.server = server;
    this.#agent = new https.Agent({ keepAlive: true, maxSockets, ca, cert, key });
    this.#anonymous = new https.Agent({ keepAlive: true, maxSockets, ca });
  }

  async call(recorded: RecordedRequest, vars: Variables): Promise<Answer> {
    const { request, response } = this.#open(recorded, vars);
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), answerMs);
    try {
      const answer = await response;
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part);
      const text = Buffer.concat(parts).toString('utf8');
      const contentType = answer.headers['content-type'] ?? '';
      const { statusCode: status = 0, headers } = answer;
      const body = bodyOf(text, contentType);
      return { status, contentType, warnings: warningsOf(answer.rawHeaders), headers, body, text };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks until the step's condition is met. */
  async poll(step: Step, recorded: RecordedRequest, vars: Variables, met: Met): Promise<Answer> {
    const poll = fill(step.poll ?? {}, vars);
    const until = Date.now() + (poll.timeoutMs ?? pollMs);
    for (;;) {
      const answer = await this.call(recorded, vars);
      if (met(answer)) return answer;
      if (Date.now() > until) {
        const last = JSON.stringify(answer.body).slice(0, 220);
        throw new Error(
          `waited in vain for ${JSON.stringify(poll)}; last answer ${answer.status} ${last}`,
        );
      }
      await sleep(poll.everyMs ?? 100);
    }
  }

  async watch(recorded: RecordedRequest, vars: Variables): Promise<Watch> {
    const { request, response } = this.#open(recorded, vars);
    const late = sleep(watchHeadersMs, undefined, { ref: false }).then(() => {
      throw new Error('the watch gave no response headers');
    });
    const answer = await Promise.race([response, late]);
    return new OpenWatch(request, answer);
  }

  close(): void {
    this.#agent.destroy();
    this.#anonymous.destroy();
  }

  #open(recorded: RecordedRequest, vars: Variables) {
    const wanted = fill(recorded, vars);
    const query = Object.entries(wanted.query ?? {}).flatMap(([name, values]) =>
      [values].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
    );
    const payload =
      wanted.body !== undefined
        ? Buffer.from(JSON.stringify(wanted.body))
        : wanted.bodyText !== undefined
          ? Buffer.from(wanted.bodyText)
          : undefined;
    const headers = headersOf(wanted, payload);
    const more =
      query.length === 0 ? '' : (wanted.path.includes('?') ? '&' : '?') + query.join('&');
    const { hostname, port } = new URL(this.server.url);
    const request = https.request({
      hostname,
      port,
      method: wanted.method ?? 'GET',
      path: wanted.path + more,
      headers,
      agent: wanted.auth === undefined ? this.#agent : this.#anonymous,
    });
    const response = new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
    });
    request.end(payload);
    return { request, response };
  }
}

type Met = (answer: Answer) => boolean;

function headersOf(wanted: RecordedRequest, payload: Buffer | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    'User-Agent': 'conformance/1.0',
  };
  if (wanted.auth === 'bad') headers['Authorization'] = 'Bearer not-a-known-token';
  if (payload !== undefined) {
    headers['Content-Type'] = 'application/json';
    headers['Content-Length'] = String(payload.length);
  }
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    for (const known of Object.keys(headers)) {
      if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    }
    if (value !== null) headers[name] = value;
  }
  return headers;
}

function bodyOf(text: string, contentType: string): Json {
  if (!contentType.includes('json') && !/^\s*\{/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function warningsOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders
    .filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'warning')
    .map((value) => {
      const quoted = /^299 - "((?:[^"\\]|\\.)*)"$/.exec(value)?.[1];
      return quoted === undefined ? value : quoted.replace(/\\(.)/g, '$1');
    });
}

class OpenWatch implements Watch {
  readonly status: number;
  readonly #contentType: string;
  readonly #close: () => void;
  #events: Json[] = [];
  #rest = '';
  #ended = false;

  constructor(request: { destroy(): void }, answer: import('node:http').IncomingMessage) {
    this.status = answer.statusCode ?? 0;
    this.#contentType = answer.headers['content-type'] ?? '';
    this.#close = () => request.destroy();
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => this.#read(text));
    answer.on('end', () => {
      if (this.#rest.trim() !== '') this.#add(this.#rest);
      this.#ended = true;
    });
    answer.on('error', () => {
      this.#ended = true;
    });
  }

  async collect(step: Step): Promise<Events> {
    const until = Date.now() + (step.timeoutMs ?? collectMs);
    const seen = () => this.#events.filter((event) => counts(event, step));
    const enough = () => {
      if (step.untilEnd === true) return false;
      if (step.untilType !== undefined) return seen().some(({ type }) => type === step.untilType);
      return seen().length >= (step.count ?? 0);
    };
    while (Date.now() < until && !this.#ended && !enough()) await sleep(20);
    if (step.untilEnd !== true && !this.#ended) await sleep(step.settleMs ?? surplusMs);
    const events = this.#taken(seen(), step);
    const ended = this.#ended;
    if (step.more === true) this.#events = [];
    else this.close();
    return { status: this.status, contentType: this.#contentType, ended, events };
  }

  close(): void {
    this.#close();
  }

  #taken(seen: readonly Json[], step: Step): Json[] {
    if (this.status !== 200) return this.#events.map((object) => ({ type: 'ERROR', object }));
    if (step.take === 'ends') return [seen[0], seen.at(-1)].filter((each) => each !== undefined);
    return [...seen];
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#add(line);
  }

  #add(line: string): void {
    try {
      this.#events.push(JSON.parse(line));
    } catch {
      this.#events.push({ type: 'UNREADABLE', object: line });
    }
  }
}

/** Bookmarks come when a server likes: only those count that end the initial events. */
function counts(event: Json, step: Step): boolean {
  if (event.type !== 'BOOKMARK' || step.bookmarks === true) return true;
  return event.object?.metadata?.annotations?.['k8s.io/initial-events-end'] !== undefined;
}
