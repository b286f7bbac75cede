/** Every example does what it says. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../harness/run-command.ts';
import { nameOf, onEmbedded, Scene } from './scene.ts';
import { until } from './until.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
/** They need a bridge, a certificate or hosts of their own: the tests of what they show run them. */
const needsMore = ['addresses', 'admission-webhook', 'three-hulls'];
const hasManifests = (folder: string) =>
  !needsMore.includes(folder) &&
  readdirSync(join(examples, folder)).some((name) => name.endsWith('.yaml'));
const folders = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && hasManifests(entry.name))
  .map(({ name }) => name);

onEmbedded('examples', (plane) => {
  beforeAll(async () => {
    const build = join(examples, 'images', 'build.mjs');
    const { code, stderr } = await runCommand(process.execPath, [build]);
    if (code !== 0) throw new Error(`the image of the examples was not made: ${stderr}`);
  });

  const page = async (address: string | undefined) =>
    (await fetch(`http://${address}:8080/`)).text();

  test.each(folders)('%s can be applied, twice, and deleted', async (folder) => {
    const own = await Scene.open(plane());
    const path = join(examples, folder);
    const first = await own.berth('apply', '-f', path);
    expect(first).toMatch(/created/);
    expect(await own.berth('apply', '-f', path)).toMatch(/unchanged|configured|applied/);
    await own.berth('delete', '-f', path);
    await own.untilNoPods();
    await until('no container is left', async () => (await own.containers()).length === 0);
  });

  test('quickstart serves its page from every replica', async () => {
    const scene = await Scene.open(plane());
    await scene.berth('apply', '-f', join(examples, 'quickstart'));
    const web = await scene.untilReadyPods(2, 'app=web');
    for (const { status } of web) {
      expect(await until('it answers', () => page(status?.podIP))).toContain('Hello from Berth');
    }
    const logs = await until('the requests are logged', async () => {
      const text = await scene.berth('logs', '-l', 'app=web');
      return text.includes('response:200') && text;
    });
    expect(logs.split('\n').length).toBeGreaterThan(2);
    await scene.berth('delete', '-f', join(examples, 'quickstart'));
    await scene.untilNoPods();
  });

  test('sidecar: one container writes what the other serves', async () => {
    const scene = await Scene.open(plane());
    await scene.berth('apply', '-f', join(examples, 'sidecar'));
    const [clock] = await scene.untilReadyPods(1);
    const said = await until('it tells the time', async () => {
      const text = await page(clock?.status?.podIP);
      return text.includes('says it is') && text;
    });
    expect(said).toContain(clock && nameOf(clock));
    await scene.berth('delete', '-f', join(examples, 'sidecar'));
    await scene.untilNoPods();
  });
});
