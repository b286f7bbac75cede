/** Virtual machines by a real libvirtd, by topic in `libvirt/`; one guest lives through nearly all of it. */
import { describe } from 'vitest';
import { instanceContract } from '../../contract/instance.ts';
import { aloneTests } from './libvirt/alone.ts';
import { captureTests } from './libvirt/captures.ts';
import { bootMs, Guest, libvirtHarness } from './libvirt/guest.ts';
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

describe('libvirt alone', { timeout: bootMs }, () => aloneTests());
