import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatKubeconfig, loadKubeconfig } from './kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('reads back what it writes', () => {
  const fields = {
    server: 'https://127.0.0.1:6443',
    ca: 'CA\n',
    cert: 'CERT\n',
    key: 'KEY\n',
    user: 'admin',
    namespace: 'team',
  };
  const path = file('round', formatKubeconfig(fields));
  expect(loadKubeconfig(path)).toEqual({ ...fields, token: undefined, insecure: false });
});

test('reads files named beside it, and the context that is asked for', () => {
  file('ca.pem', 'CA FILE');
  file('token', 'secret\n');
  const path = file(
    'config',
    `
current-context: one
clusters:
- {name: c, cluster: {server: "https://h:1", certificate-authority: ca.pem}}
users:
- {name: u, user: {tokenFile: token}}
contexts:
- {name: one, context: {cluster: missing, user: u}}
- {name: two, context: {cluster: c, user: u}}
`,
  );
  expect(loadKubeconfig(path, { context: 'two' })).toMatchObject({
    server: 'https://h:1',
    ca: 'CA FILE',
    token: 'secret',
    namespace: 'default',
    user: 'u',
  });
  expect(() => loadKubeconfig(path)).toThrow('no cluster "missing" (there are: "c")');
  expect(() => loadKubeconfig(path, { context: 'x' })).toThrow('there are: "one", "two"');
});

test('says what is wrong with a file', () => {
  const reason = (path: string) => {
    try {
      loadKubeconfig(path);
      return undefined;
    } catch (error) {
      return (error as { reason?: string }).reason;
    }
  };
  expect(reason(join(folder, 'absent'))).toBe('Unreadable');
  expect(reason(file('bad', 'a: [b'))).toBe('Malformed');
  expect(reason(file('empty', ''))).toBe('Malformed');
  expect(reason(file('none', 'clusters: []'))).toBe('Incomplete');
});
