import { expect, test } from 'vitest';
import { unitName, unitText } from './unit-file.ts';

test('the unit of the default directory has the plain name, others that of their path', () => {
  expect(unitName('/var/lib/berth', '/var/lib/berth')).toBe('berth.service');
  expect(unitName('/tmp/second plane', '/var/lib/berth')).toBe('berth-tmp-second-plane.service');
});

test('words of the command reach the program as they are', () => {
  const command = ['/usr/bin/node', '--max=4', '/opt/my "tools"/main.js', 'up', '/data/100%/$HOME'];
  const text = unitText({ description: 'Berth', command });
  expect(text).toContain(
    'ExecStart=/usr/bin/node --max=4 "/opt/my \\"tools\\"/main.js" up /data/100%%/$$HOME\n',
  );
});
