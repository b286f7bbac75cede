import { expect, test } from 'vitest';
import { StatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { FakeClock } from '../../lib/clock.ts';
import { NameLookup } from './name-lookup.ts';

const never = { signal: new AbortController().signal };

function lookup(answers: () => readonly string[] | Error) {
  let asked = 0;
  const clock = new FakeClock();
  const get = async () => {
    asked += 1;
    const answer = answers();
    if (answer instanceof Error) throw answer;
    return { addresses: answer };
  };
  // The only call that is made.
  const names = new NameLookup({ get } as unknown as Client, clock);
  return { clock, find: () => names.find('default', 'web', never), asked: () => asked };
}

test('an answer counts for a second, and all who ask meanwhile share it', async () => {
  const { clock, find, asked } = lookup(() => ['10.0.0.1']);
  expect(await Promise.all([find(), find()])).toEqual([
    { type: 'found', addresses: ['10.0.0.1'] },
    { type: 'found', addresses: ['10.0.0.1'] },
  ]);
  await find();
  expect(asked()).toBe(1);
  await clock.advance(1_000);
  await find();
  expect(asked()).toBe(2);
});

test('without the control plane the last answer holds', async () => {
  const down = new StatusError(503, 'ServiceUnavailable', 'no control plane');
  let answer: readonly string[] | Error = ['10.0.0.1'];
  const { clock, find } = lookup(() => answer);
  await find();
  answer = down;
  await clock.advance(3_600_000);
  expect(await find()).toEqual({ type: 'found', addresses: ['10.0.0.1'] });
  expect(await lookup(() => down).find()).toEqual({ type: 'unknown' });
});

test('what is not there is absent, and found once it is there', async () => {
  let answer: readonly string[] | Error = new StatusError(404, 'NotFound', 'names "web" not found');
  const { clock, find } = lookup(() => answer);
  expect(await find()).toEqual({ type: 'absent' });
  answer = [];
  await clock.advance(1_000);
  expect(await find()).toEqual({ type: 'found', addresses: [] });
});
