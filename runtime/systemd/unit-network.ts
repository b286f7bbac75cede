/** The network namespaces of units, with what the node gives them itself and what CNI does. */
import type { CallOptions } from '../../lib/call.ts';
import type { CniNetworks } from '../cni/networks.ts';
import { BridgeNetwork, type BridgeOptions } from '../network/bridge.ts';

export class UnitNetwork extends BridgeNetwork {
  readonly cni: CniNetworks | undefined;

  constructor(bridge: BridgeOptions | undefined, cni: CniNetworks | undefined) {
    super(bridge);
    this.cni = cni;
  }

  /** An address of the node's own, of a time when the instance had no network by CNI, is given back. */
  override async bare(key: string, options: CallOptions): Promise<string> {
    if ((await this.addressOf(key)) !== undefined) await this.detach(key, options);
    return await super.bare(key, options);
  }

  /** Takes back all that the instance has; `key` is the one its namespace is named by. */
  async leave(id: string, key: string, options: CallOptions): Promise<void> {
    await this.cni?.detach(id, options);
    await this.detach(key, options);
  }

  /** By which the instance is known; none while it has no namespace. */
  async addressesOf(id: string, key: string): Promise<readonly string[]> {
    const byCni = (await this.cni?.mainAddresses(id)) ?? [];
    const own = byCni.length > 0 ? undefined : await this.addressOf(key);
    return own === undefined ? byCni : [own];
  }
}
