import { systemClock } from '../../lib/clock.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { aborted, type FakeProgram } from '../../runtime/fake/process.ts';
import { mainOf } from './instance/life.ts';
import { instanceContract } from './instance.ts';
import { oneContainer } from './shell.ts';

/** How many there are of those that last, by their marks. */
const lasting = new Map<string, number>();

const programs: Record<string, FakeProgram> = {
  polite: async ({ print, term, killed }) => {
    print('ready');
    await aborted(AbortSignal.any([term, killed]));
    return 3;
  },
  both: async ({ print }) => {
    print('out');
    print('err', 'stderr');
    return 5;
  },
  cat: async ({ stdin, print }) => {
    let all = '';
    for await (const chunk of stdin ?? []) all += chunk;
    print(all.replace(/\n$/, ''));
    return 0;
  },
  lasting: async ({ argv, killed }) => {
    const mark = argv.at(-1) ?? '';
    lasting.set(mark, (lasting.get(mark) ?? 0) + 1);
    await aborted(killed);
    lasting.set(mark, (lasting.get(mark) ?? 0) - 1);
    return 137;
  },
  counting: async ({ argv, print }) => {
    print(String(lasting.get(argv.at(-1) ?? '') ?? 0));
    return 0;
  },
};

const engine = new FakeEngine({ clock: systemClock, programs, images: ['app:1'] });
const containers = () =>
  [...engine.instances.values()].flatMap((instance) =>
    [...instance.containers.values()].flat().map((one) => ({ ...instance, one })),
  );

instanceContract('fake', {
  ...oneContainer('app:1', { command: ['polite'] }, { command: ['/berth/absent'] }),
  ...{ gaps: ['adoption'], refusals: [] },
  commands: {
    ...{ both: ['both'], cat: ['cat'], missing: ['absent'] },
    lasting: (mark) => ['lasting', String(mark)],
    counting: (mark) => ['counting', String(mark)],
  },
  outage: {
    inStarts: true,
    begin: async () => engine.setAway(true),
    end: async () => engine.setAway(false),
  },
  prepare: async () => undefined,
  open: (nodeId) => engine.runtime(nodeId),
  processOf: async (status) => Number(mainOf(status).containerId.replace('fake://', '')),
  async cpuMilliOf(status) {
    const { containerId } = mainOf(status);
    const found = containers().find(({ one }) => one.containerId === containerId);
    return found?.one.spec.limits.cpuMilli ?? 0;
  },
  async kill(_, { id, containers: [main] }) {
    await engine.exit(id, main?.name ?? '', 137);
  },
  leftovers: async (nodeId) =>
    containers()
      .filter((each) => each.nodeId === nodeId)
      .map(({ one }) => one.containerId),
});
