/** A further node of a test's plane: `berth join` as a process, on this machine, in a folder of its own. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../e2e/until.ts';
import type { Plane } from './plane.ts';
import type { Output } from './run-command.ts';

/** The parts of what `berth token create --print-join-command` prints. */
export interface JoinLine {
  readonly server: string;
  readonly token: string;
  readonly caHash: string;
}

export async function joinLine(plane: Plane): Promise<JoinLine> {
  const { stdout, stderr } = await plane.berth(['token', 'create', '--print-join-command']);
  const [, server, token, caHash] =
    /^berth join (\S+) --token (\S+) --ca-hash (\S+)\n$/.exec(stdout) ?? [];
  if (!server || !token || !caHash) throw new Error(`no join command: ${stdout}${stderr}`);
  return { server, token, caHash };
}

export class JoinedNode {
  readonly name: string;
  readonly dataDir = mkdtempSync(join(tmpdir(), 'berth-node-'));
  readonly #plane: Plane;

  constructor(plane: Plane, name: string) {
    this.#plane = plane;
    this.name = name;
  }

  join({ server, token, caHash }: JoinLine, ...flags: readonly string[]): Promise<Output> {
    const secrets = ['--token', token, '--ca-hash', caHash];
    const place = ['--data-dir', this.dataDir, '--node-name', this.name];
    return this.#plane.berth(['join', server, ...secrets, ...place, ...flags]);
  }

  /** `berth join` once more, which only starts the agent. */
  startAgain(server: string): Promise<Output> {
    return this.#plane.berth(['join', server, '--data-dir', this.dataDir]);
  }

  /** `kill -9` of the agent. */
  kill(): void {
    process.kill(this.pid(), 'SIGKILL');
  }

  pid(): number {
    return (JSON.parse(readFileSync(join(this.dataDir, 'berth.pid'), 'utf8')) as { pid: number })
      .pid;
  }

  /** What it shows to the server, and the key. */
  credentials(): { cert: string; key: string; ca: string; serial: string } {
    const pem = readFileSync(join(this.dataDir, 'agent', 'pki', 'client.pem'), 'utf8');
    const keyAt = pem.indexOf('-----BEGIN PRIVATE KEY-----');
    const { ca } = JSON.parse(readFileSync(join(this.dataDir, 'joined.json'), 'utf8'));
    const cert = pem.slice(0, keyAt);
    const serial = new X509Certificate(cert).serialNumber;
    return { cert, key: pem.slice(keyAt), ca, serial };
  }

  containers(): readonly string[] {
    const words = ['ps', '-aq', '--filter', `label=berth.dev/node=${this.#nodeId()}`];
    return execFileSync('docker', words, { encoding: 'utf8' }).split('\n').filter(Boolean);
  }

  /** Ends the agent and removes its containers and its folder. */
  async remove(): Promise<void> {
    try {
      this.kill();
    } catch {
      // It does not run.
    }
    try {
      const ids = this.containers();
      if (ids.length > 0) execFileSync('docker', ['rm', '-f', '-v', ...ids], { stdio: 'ignore' });
    } catch {
      // It never ran.
    }
    // The agent is dying, and its keeper of names heeds that the folder is gone: either may write once more.
    const removed = async () => {
      await rm(this.dataDir, { recursive: true, force: true });
      return true;
    };
    await until('its folder is gone', () => removed().catch(() => false));
  }

  #nodeId(): string {
    return readFileSync(join(this.dataDir, 'agent', 'node-id'), 'utf8').trim();
  }
}
