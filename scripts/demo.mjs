#!/usr/bin/env node
// The demo: from a fresh clone to a web page served by two containers, or back again with --down.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildWebImage, removeWebImage } from '../examples/images/build.mjs';
import { installPackages } from './setup/debian.mjs';
import { ensureDocker, removeContainers, stopOwnDocker } from './setup/docker.mjs';
import { ensureEtcd } from './setup/etcd.mjs';
import { ensureBuild, ensurePackages } from './setup/packages.mjs';
import { findProgram, freePort, run, stopProcess } from './setup/processes.mjs';
import { Failure, runScript, seconds, step } from './setup/steps.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stateDir = join(root, '.berth');
const dataDir = join(stateDir, 'demo');
const notes = join(dataDir, 'demo.json');
const quickstart = join(root, 'examples', 'quickstart');
const shown = '.berth/demo';

const help = `npm run demo                      start Berth here and run examples/quickstart
npm run demo -- --store etcd      the same, with its state in a real etcd
npm run demo -- --port 16443      on another port than 6443
npm run demo -- --down            remove everything that the demo made`;

await runScript('demo', async () => {
  const options = readOptions();
  if (options.help) console.log(help);
  else if (options.down) await down();
  else await up(options);
});

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        store: { type: 'string' },
        port: { type: 'string' },
        down: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (!['embedded', 'etcd', undefined].includes(values.store)) {
      throw new Failure(`--store must be embedded or etcd, not "${values.store}"`);
    }
    if (values.port !== undefined && !(Number(values.port) > 0 && Number(values.port) < 65_536)) {
      throw new Failure(`--port must be a port, not "${values.port}"`);
    }
    return values;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${error.message.split('\n')[0]}\n${help}`);
  }
}

async function up({ store: wanted, port }) {
  const startedAtMs = Date.now();
  const before = readNotes();
  const store = wanted ?? before.store ?? 'embedded';
  const wasStarted = existsSync(join(dataDir, 'config.json'));
  if (wasStarted && before.store !== undefined && before.store !== store) {
    throw new Failure(
      `the demo already runs on the store ${before.store}: "npm run demo -- --down" removes it first`,
    );
  }
  console.log(`Berth demo (store: ${store}, state in ${shown})\n`);
  makeDataDir();
  await step('npm packages', (note) => ensurePackages(root, note));
  await step('build', () => ensureBuild(root));
  await step('Docker engine', async (note) => {
    const { version, startedByUs } = await ensureDocker(stateDir, note);
    return startedByUs ? `${version}, started by the demo` : version;
  });
  await step('image', (note) => makeImage(note));
  if (store === 'etcd') {
    await step('etcd', async (note) => {
      const etcd = await ensureEtcd(join(dataDir, 'etcd'), readNotes().etcd, note);
      writeNotes({ etcd });
      return `http://127.0.0.1:${etcd.port} (pid ${etcd.pid})`;
    });
  }
  writeNotes({ store });
  await step('Berth', () => startBerth(store, port));
  await step('examples/quickstart', async () => {
    // Whoever scaled the demo by hand owns its replicas; starting it again sets it back.
    await berth('apply', '-f', quickstart, '--force-conflicts');
    await berth('wait', '--for=condition=Available', 'workload/web', '--timeout', '60s');
    return 'workload "web" is available';
  });
  await showPages();
  await showWhatIsMissing();
  showCommands();
  console.log(`\nReady after ${seconds(startedAtMs)}.`);
}

function makeDataDir() {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (error.code !== 'EACCES' && error.code !== 'EROFS') throw error;
    throw new Failure(`cannot write in ${root}: run as root, or clone into a folder of yours`);
  }
}

async function makeImage(note) {
  const build = async () => {
    const { reference, built } = await buildWebImage();
    if (built) writeNotes({ image: true });
    return `${reference}${built ? ', built here' : ''}`;
  };
  try {
    return await build();
  } catch (error) {
    if (!error.message.includes('busybox-static')) throw new Failure(error.message);
    note("installing Debian's busybox-static");
    await installPackages(['busybox-static'], 'the image is made from a static busybox');
    return build();
  }
}

async function startBerth(store, port) {
  const running = await berthStatus();
  if (running.running) return `already runs (pid ${running.pid})`;
  const args = ['up', '--data-dir', dataDir];
  // A plane that ran before keeps its port, so that the kubeconfig stays right.
  const known = existsSync(join(dataDir, 'config.json'));
  if (port !== undefined) args.push('--port', port);
  else if (!known) args.push('--port', String(await freePort(6443)));
  if (store === 'etcd') args.push('--store', `etcd://127.0.0.1:${readNotes().etcd.port}`);
  const output = await run(process.execPath, [join(root, 'bin', 'berth'), ...args]).catch(told);
  return output
    .split('\n')[0]
    .replace(/^Berth is ready /, '')
    .replace(/[().]+$|^\(/g, '');
}

async function showPages() {
  const { items } = JSON.parse(await berth('get', 'pods', '-l', 'app=web', '-o', 'json'));
  console.log('\nWhat came of it:\n');
  for (const { metadata, spec, status } of items) {
    if (metadata.deletionTimestamp !== undefined || status?.podIP === undefined) continue;
    const port = spec.containers[0].ports[0].containerPort;
    const url = `http://${status.podIP}:${port}/`;
    const page = await fetchPage(url);
    const title = /<h1>(.*?)<\/h1>/.exec(page)?.[1] ?? page.trim().split('\n')[0];
    console.log(`  ${metadata.name}  ${url}  "${title}"`);
  }
}

/** A server may need a moment between its start and its first answer. */
async function fetchPage(url, tries = 20) {
  for (let i = 1; ; i += 1) {
    try {
      return await new Promise((resolve, reject) => {
        const outgoing = get(url, { timeout: 2_000, agent: false }, (answer) => {
          let text = '';
          answer.on('data', (chunk) => {
            text += chunk;
          });
          answer.on('error', reject);
          answer.on('end', () => resolve(text));
        });
        outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
        outgoing.on('error', reject);
      });
    } catch (error) {
      if (i >= tries) throw new Failure(`${url} does not answer: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function showWhatIsMissing() {
  const args = [join(root, 'bin', 'berth'), 'doctor', '--data-dir', dataDir, '-o', 'json'];
  // It exits with 1 when something is missing, and says what all the same.
  const output = await run(process.execPath, args).catch(({ stdout }) => stdout || '[]');
  const named = ['systemd', 'KVM', 'libvirt', 'kubectl'];
  const missing = JSON.parse(output).filter(
    ({ name, state }) => named.includes(name) && state !== 'ok',
  );
  if (missing.length === 0) return;
  console.log('\nWhat this machine lacks, and what is left out therefore:\n');
  for (const { name, found, without } of missing) {
    console.log(`  ${name.padEnd(8)} ${found}: ${without}`);
  }
}

function showCommands() {
  const kubectl = findProgram('kubectl') !== undefined;
  const verb = kubectl ? 'kubectl' : 'npx berth';
  // kubectl finds the pods of its own kinds only.
  const pod = kubectl ? '$(kubectl get pods -l app=web -o name | head -n 1)' : 'workload/web';
  const rows = [
    [`export KUBECONFIG=${join(dataDir, 'kubeconfig')}`, ''],
    [`${verb} get workloads,pods -o wide`, 'look at it'],
    [`${verb} scale workload/web --replicas=5`, 'scale it'],
    [`${verb} logs -l app=web -f`, 'follow its logs'],
    [`${verb} exec -it ${pod} -- sh`, 'look inside'],
    [`${verb} delete -f examples/quickstart`, 'get rid of it'],
    [`npx berth down --data-dir ${shown}`, 'stop Berth; the containers keep running'],
    ['npm run demo -- --down', 'remove all that the demo made'],
  ];
  const width = Math.max(...rows.slice(1).map(([command]) => command.length)) + 3;
  console.log('\nGo on with:\n');
  for (const [command, remark] of rows) {
    console.log(`  ${remark === '' ? command : `${command.padEnd(width)}# ${remark}`}`);
  }
}

async function down() {
  if (!existsSync(dataDir)) {
    await step('Docker engine', () => stopOwnDocker(stateDir).catch(noEngine));
    console.log(`\nThere is no demo in ${shown}: nothing else to remove.`);
    return;
  }
  const { etcd, image } = readNotes();
  const built = existsSync(join(root, 'dist', 'cli', 'main.js'));
  const status = built ? await berthStatus() : {};
  if (status.running) {
    await step('workloads', async () => {
      const args = ['--all', '--timeout', '60s'];
      await berth('delete', 'workloads', ...args);
      await berth('delete', 'pods', ...args);
      return 'deleted';
    });
    await step('Berth', async () => {
      await run(process.execPath, [join(root, 'bin', 'berth'), 'down', '--data-dir', dataDir]);
      return 'stopped';
    });
  }
  await step('containers', () => removeLeftOver());
  if (etcd !== undefined) {
    await step('etcd', async () => {
      await stopProcess(etcd);
      return 'stopped';
    });
  }
  if (image) await step('image', async () => ((await removeWebImage()) ? 'removed' : 'was gone'));
  rmSync(dataDir, { recursive: true, force: true });
  await step('Docker engine', () => stopOwnDocker(stateDir).catch(noEngine));
  console.log(`\nEverything the demo made is gone (${shown} too).`);
}

/** What a plane that is gone has left running, known by the label of its node. */
async function removeLeftOver() {
  const nodeId = join(dataDir, 'agent', 'node-id');
  if (!existsSync(nodeId)) return 'none left';
  const label = `berth.dev/node=${readFileSync(nodeId, 'utf8').trim()}`;
  const removed = await removeContainers(label).catch(noEngine);
  return removed === 0 ? 'none left' : `${removed} removed`;
}

function noEngine(error) {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return 'does not run';
  throw error;
}

async function berthStatus() {
  const args = ['status', '--data-dir', dataDir, '-o', 'json'];
  // It exits with 3 when nothing runs.
  const output = await run(process.execPath, [join(root, 'bin', 'berth'), ...args]).catch(
    () => '{}',
  );
  return JSON.parse(output);
}

/** A verb on the demo's own plane, whatever KUBECONFIG says. */
function berth(verb, ...args) {
  const kubeconfig = join(dataDir, 'kubeconfig');
  const all = [join(root, 'bin', 'berth'), verb, ...args, '--kubeconfig', kubeconfig];
  return run(process.execPath, all).catch(told);
}

/** The command's own sentence, without ours around it. */
function told(error) {
  const sentence = error.stderr?.replace(/^berth: /, '');
  throw sentence ? new Failure(sentence) : error;
}

function readNotes() {
  try {
    return JSON.parse(readFileSync(notes, 'utf8'));
  } catch {
    return {};
  }
}

function writeNotes(more) {
  writeFileSync(notes, `${JSON.stringify({ ...readNotes(), ...more })}\n`, { mode: 0o600 });
}
