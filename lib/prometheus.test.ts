import { expect, test } from 'vitest';
import { createMetrics } from './prometheus.ts';

test('what was counted is exposed, counters from 0 on, a name once', async () => {
  const metrics = createMetrics();
  metrics.counter({ name: 'a_total', help: 'As.' });
  const labelled = { name: 'b_total', help: 'Bs.', labels: ['kind'] };
  metrics.counter(labelled).inc({ kind: 'x' });
  metrics.counter(labelled).inc({ kind: 'x' }, 2);
  let seen = 5;
  metrics.observedGauge({ name: 'c', help: 'Cs.', labels: ['of'] }, (gauge) => {
    gauge.set(seen, { of: `n${seen}` });
  });
  metrics.histogram({ name: 'd_seconds', help: 'Ds.', buckets: [1, 2] }).observe(1.5);
  const first = (await metrics.expose()).text;
  expect(first).toContain('\na_total 0\n');
  expect(first).toContain('\nb_total{kind="x"} 3\n');
  expect(first).toContain('\nc{of="n5"} 5\n');
  expect(first).toContain('d_seconds_bucket{le="1"} 0\n');
  expect(first).toContain('d_seconds_bucket{le="2"} 1\n');
  expect(first).toMatch(/\nprocess_resident_memory_bytes \d/);
  seen = 6;
  const second = (await metrics.expose()).text;
  expect(second).toContain('\nc{of="n6"} 6\n');
  expect(second).not.toContain('n5');
});
