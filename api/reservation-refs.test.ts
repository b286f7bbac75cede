import { describe, expect, it } from 'vitest';
import type { IPReservation } from './kinds.gen.ts';
import { interfaceReservations, podReservations, whyNotYet } from './reservation-refs.ts';

describe('what an instance names', () => {
  it('a pod by its annotation', () => {
    const annotations = { 'berth.dev/ip-reservation': 'web' };
    expect(podReservations({ metadata: { annotations } })).toEqual([
      { name: 'web', isMade: false },
    ]);
    expect(podReservations({ metadata: {} })).toEqual([]);
  });

  it('a machine by interface, with what is made for it', () => {
    const interfaces = [{ pool: 'lan' }, {}, { pool: 'lan' }, { pool: 'wan', reservation: 'db' }];
    expect(interfaceReservations({ metadata: { name: 'vm' }, spec: { interfaces } })).toEqual([
      { name: 'vm', pool: 'lan', isMade: true },
      undefined,
      { name: 'vm-2', pool: 'lan', isMade: true },
      { name: 'db', pool: 'wan', isMade: false },
    ]);
  });
});

describe('why an instance has to wait', () => {
  const ref = { name: 'web', isMade: false };
  const reservation = (status?: IPReservation['status'], more: object = {}): IPReservation => ({
    apiVersion: 'berth.dev/v1',
    kind: 'IPReservation',
    metadata: { name: 'web', ...more },
    spec: { pool: 'lan' },
    ...(status === undefined ? {} : { status }),
  });
  const held = (uid: string) => ({
    address: '10.20.0.7',
    holder: { kind: 'VM', name: 'db', uid },
  });

  it.each([
    [undefined, 'ipreservation "web" is not there'],
    [reservation(), 'ipreservation "web" has no address yet'],
    [reservation({ address: '10.20.0.7' }), 'ipreservation "web" is about to be given to it'],
    [reservation(held('other')), 'ipreservation "web" is held by VM "db"'],
    [reservation(held('u'), { deletionTimestamp: 'x' }), 'ipreservation "web" is being deleted'],
    [reservation(held('u')), undefined],
  ])('%#', (given, why) => {
    expect(whyNotYet(ref, given, 'u')).toBe(why);
  });

  it('with the reason why there is no address', () => {
    const Ready = { type: 'Ready', reason: 'PoolFull', lastTransitionTime: '' };
    const conditions = [
      { ...Ready, status: 'False' as const, message: 'all 5 addresses of pool "lan" are taken' },
    ];
    expect(whyNotYet(ref, reservation({ conditions }), 'u')).toBe(
      'ipreservation "web" has no address yet: all 5 addresses of pool "lan" are taken',
    );
  });

  it('because the reservation is of another pool', () => {
    expect(whyNotYet({ ...ref, pool: 'wan' }, reservation(held('u')), 'u')).toBe(
      'ipreservation "web" is of pool "lan", and not of "wan"',
    );
  });
});
