import { spawn } from 'node:child_process';
import { systemClock } from '../../lib/clock.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import type { FakeProgram } from '../../runtime/fake/process.ts';
import { podContract } from './pod.ts';

/** Processes of this machine play those of containers: what they write is where it would be. */
const script: FakeProgram = ({ argv, term, killed, print }) =>
  new Promise((resolve) => {
    const [word, text = ''] = argv;
    const child = spawn('/bin/sh', ['-c', text], { detached: true });
    const signalled = (name: NodeJS.Signals) => () => {
      try {
        process.kill(-(child.pid ?? 0), name);
      } catch {
        // It has ended.
      }
    };
    // A command beside the program does not hear that the program shall end.
    if (word === 'main') term.addEventListener('abort', signalled('SIGTERM'), { once: true });
    killed.addEventListener('abort', signalled('SIGKILL'), { once: true });
    child.stdout.on('data', (data) => print(String(data).trimEnd()));
    child.on('close', (code) => resolve(code ?? 137));
  });

const programs = { main: script, beside: script };
const options = { clock: systemClock, programs, images: ['app:1'], name: 'docker' } as const;
const engine = new FakeEngine(options);

podContract('fake', {
  ...{ spec: {}, bootMs: 60_000 },
  prepare: async () => undefined,
  open: (nodeId) => engine.runtime(nodeId),
  container: (text) => ({ name: 'main', image: 'app:1', command: ['main', text] }),
  command: (text) => ['beside', text],
});
