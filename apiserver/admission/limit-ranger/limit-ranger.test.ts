import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../api/meta.ts';
import { boundErrors } from './bounds.ts';
import { withDefaults } from './defaults.ts';

function pod(resources: JsonObject, more: JsonObject = {}): JsonObject {
  return { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', resources }], ...more } };
}

function range(limit: JsonObject): JsonObject {
  return { spec: { limits: [{ type: 'Container', ...limit }] } };
}

describe('defaults', () => {
  const defaults = range({
    default: { cpu: '500m', memory: '64Mi' },
    defaultRequest: { cpu: '100m', memory: '32Mi' },
  });

  it('fills what is missing, says so, and leaves what it was given', () => {
    const given = pod({ requests: { cpu: '200m' } }, { initContainers: [{ name: 'i' }] });
    const before = structuredClone(given);
    const made = withDefaults(given, [defaults]);
    expect(given).toEqual(before);
    expect(made).toEqual({
      metadata: {
        name: 'p',
        annotations: {
          'kubernetes.io/limit-ranger':
            'LimitRanger plugin set: memory request for container c; cpu, memory limit for container c; ' +
            'cpu, memory request for init container i; cpu, memory limit for init container i',
        },
      },
      spec: {
        containers: [
          {
            name: 'c',
            resources: {
              requests: { cpu: '200m', memory: '32Mi' },
              limits: { cpu: '500m', memory: '64Mi' },
            },
          },
        ],
        initContainers: [
          {
            name: 'i',
            resources: {
              requests: { cpu: '100m', memory: '32Mi' },
              limits: { cpu: '500m', memory: '64Mi' },
            },
          },
        ],
      },
    });
  });

  it('takes a request from the own limit before any default', () => {
    const made = withDefaults(pod({ limits: { cpu: '50m', memory: '1Mi' } }), [defaults]);
    expect(made).toBeUndefined();
  });

  it('changes nothing where ranges are about pods', () => {
    const ofPods = { spec: { limits: [{ type: 'Pod', max: { cpu: '1' } }] } };
    expect(withDefaults(pod({}), [ofPods])).toBeUndefined();
  });
});

describe('bounds', () => {
  it.each<[JsonObject, JsonObject, string[]]>([
    [{ max: { cpu: '500m' } }, { limits: { cpu: '500m' } }, []],
    [
      { max: { cpu: '500m' } },
      { limits: { cpu: '1' } },
      ['maximum cpu usage per Container is 500m, but limit is 1'],
    ],
    [
      { max: { cpu: '500m' } },
      {},
      ['maximum cpu usage per Container is 500m.  No limit is specified'],
    ],
    [
      { max: { cpu: '1' } },
      { requests: { cpu: '2' }, limits: { cpu: '1' } },
      ['maximum cpu usage per Container is 1, but request is 2'],
    ],
    [
      { min: { memory: '64Mi' } },
      { requests: { memory: '32Mi' } },
      ['minimum memory usage per Container is 64Mi, but request is 32Mi'],
    ],
    [
      { min: { memory: '64Mi' } },
      {},
      ['minimum memory usage per Container is 64Mi.  No request is specified'],
    ],
    [
      { min: { cpu: '1' } },
      { requests: { cpu: '1' }, limits: { cpu: '900m' } },
      ['minimum cpu usage per Container is 1, but limit is 900m'],
    ],
    [{ maxLimitRequestRatio: { cpu: '2' } }, { requests: { cpu: '1' }, limits: { cpu: '2' } }, []],
    [
      { maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '1' }, limits: { cpu: '3' } },
      ['cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000'],
    ],
    [
      { maxLimitRequestRatio: { cpu: '2' } },
      { limits: { cpu: '3' } },
      [
        'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
      ],
    ],
  ])('%j of %j', (limit, resources, errors) => {
    expect(boundErrors(pod(resources), [range(limit)])).toEqual(errors);
  });

  it('counts a pod as its containers, or as its largest init container', () => {
    const most = { spec: { limits: [{ type: 'Pod', max: { memory: '100Mi' } }] } };
    const of = (memory: string) => ({ limits: { memory } });
    const two = [
      { name: 'a', resources: of('60Mi') },
      { name: 'b', resources: of('60Mi') },
    ];
    expect(boundErrors(pod({}, { containers: two }), [most])).toEqual([
      'maximum memory usage per Pod is 100Mi, but limit is 120Mi',
    ]);
    const init = { initContainers: [{ name: 'i', resources: of('101Mi') }] };
    expect(boundErrors(pod(of('1Mi'), init), [most])).toEqual([
      'maximum memory usage per Pod is 100Mi, but limit is 101Mi',
    ]);
  });
});
