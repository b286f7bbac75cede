/** Addresses that stay, as a user has them: the example on a bridge of its own, kubectl and real containers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectlBinary } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { onEmbedded, Scene } from './scene.ts';
import { until } from './until.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));

/** Nobody else on this machine has these: an address is asked for on the wire before it is used. */
const bridge = 'berth-e2e-addr';
const net = '10.88.211';
const manifest = readFileSync(join(examples, 'addresses', 'addresses.yaml'), 'utf8')
  .replaceAll('10.88.7.', `${net}.`)
  .replaceAll('berth-lan', bridge);

const rules = [
  `-t nat -D POSTROUTING -s ${net}.0/24 ! -o ${bridge} -j MASQUERADE`,
  `-D FORWARD -i ${bridge} -j ACCEPT`,
  `-D FORWARD -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
].map((rule) => rule.split(' '));

onEmbedded('addresses', (plane) => {
  beforeAll(async () => {
    await runCommand(process.execPath, [join(examples, 'images', 'build.mjs')]);
  });
  afterAll(async () => {
    await runCommand('ip', ['link', 'delete', bridge]);
    // What lets the bridge's traffic out stays with the machine.
    for (const rule of rules) await runCommand('iptables', ['-w', ...rule]);
  });

  const page = async (address: string) => {
    const answer = await fetch(`http://${address}:8080/`, { signal: AbortSignal.timeout(1_000) });
    return (await answer.text()).trim();
  };

  /** Rows of a table without its ages. */
  const rows = async (scene: Scene, what: string) =>
    (await scene.kubectl.ok(`get ${what} --no-headers`))
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).slice(0, -1).join(' '));

  test.skipIf(kubectlBinary === undefined)(
    'instances have their addresses, and those made anew the same ones',
    async () => {
      const scene = await Scene.open(plane());
      await scene.kubectl.apply(manifest);
      await scene.untilReadyPods(3);
      const addressOf = async (name: string) => (await scene.pod(name)).status?.podIP ?? '';
      const [first, second] = [await addressOf('web-0'), await addressOf('web-1')];
      expect([first, second].sort()).toEqual([`${net}.100`, `${net}.101`]);
      expect(await rows(scene, 'ipr')).toEqual([
        `front lan ${net}.150 front node-1`,
        `web-0 lan ${first} web-0 node-1`,
        `web-1 lan ${second} web-1 node-1`,
      ]);
      expect(await until('it answers', () => page(first))).toBe('I am web-0');
      expect(await until('it answers', () => page(`${net}.150`))).toBe('I am front');
      await until('the pool is counted', async () => {
        const [row] = await rows(scene, 'ippool');
        return row === `lan ${net}.0/24 3 97 True`;
      });

      const { uid } = (await scene.pod('web-0')).metadata;
      await scene.kubectl.ok('delete pod web-0');
      await until('there is another web-0', async () => {
        const pods = await scene.untilReadyPods(3);
        return pods.some(({ metadata }) => metadata.name === 'web-0' && metadata.uid !== uid);
      });
      expect(await addressOf('web-0')).toBe(first);
      expect(await until('it answers', () => page(first))).toBe('I am web-0');

      // A second one that names what another holds is told so.
      const annotations = { 'berth.dev/ip-reservation': 'front' };
      await scene.createPod('second', {}, { annotations });
      const why = await until('it is told', async () => {
        const { status } = await scene.pod('second');
        return status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
      });
      expect(why).toBe('waits for its address: ipreservation "front" is held by Pod "front"');
      await scene.kubectl.ok('delete pod front');
      await until('it has the address', async () => (await addressOf('second')) === `${net}.150`);
      await scene.kubectl.ok('delete pod second');

      await scene.kubectl(['delete', '-f', '-', '--ignore-not-found'], { stdin: manifest });
      await scene.untilNoPods();
      await until('all addresses are back', async () => {
        const left = await scene.kubectl.ok('get ippools,ipr,ipaddresses.berth.dev -A -o name');
        return left === '';
      });
    },
  );
});
