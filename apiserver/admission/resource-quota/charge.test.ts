import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../api/meta.ts';
import { parseQuantity } from '../../../api/quantity.ts';
import { charge } from './charge.ts';

const pods = { group: '', plural: 'pods' };

function quota(hard: JsonObject, used?: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    metadata: { name: 'q' },
    spec: { hard, ...more },
    ...(used === undefined ? {} : { status: { hard, used } }),
  };
}

function newcomer(requests: JsonObject) {
  const object = { spec: { containers: [{ name: 'c', resources: { requests } }] } };
  return { kind: pods, object, nowMs: 0 };
}

describe('charge', () => {
  it('adds to what is used', () => {
    const result = charge(
      quota({ pods: '3', 'requests.cpu': '2' }, { pods: '1', 'requests.cpu': '500m' }),
      newcomer({ cpu: '1500m' }),
    );
    expect(result).toMatchObject({
      type: 'charged',
      quota: { status: { used: { pods: '2', 'requests.cpu': '2' } } },
    });
  });

  it('refuses what goes beyond, with the figures of what does', () => {
    const result = charge(
      quota({ pods: '2', 'requests.cpu': '2' }, { pods: '2', 'requests.cpu': '0' }),
      newcomer({ cpu: '1' }),
    );
    expect(result).toEqual({
      type: 'refused',
      why: 'exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    });
  });

  it('refuses pods that do not say what is counted', () => {
    expect(charge(quota({ cpu: '1' }, { cpu: '0' }), newcomer({}))).toEqual({
      type: 'refused',
      why: 'failed quota: q: must specify cpu for: c',
    });
  });

  it('leaves alone what it does not count', () => {
    const free = { type: 'free' };
    expect(charge(quota({ secrets: '1' }, { secrets: '1' }), newcomer({}))).toEqual(free);
    const scoped = quota({ pods: '0' }, { pods: '0' }, { scopes: ['Terminating'] });
    expect(charge(scoped, newcomer({}))).toEqual(free);
    const gpus = quota({ 'requests.example.com/gpu': '1' }, { 'requests.example.com/gpu': '1' });
    expect(charge(gpus, newcomer({ cpu: '1' }))).toEqual(free);
  });

  it('counts what volumes ask of disks, by class too, and what they grow by', () => {
    const kind = { group: 'berth.dev', plural: 'volumes' };
    const volume = (size: string) => ({ spec: { size, class: 'fast' } });
    const name = 'fast.volumeclass.berth.dev/requests.storage';
    const hard = {
      'requests.storage': '10Gi',
      [name]: '4Gi',
      'local.volumeclass.berth.dev/volumes': '0',
    };
    const used = {
      'requests.storage': '7Gi',
      [name]: '1Gi',
      'local.volumeclass.berth.dev/volumes': '0',
    };
    const known = quota(hard, used);
    const made = charge(known, { kind, object: volume('2Gi'), nowMs: 0 });
    expect(made).toMatchObject({
      quota: { status: { used: { 'requests.storage': '9Gi', [name]: '3Gi' } } },
    });
    const grown = { kind, object: volume('3Gi'), old: volume('1Gi'), nowMs: 0 };
    expect(charge(known, grown)).toMatchObject({
      quota: { status: { used: { 'requests.storage': '9Gi', [name]: '3Gi' } } },
    });
    expect(charge(known, { ...grown, object: volume('1Gi') })).toEqual({ type: 'free' });
    expect(charge(known, { ...grown, object: volume('5Gi') })).toEqual({
      type: 'refused',
      why:
        'exceeded quota: q, requested: fast.volumeclass.berth.dev/requests.storage=4Gi,' +
        'requests.storage=4Gi, used: fast.volumeclass.berth.dev/requests.storage=1Gi,' +
        'requests.storage=7Gi, limited: fast.volumeclass.berth.dev/requests.storage=4Gi,' +
        'requests.storage=10Gi',
    });
    const local = { kind, object: { spec: { size: '1Mi', class: 'local' } }, nowMs: 0 };
    expect(charge(known, local)).toMatchObject({
      why: expect.stringContaining('requested: local.volumeclass.berth.dev/volumes=1,'),
    });
  });

  it('asks for what nobody has counted yet, and takes the answer', () => {
    const fresh = quota({ pods: '2', secrets: '1' });
    expect(charge(fresh, newcomer({}))).toEqual({ type: 'unknown', names: ['pods', 'secrets'] });
    const counted = new Map([
      ['pods', parseQuantity('1')],
      ['secrets', parseQuantity('5')],
    ]);
    expect(charge(fresh, newcomer({}), counted)).toMatchObject({
      type: 'charged',
      quota: { status: { hard: { pods: '2', secrets: '1' }, used: { pods: '2', secrets: '5' } } },
    });
  });

  it('holds to the spec before the status follows it', () => {
    const lowered = { ...quota({ pods: '5' }, { pods: '1' }), spec: { hard: { pods: '1' } } };
    expect(charge(lowered, newcomer({}))).toMatchObject({ type: 'refused' });
  });
});
