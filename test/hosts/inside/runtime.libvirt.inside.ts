/** Virtual machines by a real libvirtd, by topic in `libvirt/`; one guest lives through nearly all of it. */
import { describe } from 'vitest';
import { instanceContract } from '../../contract/instance.ts';
import { podContract } from '../../contract/pod.ts';
import { aloneTests } from './libvirt/alone.ts';
import { captureTests } from './libvirt/captures.ts';
import { deathTests } from './libvirt/deaths.ts';
import { bootMs, Guest, libvirtHarness, open, vmBoot } from './libvirt/guest.ts';
import { liveTests } from './libvirt/live.ts';
import { snapshotTests } from './libvirt/snapshots.ts';
import { stateTests } from './libvirt/states.ts';

instanceContract('libvirt', libvirtHarness, (life) => {
  const guest = new Guest(life);
  describe('changed while it runs', () => liveTests(guest));
  describe('states', () => stateTests(guest));
  describe('captures', () => captureTests(guest));
  describe('snapshots', () => snapshotTests(guest));
});

podContract('libvirt', {
  ...{ spec: {}, bootMs, open },
  prepare: async () => undefined,
  vm: (probes) => ({
    resources: { requests: { cpu: '1', memory: '160Mi' } },
    ...{ graphics: false, boot: vmBoot, ...probes },
  }),
  container: () => {
    throw new Error('libvirt has machines only');
  },
  command: (script) => ['/bin/sh', '-c', script],
});

describe('libvirt alone', { timeout: bootMs }, () => aloneTests());

describe('libvirtd dies', () => deathTests());
