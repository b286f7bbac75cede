import { expect, test } from 'vitest';
import { pluginConfig } from './chain.ts';
import { parseNetworkConfig } from './config.ts';
import { runtimeConfigOf } from './runtime-config.ts';

const list = (more: object = {}) =>
  parseNetworkConfig(
    JSON.stringify({
      cniVersion: '1.0.0',
      name: 'lan',
      plugins: [
        { type: 'bridge', capabilities: { ips: true, mac: false } },
        { type: 'portmap', capabilities: { portMappings: true }, args: { own: 1 } },
      ],
      ...more,
    }),
  );

test('a list is read with its plugins in order, and a plugin alone as a list of one', () => {
  const { name, versions, plugins, loadMore } = list();
  expect({ name, versions, loadMore }).toEqual({
    name: 'lan',
    versions: ['1.0.0'],
    loadMore: true,
  });
  expect(plugins.map(({ type }) => type)).toEqual(['bridge', 'portmap']);
  expect([...(plugins[0]?.capabilities ?? [])]).toEqual(['ips']);
  const alone = parseNetworkConfig('{"cniVersion":"0.3.1","name":"one","type":"macvlan","mtu":9}');
  expect(alone).toMatchObject({ name: 'one', versions: ['0.3.1'], loadMore: false });
  expect(alone.plugins[0]?.raw['mtu']).toBe(9);
});

test('the newest version comes first, whichever way it is said, and what nobody knows is left out', () => {
  expect(list({ cniVersions: ['0.4.0', '1.1.0', '9.0.0'] }).versions).toEqual([
    '1.1.0',
    '1.0.0',
    '0.4.0',
  ]);
  const flags = { disableCheck: true, disableGC: 'true', loadOnlyInlinedPlugins: true };
  expect(list(flags)).toMatchObject({ disableCheck: true, disableGc: true, loadMore: false });
});

test.each([
  ['{', /is no JSON/],
  ['[]', /must be a JSON object/],
  ['{"cniVersion":"1.0.0","name":"../x","plugins":[]}', /^name: must be/],
  ['{"cniVersion":"1.0.0","name":"a","plugins":{}}', /^plugins: must be a list/],
  ['{"cniVersion":"1.0.0","name":"a","plugins":[{}]}', /^plugins\[0\]\.type: must be/],
  ['{"cniVersion":"1.0.0","name":"a","type":"../../bin/sh"}', /^type: must be/],
  ['{"cniVersion":"2.0.0","name":"a","type":"b"}', /2\.0\.0 is not supported: say one of 0\.3\.0/],
  ['{"name":"a","type":"b"}', /what names none is 0\.1\.0/],
])('%s is refused with what is wrong', (text, words) => {
  expect(() => parseNetworkConfig(text)).toThrow(words);
});

test('a plugin is told what it has a capability for, and nothing else', () => {
  const config = list();
  const request = {
    interface: 'eth0',
    ips: ['10.0.0.5/24'],
    portMappings: [{ hostPort: 80, containerPort: 8080, protocol: 'tcp' }],
  };
  const attaching = {
    network: 'lan',
    version: '1.0.0',
    plugins: config.plugins.map(({ raw }) => raw),
    owner: { id: 'u', namespace: 'n', name: 'p' },
    interface: 'eth0',
    runtimeConfig: runtimeConfigOf(request, config),
    args: { role: 'web' },
  };
  const [bridge, portmap] = attaching.plugins.map((raw) =>
    pluginConfig(attaching, raw, { cniVersion: '1.0.0' }),
  );
  expect(bridge).toMatchObject({ type: 'bridge', name: 'lan', cniVersion: '1.0.0' });
  expect(bridge?.['runtimeConfig']).toEqual({ ips: ['10.0.0.5/24'] });
  expect(portmap?.['runtimeConfig']).toEqual({ portMappings: request.portMappings });
  expect(portmap?.['args']).toEqual({ own: 1, cni: { role: 'web' } });
  expect(portmap?.['prevResult']).toEqual({ cniVersion: '1.0.0' });
});

test('what no plugin can be told is refused, with who could', () => {
  const mac = { interface: 'eth0', mac: '02:00:00:00:00:01' };
  expect(() => runtimeConfigOf(mac, list())).toThrow(
    'network "lan": MAC 02:00:00:00:00:01 cannot be given, no plugin of it has the capability "mac": add "capabilities": {"mac": true} to one that can, as tuning',
  );
  expect(runtimeConfigOf({ interface: 'eth0' }, list())).toEqual({});
});
