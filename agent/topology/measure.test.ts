import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseBytes } from '../../api/quantity.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { NodeDisks } from '../disks/node-disks.ts';
import { MeasureError, measureDisk, type Rates } from './measure-disk.ts';
import { Measurements, type MeasuringOptions } from './measurements.ts';

let dir: string;
let stop: AbortController;
const running: Promise<void>[] = [];
beforeEach(async () => {
  // On a disk: what is in memory may know no reads past the kernel's cache.
  dir = await mkdtemp('/var/tmp/berth-measure-');
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort(new Error('the test ends'));
  await Promise.all(running.splice(0));
  await rm(dir, { recursive: true, force: true });
});

it('a real disk is measured, and nothing is left of it', async () => {
  const rates = await measureDisk(dir, { seconds: 2, signal: stop.signal });
  expect(rates.readIOPS).toBeGreaterThan(0);
  expect(rates.writeIOPS).toBeGreaterThan(0);
  expect(parseBytes(rates.readBPS ?? '0')).toBeGreaterThan(0n);
  expect(parseBytes(rates.writeBPS ?? '0')).toBeGreaterThan(0n);
  expect(await readdir(dir)).toEqual([]);
});

it('what cannot be measured says why', async () => {
  const asked = measureDisk('/proc', { seconds: 2, signal: stop.signal });
  await expect(asked).rejects.toThrow(MeasureError);
});

describe('measurements', () => {
  const rates: Rates = { readIOPS: 900, writeIOPS: 800, readBPS: '100Mi', writeBPS: '90Mi' };
  const clock = new FakeClock();
  let used: string[] = [];
  let asked: string[] = [];
  /** Each measurement waits for it. */
  let result: () => Promise<Rates> = async () => rates;

  async function begin(signal: AbortSignal): Promise<Measurements> {
    const measurements = await Measurements.load(dir, silentLog);
    const options: MeasuringOptions = {
      clock,
      pathOf: (disk) => (disk === 'absent' ? undefined : `/srv/${disk}`),
      usedOf: () => used,
      measure: async (path, { seconds }) => {
        asked.push(`${path} ${seconds}`);
        return await result();
      },
    };
    running.push(measurements.run(options, { signal }));
    return measurements;
  }

  /** Once it has said so of the disk. */
  function until(measurements: Measurements, disk: string, at: string, phase: string) {
    return new Promise<void>((resolve) => {
      const look = () => {
        const told = measurements.of(disk).measurement;
        if (told?.requestedAt === at && told.phase === phase) resolve();
      };
      measurements.changed = look;
      look();
    });
  }

  const request = (disk: string, requestedAt: string, more: object = {}) => ({
    ...{ disk, requestedAt, ...more },
  });

  beforeEach(() => {
    [used, asked] = [[], []];
    result = async () => rates;
  });

  it('are made once for each request, also when the agent starts again', async () => {
    const first = new AbortController();
    let measurements = await begin(first.signal);
    measurements.ask([request('absent', 't1'), request('ssd', 't1', { seconds: 5 })]);
    await until(measurements, 'ssd', 't1', 'Done');
    const time = '2026-01-01T00:00:00Z';
    const answer = {
      measurement: { requestedAt: 't1', phase: 'Done' },
      measured: { time, ...rates },
    };
    expect(measurements.of('ssd')).toEqual(answer);
    expect(measurements.of('absent')).toEqual({});
    first.abort(new Error('the agent stops'));
    measurements = await begin(stop.signal);
    expect(measurements.of('ssd')).toEqual(answer);
    measurements.ask([request('ssd', 't1'), request('hdd', 't1')]);
    await until(measurements, 'hdd', 't1', 'Done');
    measurements.ask([request('ssd', 't2')]);
    await until(measurements, 'ssd', 't2', 'Done');
    expect(asked).toEqual(['/srv/ssd 5', '/srv/hdd 10', '/srv/ssd 10']);
  });

  it('are begun again when the agent died during one', async () => {
    const first = new AbortController();
    result = () => new Promise((_, reject) => first.signal.addEventListener('abort', reject));
    let measurements = await begin(first.signal);
    measurements.ask([request('ssd', 't1')]);
    await until(measurements, 'ssd', 't1', 'Running');
    first.abort(new Error('the agent dies'));
    result = async () => rates;
    measurements = await begin(stop.signal);
    measurements.ask([request('ssd', 't1')]);
    await until(measurements, 'ssd', 't1', 'Done');
  });

  it('leave a disk alone whose Volumes are in use, unless they are forced', async () => {
    const measurements = await begin(stop.signal);
    measurements.ask([request('ssd', 't1')]);
    await until(measurements, 'ssd', 't1', 'Done');
    used = ['a/db', 'a/b', 'c/d', 'e/f'];
    measurements.ask([request('ssd', 't2')]);
    await until(measurements, 'ssd', 't2', 'Failed');
    // What was measured before stays.
    expect(measurements.of('ssd')).toMatchObject({
      measured: rates,
      measurement: {
        requestedAt: 't2',
        message: expect.stringMatching(/a\/db, a\/b, c\/d and 1 more/),
      },
    });
    measurements.ask([request('ssd', 't3', { force: true })]);
    await until(measurements, 'ssd', 't3', 'Done');
    expect(asked).toHaveLength(2);
  });

  it('that are lost are made again, and do not hold up the agent', async () => {
    await writeFile(join(dir, 'measurements.json'), '{"ssd"');
    const measurements = await begin(stop.signal);
    measurements.ask([request('ssd', 't1')]);
    await until(measurements, 'ssd', 't1', 'Done');
    expect(JSON.parse(await readFile(join(dir, 'measurements.json'), 'utf8'))).toHaveProperty(
      'ssd',
    );
  });

  it('are what a disk gives away where its owner said so', async () => {
    const disk = { name: 'ssd', class: 'ssd', path: dir, writeIOPS: 7 };
    let measured: Rates = {};
    const disks = new NodeDisks(
      [{ ...disk, readIOPS: 'measured', readBPS: 'measured', writeBPS: '5Mi' }],
      () => measured,
    );
    const published = async () => (await disks.published())[0];
    expect(await published()).toMatchObject({ writeIOPS: 7, writeBPS: '5Mi' });
    expect(await published()).not.toHaveProperty('readIOPS');
    expect(await published()).not.toHaveProperty('readBPS');
    measured = rates;
    expect(await published()).toMatchObject({
      ...{ readIOPS: 900, readBPS: '100Mi', writeIOPS: 7, writeBPS: '5Mi' },
    });
  });
});
