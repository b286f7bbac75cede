import { expect, test } from 'vitest';
import { checkThresholds, parseEvictionHard, thresholdSettings } from './thresholds.ts';

test('thresholds are written as for the kubelet, and what is not named is off', () => {
  expect(parseEvictionHard('memory.available<200Mi, nodefs.available<7.5%')).toEqual({
    memoryAvailable: '200Mi',
    nodefsAvailable: '7.5%',
    nodefsInodesFree: '0',
    pidAvailable: '0',
  });
  expect(Object.values(parseEvictionHard(''))).toEqual(['0', '0', '0', '0']);
});

test.each([
  ['memory.free<100Mi', 'knows no "memory.free": it takes memory.available, nodefs.available'],
  ['imagefs.available<15%', 'of the disk with the images say --image-gc-high-threshold'],
  ['memory.available>100Mi', 'knows no "memory.available>100Mi"'],
  ['memory.available', 'must be written memory.available<100Mi or memory.available<10%'],
  ['memory.available<1<2', 'must be written memory.available<100Mi'],
  ['memory.available<1Gi,memory.available<2Gi', 'memory.available is given twice'],
  ['nodefs.available<120%', 'nodefs.available must be a share from 0% to 100% or a quantity'],
  ['nodefs.available<-1Gi', 'not "-1Gi"'],
  ['nodefs.available<much', 'not "much"'],
])('--eviction-hard %s is refused', (text, message) => {
  expect(() => parseEvictionHard(text)).toThrow(message);
});

test('the low threshold is below the high one, whichever of them was said', () => {
  checkThresholds({});
  checkThresholds({ imageGcHigh: 100 });
  checkThresholds({ imageGcHigh: 70, imageGcLow: 60 });
  checkThresholds({ imageGcHigh: 100, imageGcLow: 100 });
  expect(() => checkThresholds({ imageGcHigh: 70 })).toThrow(
    '--image-gc-low-threshold must be less than --image-gc-high-threshold, 70, not 80: set both',
  );
  expect(() => checkThresholds({ imageGcLow: 85 })).toThrow('85, not 85');
});

test("100 switches collection off, and what was not said is the agent's to choose", () => {
  expect(thresholdSettings({})).toEqual({ imageCollection: {} });
  expect(thresholdSettings({ imageGcHigh: 100, imageTtlMs: 5_000 })).toEqual({
    imageCollection: { highPercent: 101, minAgeMs: 5_000 },
  });
});
