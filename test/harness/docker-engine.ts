/**
 * A Docker engine of a test's own, to be killed and started again. It has its own network, mount and
 * process namespaces: what it does there cannot hurt the machine's engine, and all of it ends with
 * the shell that holds the namespaces, which ends with the test's process at the latest. The process
 * ids that it tells are those of its namespace.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Docker from 'dockerode';
import { until } from '../e2e/until.ts';
import { type Running, startCommand } from './run-command.ts';

/** Process 1 of the namespaces: takes words, and reaps what the engine leaves behind. */
const holder = `
ip link set lo up
while read -r word; do
  case $word in
    start) dockerd "$@" </dev/null & ;;
    kill) kill -9 $!; wait $!; echo killed ;;
  esac
done`;

export class TestEngine {
  readonly docker: Docker;
  readonly socketPath: string;
  readonly #folder: string;
  readonly #held: Running;
  #kills = 0;

  private constructor(folder: string, held: Running) {
    this.#folder = folder;
    this.#held = held;
    this.socketPath = join(folder, 'docker.sock');
    this.docker = new Docker({ socketPath: this.socketPath });
  }

  static async start(flags: readonly string[] = []): Promise<TestEngine> {
    const folder = mkdtempSync(join(tmpdir(), 'berth-engine-'));
    mkdirSync(join(folder, 'run'));
    const dockerd = [
      ...['--host', `unix://${join(folder, 'docker.sock')}`],
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run')],
      ...['--pidfile', join(folder, 'pid'), '--cgroup-parent', `/${basename(folder)}`],
      ...['--bridge=none', '--iptables=false', ...flags],
    ];
    const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const shell = ['bash', '-c', holder, 'holder', ...dockerd];
    const engine = new TestEngine(folder, startCommand('unshare', [...namespaces, ...shell]));
    try {
      await engine.revive();
    } catch (error) {
      await engine.remove();
      throw error;
    }
    return engine;
  }

  /** `kill -9`; resolves when the engine's process is gone. */
  async kill(): Promise<void> {
    this.#kills += 1;
    this.#tell('kill');
    await until('the engine is gone', () => {
      return this.#held.stdout().split('killed\n').length > this.#kills;
    });
  }

  /** Resolves when the engine answers. */
  async revive(): Promise<void> {
    this.#tell('start');
    await until('the engine answers', () => this.docker.ping().then(() => true)).catch((error) => {
      throw new Error(`${error}\n${this.said()}`, { cause: error });
    });
  }

  /** The end of what the engine has logged. */
  said(): string {
    return this.#held.stderr().slice(-3_000);
  }

  /** Everything that runs in it ends too. */
  async remove(): Promise<void> {
    await this.#held.stop('SIGKILL');
    const name = basename(this.#folder);
    const parents = ['.', ...readdirSync('/sys/fs/cgroup')];
    // The kernel refuses for as long as a killed process is not quite gone.
    await until('its cgroups are gone', () => {
      for (const parent of parents) removeCgroup(join('/sys/fs/cgroup', parent, name));
      return true;
    });
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #tell(word: string): void {
    this.#held.child.stdin?.write(`${word}\n`);
  }
}

function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  rmdirSync(path);
}
