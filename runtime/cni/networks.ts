/** Attaches instances to the node's networks by CNI, and keeps account of it on disk. */
import type { CallOptions } from '../../lib/call.ts';
import type { Log } from '../../lib/log.ts';
import { namespaceId } from '../network/namespace.ts';
import { run } from '../run.ts';
import { RuntimeError } from '../runtime.ts';
import { KeyedSerial } from '../serial.ts';
import { Chain, ChainError } from './chain.ts';
import { type CniAttachment, type CniOwner, type CniRequest, mainInterface } from './cni.ts';
import { ConfigProblem } from './config.ts';
import { findNetwork } from './config-dir.ts';
import { Ledger, type LedgerEntry } from './ledger.ts';
import { defaultPluginDirs } from './plugin.ts';
import { attachmentOf } from './result.ts';
import { runtimeConfigOf } from './runtime-config.ts';
import { hasCheck, hasGc } from './version.ts';

export interface CniNetworksOptions {
  /** Where the ledger lies. */
  readonly stateDir: string;
  readonly log: Log;
  /** @default /etc/cni/net.d */
  readonly confDir?: string;
  /** @default /opt/cni/bin and /usr/lib/cni */
  readonly pluginDirs?: readonly string[];
}

export const defaultConfDir = '/etc/cni/net.d';

export class CniNetworks {
  readonly #confDir: string;
  readonly #chain: Chain;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #serial = new KeyedSerial();
  /** Networks that had an instance of ours in this life. */
  readonly #used = new Set<string>();

  constructor({ stateDir, log, confDir, pluginDirs }: CniNetworksOptions) {
    this.#confDir = confDir ?? defaultConfDir;
    this.#chain = new Chain(pluginDirs ?? defaultPluginDirs);
    this.#ledger = new Ledger(stateDir);
    this.#log = log;
  }

  /**
   * Resolves when the namespace at `netns` has just what is asked for; what it has already is left
   * as it is. `InvalidSpec` when a configuration or a plugin is missing, `StartFailed` with the words
   * of a plugin; then nothing is left of this call.
   */
  attach(
    owner: CniOwner,
    netns: string,
    requests: readonly CniRequest[],
    options: CallOptions,
  ): Promise<readonly CniAttachment[]> {
    return this.#serial.run(owner.id, async () => {
      const here = await namespaceId(netns);
      if (here === undefined) throw new RuntimeError('StartFailed', `${netns} is not there`);
      try {
        const kept = new Map<string, LedgerEntry>();
        for (const entry of (await this.#ledger.of(owner.id)).toReversed()) {
          if (isKept(entry, here, requests)) kept.set(entry.interface, entry);
          else await this.#del(entry, options);
        }
        return await this.#addMissing(owner, { netns, namespaceId: here }, requests, kept, options);
      } catch (error) {
        options.signal.throwIfAborted();
        throw toRuntimeError(error);
      }
    });
  }

  /** Takes all networks of an instance back. What plugins refuse is tried again by `tidy`. */
  detach(id: string, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const entry of (await this.#ledger.of(id)).toReversed())
        await this.#leave(entry, options);
    });
  }

  /** What an instance has; nothing of what went with its namespace. */
  async attachments(id: string): Promise<readonly CniAttachment[]> {
    const attachments: CniAttachment[] = [];
    for (const entry of await this.#ledger.of(id)) {
      if ((await namespaceId(entry.netns)) !== entry.namespaceId) continue;
      attachments.push(...attachmentsOf(entry));
    }
    return attachments;
  }

  /** Addresses by which an instance is known. */
  async mainAddresses(id: string): Promise<readonly string[]> {
    const main = (await this.attachments(id)).find((each) => each.interface === mainInterface);
    return (main?.addresses ?? []).map(({ address }) => address);
  }

  /** Ids of instances that have something, or had and could not give it back yet. */
  async holders(): Promise<readonly string[]> {
    return [...new Set((await this.#ledger.all()).map(({ owner }) => owner.id))];
  }

  /**
   * What the plugins find wrong with what they made; `undefined` when nothing, or nobody can say. Those
   * that were never content are not heard: in Debian 12 portmap misses rules that it does not make.
   */
  check(id: string, options: CallOptions): Promise<string | undefined> {
    return this.#serial.run(id, async () => {
      for (const entry of await this.#ledger.of(id)) {
        const trouble = await this.#checkOne(entry, options);
        if (trouble !== undefined) return trouble;
      }
      return undefined;
    });
  }

  /** Takes back what could not be taken back before, and has plugins forget what is not ours any more. */
  async tidy(options: CallOptions): Promise<void> {
    const all = await this.#ledger.all();
    for (const { network } of all) this.#used.add(network);
    for (const entry of all) {
      if (entry.isLeaving !== true) continue;
      await this.#serial.run(entry.owner.id, async () => {
        const now = (await this.#ledger.of(entry.owner.id)).find((each) => each === entry);
        if (now !== undefined) await this.#leave(now, options);
      });
    }
  }

  /** Has plugins of version 1.1.0 give back whatever belongs to no instance of ours. */
  async collect(options: CallOptions): Promise<void> {
    for (const network of this.#used) {
      try {
        const { plugins, versions, disableGc } = await findNetwork(this.#confDir, network);
        if (disableGc || !versions.some(hasGc)) continue;
        const version = await this.#chain.versionFor(network, plugins, versions, options);
        if (!hasGc(version)) continue;
        const valid = (await this.#ledger.all())
          .filter((entry) => entry.network === network && entry.isLeaving !== true)
          .map(({ owner, interface: ifname }) => ({ containerID: owner.id, ifname }));
        const raw = plugins.map((plugin) => plugin.raw);
        await this.#chain.gc({ network, version, plugins: raw }, valid, options);
      } catch (error) {
        options.signal.throwIfAborted();
        this.#log.warn({ err: error, network }, 'network not collected');
      }
    }
  }

  async #checkOne(entry: LedgerEntry, options: CallOptions): Promise<string | undefined> {
    const { result, version, disableCheck, isLeaving = false, network } = entry;
    if (result === undefined || isLeaving || disableCheck || !hasCheck(version)) return undefined;
    if ((await namespaceId(entry.netns)) !== entry.namespaceId) {
      return `network "${network}": the namespace of ${entry.interface} is gone`;
    }
    try {
      await this.#chain.check(entry, entry.netns, result, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ChainError)) throw error;
      if (entry.wasSound === true) return `${error.message} on ${entry.interface}`;
      this.#log.debug({ err: error, uid: entry.owner.id }, 'network not checked');
      return undefined;
    }
    if (entry.wasSound !== true) await this.#ledger.put({ ...entry, wasSound: true });
    return undefined;
  }

  async #addMissing(
    owner: CniOwner,
    place: Pick<LedgerEntry, 'netns' | 'namespaceId'>,
    requests: readonly CniRequest[],
    kept: ReadonlyMap<string, LedgerEntry>,
    options: CallOptions,
  ): Promise<readonly CniAttachment[]> {
    const made: LedgerEntry[] = [];
    const attachments: CniAttachment[] = [];
    try {
      if (kept.size < requests.length) {
        await run('nsenter', [`--net=${place.netns}`, 'ip', 'link', 'set', 'lo', 'up'], options);
      }
      for (const request of requests) {
        let entry = kept.get(request.interface);
        if (entry === undefined) {
          entry = await this.#add(owner, place, request, options);
          made.push(entry);
        }
        attachments.push(...attachmentsOf(entry));
      }
      return attachments;
    } catch (error) {
      const { signal } = new AbortController();
      for (const entry of made.toReversed()) await this.#leave(entry, { signal });
      throw error;
    }
  }

  async #add(
    owner: CniOwner,
    place: Pick<LedgerEntry, 'netns' | 'namespaceId'>,
    request: CniRequest,
    options: CallOptions,
  ): Promise<LedgerEntry> {
    const config = await findNetwork(this.#confDir, request.network);
    const { name: network, plugins, versions, disableCheck, disableGc } = config;
    const runtimeConfig = runtimeConfigOf(request, config);
    const version = await this.#chain.versionFor(network, plugins, versions, options);
    const { id, namespace, name } = owner;
    const entry: LedgerEntry = {
      kind: 'berthCniV1',
      ...{ network, version, interface: request.interface, disableCheck, disableGc, ...place },
      owner: { id, namespace, name },
      plugins: plugins.map(({ raw }) => raw),
      runtimeConfig,
      args: request.args,
    };
    this.#used.add(network);
    await this.#ledger.put(entry);
    try {
      const result = await this.#chain.add(entry, place.netns, options);
      const whole = { ...entry, result };
      await this.#ledger.put(whole);
      this.#log.info({ uid: id, network, interface: request.interface }, 'network attached');
      return whole;
    } catch (error) {
      // Whatever the plugins before it made goes too; the caller's signal may have ended it.
      await this.#leave(entry, { signal: new AbortController().signal });
      throw error;
    }
  }

  /** Throws when the plugins refuse. */
  async #del(entry: LedgerEntry, options: CallOptions): Promise<void> {
    const isThere = (await namespaceId(entry.netns)) === entry.namespaceId;
    await this.#chain.del(entry, isThere ? entry.netns : '', entry.result, options);
    await this.#ledger.remove(entry);
    const { owner, network, interface: name } = entry;
    this.#log.info({ uid: owner.id, network, interface: name }, 'network detached');
  }

  /** An instance that ends does not wait for its networks. */
  async #leave(entry: LedgerEntry, options: CallOptions): Promise<void> {
    try {
      await this.#del(entry, options);
    } catch (error) {
      if (entry.isLeaving !== true) await this.#ledger.put({ ...entry, isLeaving: true });
      options.signal.throwIfAborted();
      const { owner, network, interface: name } = entry;
      const fields = { err: error, uid: owner.id, network, interface: name };
      this.#log.warn(fields, 'network not detached, tried again later');
    }
  }
}

function isKept(
  { result, isLeaving = false, namespaceId: its, interface: name, network }: LedgerEntry,
  here: string,
  requests: readonly CniRequest[],
): boolean {
  if (result === undefined || isLeaving || its !== here) return false;
  // Another configuration may have become the node's first one: whoever runs stays where it is.
  return requests.some(
    (each) => each.interface === name && (each.network === undefined || each.network === network),
  );
}

function attachmentsOf({ network, interface: name, result, isLeaving }: LedgerEntry) {
  return result === undefined || isLeaving === true ? [] : [attachmentOf(network, name, result)];
}

function toRuntimeError(error: unknown): unknown {
  if (error instanceof ConfigProblem) return new RuntimeError('InvalidSpec', error.message);
  if (error instanceof ChainError) {
    const reason = error.isMissing ? 'InvalidSpec' : 'StartFailed';
    return new RuntimeError(reason, error.message, { cause: error });
  }
  return error;
}
