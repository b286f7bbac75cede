/** `/metrics` of a server: upstream's names, from 0 on, and no label that a user can make up. */
import { expect, test } from 'vitest';
import { createMetrics } from '../../lib/prometheus.ts';
import { aliceToken, configMap, eventually, startTestApi } from '../harness/apiserver.ts';

const at = '/api/v1/namespaces/default/configmaps';

test('requests, watches, objects and the store are measured; only for whom it concerns', async () => {
  const api = await startTestApi('embedded', { metrics: createMetrics() });
  try {
    await api.call('POST', at, configMap('a'));
    await api.call('POST', at, configMap('a'));
    await api.call('GET', `/apis/no.such/v1/${'x'.repeat(50)}`);
    await api.call('GET', '/api/v1/namespaces/default/pods/a/madeup');
    const watching = await api.watch(`${at}?watch=1`);
    await watching.atLeast(1);
    const scrape = async () => (await api.call('GET', '/metrics')).text;
    const text = await scrape();
    const labels = 'group="",version="v1",resource="configmaps",subresource="",scope="namespace"';
    expect(text).toContain(`apiserver_request_total{verb="POST",${labels},code="201"} 1\n`);
    expect(text).toContain(`apiserver_request_total{verb="POST",${labels},code="409"} 1\n`);
    expect(text).toContain(`apiserver_request_duration_seconds_count{verb="POST",${labels}} 2\n`);
    const running = `apiserver_longrunning_requests{verb="WATCH",${labels}}`;
    expect(text).toContain(`${running} 1\n`);
    expect(text).toContain('apiserver_storage_objects{resource="configmaps"} 1\n');
    expect(text).toContain('apiserver_current_inflight_requests{request_kind="mutating"} 0\n');
    expect(text).toContain('etcd_request_errors_total{operation="txn"} 0\n');
    expect(text).toMatch(/etcd_request_duration_seconds_count\{operation="txn"\} [1-9]/);
    expect(text).toMatch(/\nprocess_cpu_seconds_total \d/);
    expect(text).not.toMatch(/xxxxx|madeup/);
    watching.close();
    await eventually(async () => expect(await scrape()).toContain(`${running} 0\n`));
    const denied = await api.call('GET', '/metrics', undefined, { token: aliceToken });
    expect(denied.status).toBe(403);
  } finally {
    await api.stop();
  }
}, 120_000);
