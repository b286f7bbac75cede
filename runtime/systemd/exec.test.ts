import { expect, test } from 'vitest';
import { groupFiles } from './exec.ts';

test('control groups of both versions', () => {
  const cgroup =
    '4:memory:/berth.slice/x.service\n1:name=systemd:/berth.slice/x.service\n0::/u:v\n';
  expect(groupFiles(cgroup)).toEqual([
    '/sys/fs/cgroup/memory/berth.slice/x.service/cgroup.procs',
    '/sys/fs/cgroup/systemd/berth.slice/x.service/cgroup.procs',
    '/sys/fs/cgroup/u:v/cgroup.procs',
    '/sys/fs/cgroup/unified/u:v/cgroup.procs',
  ]);
});
