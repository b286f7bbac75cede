import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../lib/clock.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { aborted, type FakeProgram, sleeper } from '../../runtime/fake/process.ts';
import { runtimeContract } from './runtime.ts';

const cat: FakeProgram = async ({ stdin, print }) => {
  let all = '';
  for await (const chunk of stdin ?? []) all += chunk;
  print(all.replace(/\n$/, ''));
  return 0;
};

const programs: Record<string, FakeProgram> = {
  sleeper,
  deaf: async ({ print, killed }) => {
    print('ready');
    await aborted(killed);
    return 137;
  },
  exit7: async () => 7,
  printer: async (process) => {
    for (const line of ['one', 'two', 'three']) process.print(line);
    process.print('oops', 'stderr');
    return await sleeper(process);
  },
  ticker: async ({ print }) => {
    print('tick');
    await systemClock.sleep(500);
    print('tock');
    return 0;
  },
  counter: async ({ print, term, killed }) => {
    for (let count = 1; !term.aborted && !killed.aborted; count += 1) {
      print(String(count));
      await systemClock.sleep(50);
    }
    return 143;
  },
  polite: async ({ print, term, killed }) => {
    await aborted(AbortSignal.any([term, killed]));
    print('bye');
    return 3;
  },
  introducer: async ({ argv, container, hostname, print }) => {
    const { env, workingDir, user } = container;
    print([env.GREETING, argv.at(-1), workingDir, user, hostname].join('|'));
    return 0;
  },
  writer: async ({ container, print }) => {
    const mount = container.mounts[0]!;
    const file = join(mount.hostPath, basename('/mnt/file'));
    print(await readFile(file, 'utf8'));
    if (!mount.readOnly) await writeFile(file, 'changed');
    print(mount.readOnly ? 'refused' : 'written');
    return 0;
  },
  server: async (process) => {
    process.localhost.set(8099, 'pong');
    return await sleeper(process);
  },
  client: async (process) => {
    while (!process.localhost.has(8099)) await systemClock.sleep(10);
    process.print(process.localhost.get(8099)!);
    return await sleeper(process);
  },
  listener: async ({ stdin, term, size, print }) => {
    const lines = createInterface({ input: stdin! });
    term.addEventListener('abort', () => lines.close());
    for await (const line of lines) {
      if (line === 'end') break;
      if (line === 'size') print(`${size.rows} ${size.columns}`);
      else if (line === 'warn') print('careful', 'stderr');
      else print(`heard ${line}`);
    }
    return 0;
  },
  cat,
  size: async ({ stdin, size, print }) => {
    for await (const _ of stdin!) break;
    print(`${size.rows} ${size.columns}`);
    return 0;
  },
};

const command = (name: string) => ({ command: [name] });

runtimeContract('fake', async () => {
  const engine = new FakeEngine({ clock: systemClock, programs, images: ['app:1'] });
  return {
    open: (nodeId) => engine.runtime(nodeId),
    image: 'app:1',
    programs: {
      sleeper: command('sleeper'),
      deaf: command('deaf'),
      exit7: command('exit7'),
      printer: command('printer'),
      ticker: command('ticker'),
      counter: command('counter'),
      polite: command('polite'),
      introducer: command('introducer'),
      writer: command('writer'),
      server: command('server'),
      client: command('client'),
      listener: command('listener'),
    },
    commands: { cat: ['cat'], size: ['size'] },
    leftovers: async (nodeId) =>
      [...engine.instances.values()]
        .filter((one) => one.nodeId === nodeId)
        .flatMap((one) => [...one.containers.values()].flat().map((each) => each.containerId)),
  };
}, ['adoption']);
