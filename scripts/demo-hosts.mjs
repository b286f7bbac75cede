#!/usr/bin/env node
// The demo on three machines: hosts of the lab, Berth on all of them, and examples/three-hulls; --down removes all.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installMissing } from './setup/debian.mjs';
import { lab, labPackages } from './setup/lab.mjs';
import { ensureBuild, ensurePackages } from './setup/packages.mjs';
import { findProgram } from './setup/processes.mjs';
import { Failure, runScript, seconds, step } from './setup/steps.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const berth = join(root, 'bin', 'berth');
const hosts = [1, 2, 3];
const example = 'examples/three-hulls';
const all = ['pod/container', 'pod/process', 'vm/machine'];

const help = `npm run demo:hosts                three hosts on this machine, Berth on all, and ${example}
npm run demo:hosts -- --down      remove the hosts with all that is on them`;

await runScript('demo:hosts', async () => {
  const { down, help: wantsHelp } = readOptions();
  if (wantsHelp) return console.log(help);
  if (down) return await remove();
  await up();
});

function readOptions() {
  try {
    const options = { down: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
    return parseArgs({ options }).values;
  } catch (error) {
    throw new Failure(`${error.message.split('\n')[0]}\n${help}`);
  }
}

async function up() {
  const startedAtMs = Date.now();
  if (process.getuid?.() !== 0)
    throw new Failure('run it as root: it makes namespaces and bridges');
  console.log('Berth on three hosts of this machine\n');
  await step('npm packages', (note) => ensurePackages(root, note));
  await step('build', () => ensureBuild(root));
  await step('Debian packages', (note) =>
    installMissing(labPackages, 'the hosts run systemd, Docker and libvirt of their own', note),
  );
  await step('hosts', async () => {
    await lab(root, 'up', String(hosts.length));
    return 'h1 h2 h3, each with its own systemd, Docker and libvirt';
  });
  await step('guest, image', async () => {
    const image = join(root, 'examples', 'images', 'build.mjs');
    await Promise.all([lab(root, 'guest'), ...hosts.map((host) => on(host, 'node', image))]);
    return 'a small guest for the machine, an image for the container';
  });
  await step('Berth on h1', () => startPlane());
  for (const host of hosts.slice(1)) await step(`h${host} joins`, () => joinHost(host));
  await step(example, async () => {
    await onPlane('apply', '-f', join(root, example), '--force-conflicts');
    await onPlane('wait', ...all, '--for=condition=Ready', '--timeout=300s');
    return 'all three are ready';
  });
  await showPages();
  showCommands();
  console.log(`\nReady after ${seconds(startedAtMs)}.`);
}

async function startPlane() {
  const output = await on(1, berth, 'up', '--host', '0.0.0.0');
  // So that kubectl on h1 needs no words about where the plane is.
  await on(
    1,
    'sh',
    '-c',
    'mkdir -p /root/.kube && ln -sfn /var/lib/berth/kubeconfig /root/.kube/config',
  );
  await on(1, berth, 'service', 'install');
  return output.split('\n')[0].replace(/^Berth is /, '');
}

/** Joining twice is as good as once. */
async function joinHost(host) {
  const printed = await on(1, berth, 'token', 'create', '--print-join-command');
  const [, ...words] = printed.trim().split(/\s+/);
  await on(host, berth, ...words);
  await on(host, berth, 'service', 'install');
  await onPlane('wait', `node/h${host}`, '--for=condition=Ready');
  return 'the node is ready';
}

async function showPages() {
  console.log('\nWhat came of it, as h1 sees it:\n');
  for (const [at, name] of ['container', 'process', 'machine'].entries()) {
    const url = `http://10.99.0.${101 + at}/`;
    const page = await on(1, 'curl', '-s', '--retry', '10', '--retry-all-errors', url);
    console.log(`  ${name.padEnd(10)} on h${at + 1}  ${url}  "${page.trim()}"`);
  }
}

function showCommands() {
  const exec = 'npm run -s lab -- exec 1';
  const verb = findProgram('kubectl') === undefined ? `${berth}` : 'kubectl';
  const rows = [
    [`${exec} ${verb} get pods,vms,volumes,ipreservations -o wide`, 'look at them'],
    [
      `${exec} ${berth} exec vm/machine -- uname -a`,
      'inside the machine; pod/process and pod/container likewise',
    ],
    [`${exec} ${berth} logs vm/machine`, 'its serial console'],
    [`${exec} ${berth} why pod/process`, 'why it is where it is'],
    ['npm run -s lab -- crash 2', 'cut the power of h2 …'],
    ['npm run -s lab -- start 2', '… and switch it on again: what ran there comes back'],
    ['npm run demo:hosts -- --down', 'remove all'],
  ];
  console.log('\nGo on with:\n');
  for (const [command, remark] of rows) console.log(`  # ${remark}\n  ${command}`);
}

async function remove() {
  await step('hosts', async () => {
    await lab(root, 'down');
    return 'gone, with all that was on them';
  });
}

/** Runs on a host, in the checkout, which is there under the same path. */
function on(host, ...command) {
  return lab(root, 'exec', String(host), 'env', '-C', root, ...command);
}

/** A verb of `berth` on h1. */
function onPlane(...args) {
  return on(1, 'env', 'KUBECONFIG=/var/lib/berth/kubeconfig', berth, ...args);
}
