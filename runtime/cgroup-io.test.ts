import { expect, test } from 'vitest';
import { ioFiles, strayFrom } from './cgroup-io.ts';

const limits = [
  { device: '/dev/loop3', number: '7:3', writeIops: 20, readBytesPerSecond: 1n << 20n },
];

test('version 1: a file each; what has no limit loses the one it had', () => {
  const groups = '11:cpu,cpuacct:/a\n5:blkio:/docker/1f\n1:name=systemd:/a\n0::/\n';
  expect(ioFiles(groups, limits)).toEqual([
    { path: 'blkio/docker/1f/blkio.throttle.read_iops_device', text: '7:3 0' },
    { path: 'blkio/docker/1f/blkio.throttle.write_iops_device', text: '7:3 20' },
    { path: 'blkio/docker/1f/blkio.throttle.read_bps_device', text: '7:3 1048576' },
    { path: 'blkio/docker/1f/blkio.throttle.write_bps_device', text: '7:3 0' },
  ]);
});

test('version 2: one line for a device', () => {
  expect(ioFiles('0::/system.slice/a.service\n', limits)).toEqual([
    {
      path: 'system.slice/a.service/io.max',
      text: '7:3 rbps=1048576 wbps=max riops=max wiops=20',
    },
  ]);
});

test('a process that has ended has no file', () => {
  expect(ioFiles('', limits)).toEqual([]);
});

test('a process that is at the root for block devices alone has been taken out of its group', () => {
  expect(strayFrom('8:pids:/docker/1f\n7:blkio:/\n0::/docker/1f\n')).toBe('docker/1f');
  expect(strayFrom('8:pids:/docker/1f\n7:blkio:/docker/1f\n')).toBeUndefined();
  expect(strayFrom('8:pids:/\n7:blkio:/\n')).toBeUndefined();
  expect(strayFrom('0::/docker/1f\n')).toBeUndefined();
});
