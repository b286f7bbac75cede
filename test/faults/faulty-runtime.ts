/** A runtime whose calls fail as those of real engines do: before they act, or after, unheard. */
import { type Runtime, RuntimeError } from '../../runtime/runtime.ts';

type Call = 'ensure' | 'stop' | 'remove' | 'get' | 'list';

export class FaultyRuntime implements Runtime {
  readonly name: Runtime['name'];
  readonly gaps: Runtime['gaps'];
  readonly info: Runtime['info'];
  readonly observe: Runtime['observe'];
  readonly ensureImage: Runtime['ensureImage'];
  readonly imageInfo: Runtime['imageInfo'];
  readonly stats: Runtime['stats'];
  readonly listImages: Runtime['listImages'];
  readonly removeImage: Runtime['removeImage'];
  readonly diskUsage: Runtime['diskUsage'];
  readonly logs: Runtime['logs'];
  readonly setPaused: Runtime['setPaused'];
  readonly exec: Runtime['exec'];
  readonly attach: Runtime['attach'];
  readonly close: Runtime['close'];
  readonly ensure: Runtime['ensure'];
  readonly stop: Runtime['stop'];
  readonly remove: Runtime['remove'];
  readonly get: Runtime['get'];
  readonly list: Runtime['list'];
  /** Of a killed agent: it acts no more, and hears nothing. */
  dead = false;
  readonly #before = new Map<Call, number>();
  readonly #after = new Map<Call, number>();

  constructor(real: Runtime) {
    this.name = real.name;
    this.gaps = real.gaps;
    this.info = (...args) => real.info(...args);
    this.observe = (...args) => real.observe(...args);
    this.ensureImage = (...args) => real.ensureImage(...args);
    this.imageInfo = (...args) => real.imageInfo(...args);
    this.stats = (...args) => real.stats(...args);
    this.listImages = (...args) => real.listImages(...args);
    this.removeImage = (...args) => real.removeImage(...args);
    this.diskUsage = (...args) => real.diskUsage(...args);
    this.logs = (...args) => real.logs(...args);
    this.setPaused = (...args) => real.setPaused(...args);
    this.exec = (...args) => real.exec(...args);
    this.attach = (...args) => real.attach(...args);
    this.close = () => real.close();
    this.ensure = (...args) => this.#call('ensure', () => real.ensure(...args));
    this.stop = (...args) => this.#call('stop', () => real.stop(...args));
    this.remove = (...args) => this.#call('remove', () => real.remove(...args));
    this.get = (...args) => this.#call('get', () => real.get(...args));
    this.list = (...args) => this.#call('list', () => real.list(...args));
  }

  /** The next `count` calls of that name fail; `after` = once they have done their work. */
  fail(call: Call, when: 'before' | 'after', count: number): void {
    (when === 'before' ? this.#before : this.#after).set(call, count);
  }

  heal(): void {
    this.#before.clear();
    this.#after.clear();
  }

  async #call<T>(name: Call, act: () => Promise<T>): Promise<T> {
    if (this.dead) return new Promise(() => {});
    if (take(this.#before, name)) throw new RuntimeError('Unavailable', 'no answer (injected)');
    const result = await act();
    if (this.dead) return new Promise(() => {});
    if (take(this.#after, name)) throw new RuntimeError('Unavailable', 'broke off (injected)');
    return result;
  }
}

function take(left: Map<Call, number>, name: Call): boolean {
  const count = left.get(name) ?? 0;
  if (count > 0) left.set(name, count - 1);
  return count > 0;
}
