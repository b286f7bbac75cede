/** CPUs that were added are taken into use by the agent in the guest: many guests do not do so themselves. */
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Domain, Libvirt } from './libvirt.ts';
import { LibvirtError } from './rpc/connection.ts';

const answerMs = 5_000;
/** A guest sees a new CPU after a moment. */
const tries = 10;
const pauseMs = 200;

/** As the agent tells of one. */
interface GuestCpu {
  readonly 'logical-id': number;
  readonly online: boolean;
}

/** Until so many are in use, or the guest has been asked often enough; it may have no such agent. */
export async function useCpus(
  libvirt: Libvirt,
  clock: Clock,
  domain: Domain,
  cpus: number,
  options: CallOptions,
): Promise<void> {
  const ask = (execute: string, body?: object) =>
    libvirt.agent(domain, body === undefined ? { execute } : { execute, arguments: body }, {
      ...options,
      timeoutMs: answerMs,
    });
  try {
    for (let left = tries; left > 0; left -= 1) {
      const seen = (await ask('guest-get-vcpus')) as readonly GuestCpu[];
      const idle = seen.filter(({ online }) => !online);
      if (idle.length > 0) {
        await ask('guest-set-vcpus', {
          vcpus: idle.map((each) => ({ 'logical-id': each['logical-id'], online: true })),
        });
      }
      if (seen.length >= cpus) return;
      await clock.sleep(pauseMs, options.signal);
    }
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
  }
}
