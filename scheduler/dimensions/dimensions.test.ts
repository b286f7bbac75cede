import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { node } from '../engine/testing.ts';
import { dimensionsOf } from './built-in.ts';
import type { HostPort } from './dimension.ts';
import { hostPorts } from './host-ports.ts';
import { count, fits } from './scalar.ts';

describe('scalars', () => {
  it.each([
    ['cpu', '1.5', 1500, '1.5'],
    ['cpu', '0.0001', 1, '0.001'],
    ['memory', '2Gi', 2 * 1024 ** 3, '2Gi'],
    ['memory', '1.5Gi', 1.5 * 1024 ** 3, '1.5Gi'],
    ['ephemeral-storage', '10Mi', 10 * 1024 ** 2, '10Mi'],
    ['hugepages-2Mi', '4Mi', 4 * 1024 ** 2, '4Mi'],
    ['pods', '110', 110, '110'],
    ['example.com/gpu', '3', 3, '3'],
    ['memory', '-1', 0, '0'],
  ])('%s %s', (resource, quantity, amount, text) => {
    const dimension = dimensionsOf().covering(resource);
    expect(dimension?.parse(quantity, 'up')).toBe(amount);
    expect(dimension?.format(amount)).toBe(text);
  });

  it('count says how often it still fits', () => {
    const amount = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(amount, amount, fc.integer({ min: 1, max: 100 }), (capacity, used, asked) => {
        const most = count(capacity, used, asked);
        expect(most > 0).toBe(fits(capacity, used, asked));
        if (most > 0) expect(used + most * asked).toBeLessThanOrEqual(capacity);
        expect(used + (most + 1) * asked).toBeGreaterThan(capacity);
      }),
    );
  });
});

describe('host ports', () => {
  const port = (number: number, hostIP = '0.0.0.0', protocol = 'TCP'): HostPort => ({
    protocol,
    hostIP,
    port: number,
  });

  it.each([
    [port(80), port(80), false],
    [port(80), port(81), true],
    [port(80), port(80, '0.0.0.0', 'UDP'), true],
    [port(80), port(80, '10.0.0.1'), false],
    [port(80, '10.0.0.1'), port(80), false],
    [port(80, '10.0.0.1'), port(80, '10.0.0.2'), true],
    [port(80, '10.0.0.1'), port(80, '10.0.0.1'), false],
  ])('%j beside %j: %s', (taken, wanted, free) => {
    const devices = hostPorts.create(node('n'));
    devices.take([taken]);
    expect(devices.fits([wanted])).toBe(free);
    expect(devices.count([wanted])).toBe(free ? 1 : 0);
    expect(devices.explain([wanted]) === undefined).toBe(free);
    devices.release([taken]);
    expect(devices.fits([wanted])).toBe(true);
  });

  it('that were taken twice by force are free only when both gave them back', () => {
    const devices = hostPorts.create(node('n'));
    devices.take([port(80)]);
    devices.take([port(80)]);
    devices.release([port(80)]);
    expect(devices.fits([port(80)])).toBe(false);
    devices.release([port(80)]);
    expect(devices.fits([port(80)])).toBe(true);
  });

  it.each([
    [[port(80)], true],
    [[], true],
    [{}, false],
    [[{ port: '80' }], false],
    ['80', false],
  ])('reads %j as an allocation: %s', (stored, known) => {
    expect(hostPorts.read(stored) !== undefined).toBe(known);
  });
});
