import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EncryptionConfiguration } from '../../apiserver/index.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { followEncryption, isOpenToOthers, readEncryptionFile } from './encryption.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-encryption-'));
  path = join(dir, 'encryption.yaml');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, mode = 0o600): void {
  const secret = Buffer.alloc(32, name).toString('base64');
  const text = `
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources: [{resources: [secrets], providers: [{aesgcm: {keys: [{name: ${name}, secret: "${secret}"}]}}]}]
`;
  writeFileSync(path, text, { mode });
}

const firstKey = (configuration: EncryptionConfiguration | undefined) => {
  const provider = configuration?.[0]?.providers[0];
  return provider?.type === 'aesgcm' ? provider.keys[0]?.name : undefined;
};

it('reads the file, and says what is wrong without a word of its content', () => {
  write('a');
  expect(firstKey(readEncryptionFile(path))).toBe('a');
  expect(isOpenToOthers(path)).toBe(false);
  writeFileSync(path, 'secret: [hunter2\n');
  expect(() => readEncryptionFile(path)).toThrow(`${path}: is no YAML`);
  expect(() => readEncryptionFile(path)).not.toThrow('hunter2');
  expect(() => readEncryptionFile(join(dir, 'none'))).toThrow('does not exist');
});

it('reads it again when it changes; what cannot be used is passed over', async () => {
  write('a');
  const clock = new FakeClock();
  const stop = new AbortController();
  const applied: (string | undefined)[] = [];
  const following = followEncryption(
    path,
    {
      apply: async (configuration) => {
        if (firstKey(configuration) === 'bad') throw new Error('a key in use is missing');
        applied.push(firstKey(configuration));
      },
      clock,
      log: silentLog,
    },
    stop.signal,
  );
  await clock.advance(20_000);
  expect(applied).toEqual([]);
  for (const name of ['b', 'bad', 'c']) {
    write(name);
    await clock.advance(5_000);
  }
  rmSync(path);
  await clock.advance(5_000);
  write('d');
  await clock.advance(5_000);
  expect(applied).toEqual(['b', 'c', 'd']);
  stop.abort();
  await following;
});
