/** What people get wrong: each is refused with the place and a remedy, and nothing of it is stored. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { kubectlBinary, manifestText } from '../harness/kubectl.ts';
import { containerOf, onEmbedded, podOf, restScript, Scene, workloadOf } from './scene.ts';

interface BadInput {
  readonly what: string;
  readonly manifest: string | object;
  /** Everything that must be said. */
  readonly says: readonly (string | RegExp)[];
  /** Where server-side apply finds it while it merges, and has other words. */
  readonly mergeSays?: readonly string[];
}

const table: readonly BadInput[] = [
  {
    what: 'malformed YAML',
    manifest: 'apiVersion: v1\nkind: Pod\nmetadata: {name: bad\n',
    says: ['error parsing', /yaml|line/],
  },
  {
    what: 'no kind',
    manifest: { apiVersion: 'v1', metadata: { name: 'bad' } },
    says: ['kind', /not set|missing/],
  },
  {
    what: 'a kind that does not exist',
    manifest: { apiVersion: 'berth.dev/v1', kind: 'Submarine', metadata: { name: 'bad' } },
    says: ['no matches for kind "Submarine" in version "berth.dev/v1"'],
  },
  {
    what: 'an unknown field of a workload',
    manifest: workload({ replica: 3 }),
    says: ['unknown field "spec.replica"'],
    mergeSays: ['.spec.replica: field not declared in schema'],
  },
  {
    what: 'an unknown field of a pod',
    manifest: { ...podOf('bad', {}), spec: { ...podOf('bad', {}).spec, contaners: [] } },
    says: ['unknown field "spec.contaners"'],
    mergeSays: ['.spec.contaners: field not declared in schema'],
  },
  {
    what: 'a wrong type in a workload',
    manifest: workload({ replicas: 'three' }),
    says: ['spec.replicas', 'must be of type integer', 'string'],
    mergeSays: ['.spec.replicas: expected numeric', 'got string'],
  },
  {
    what: 'a wrong type in a pod',
    manifest: pod({ terminationGracePeriodSeconds: 'soon' }),
    says: ['terminationGracePeriodSeconds', /integer|int64|number/],
    mergeSays: ['.spec.terminationGracePeriodSeconds: expected numeric', 'got string'],
  },
  {
    what: 'negative replicas',
    manifest: workload({ replicas: -1 }),
    says: ['spec.replicas', '-1', 'greater than or equal to 0'],
  },
  {
    what: 'an impossible quantity in a workload',
    manifest: workload({}, { resources: { limits: { memory: '64Mio' } } }),
    says: ['spec.template.spec.containers[0].resources.limits.memory', '64Mio', /quantit/],
  },
  {
    what: 'an impossible quantity in a pod',
    manifest: pod({ containers: [containerOf('', { resources: { requests: { cpu: 'lots' } } })] }),
    says: ['spec.containers[0].resources.requests.cpu', 'lots', /quantit/],
  },
  {
    what: 'a negative quantity',
    manifest: pod({ containers: [containerOf('', { resources: { requests: { cpu: '-1' } } })] }),
    says: ['spec.containers[0].resources.requests[cpu]', 'must be greater than or equal to 0'],
  },
  {
    what: 'more asked for than allowed',
    manifest: pod({
      containers: [
        containerOf('', { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
      ],
    }),
    says: ['spec.containers[0].resources.requests', 'must be less than or equal to cpu limit'],
  },
  {
    what: 'no image in a workload',
    manifest: workload({}, { image: undefined }),
    says: ['spec.template.spec.containers[0].image', 'Required value'],
  },
  {
    what: 'no image in a pod',
    manifest: pod({ containers: [{ name: 'main' }] }),
    says: ['spec.containers[0].image', 'Required value'],
  },
  {
    what: 'no containers',
    manifest: pod({ containers: [] }),
    says: ['spec.containers', 'Required value'],
  },
  {
    what: 'two containers of one name',
    manifest: pod({ containers: [containerOf(''), containerOf('')] }),
    says: ['spec.containers[1].name', 'Duplicate value: "main"'],
    mergeSays: ['.spec.containers: duplicate entries for key [name="main"]'],
  },
  {
    what: 'two containers of one name in a workload',
    manifest: workload({}, {}, [containerOf('')]),
    says: ['spec.template.spec.containers[1]', 'Duplicate value'],
    mergeSays: ['.spec.template.spec.containers: duplicate entries for key [name="main"]'],
  },
  {
    what: 'a mount of a volume that is not there',
    manifest: pod({
      containers: [containerOf('', { volumeMounts: [{ name: 'ghost', mountPath: '/x' }] })],
    }),
    says: ['spec.containers[0].volumeMounts[0].name', 'Not found: "ghost"'],
  },
  {
    what: 'a port that is none',
    manifest: pod({ containers: [containerOf('', { ports: [{ containerPort: 70_000 }] })] }),
    says: ['spec.containers[0].ports[0].containerPort', '70000', /between 1 and 65535|65535/],
  },
  {
    what: 'a restart policy that nobody knows',
    manifest: pod({ restartPolicy: 'Sometimes' }),
    says: ['spec.restartPolicy', 'Sometimes', 'Always', 'OnFailure', 'Never'],
  },
  {
    what: 'a strategy that nobody knows',
    manifest: workload({ placement: { strategy: 'Everywhere' } }),
    says: ['spec.placement.strategy', 'Everywhere', 'Spread', 'Pack'],
  },
  {
    what: 'a selector that does not match the template',
    manifest: workload({ selector: { matchLabels: { app: 'other' } } }),
    says: ['spec.template.metadata.labels', /selector.*does not match|must match/],
  },
  {
    what: 'no selector',
    manifest: workload({ selector: undefined }),
    says: ['spec.selector', 'Required value'],
  },
  {
    what: 'a name in capitals',
    manifest: { ...workload({}), metadata: { name: 'Bad' } },
    says: ['metadata.name', 'Bad', 'lower case alphanumeric'],
  },
  {
    what: 'a container name in capitals',
    manifest: pod({ containers: [containerOf('', { name: 'Main' })] }),
    says: ['spec.containers[0].name', 'Main', 'lower case alphanumeric'],
  },
  {
    what: 'an illegal label',
    manifest: { ...workload({}), metadata: { name: 'bad', labels: { a: 'b c' } } },
    says: ['metadata.labels', 'b c'],
  },
  {
    what: 'a key of a ConfigMap that cannot be a file',
    manifest: config({ 'a/b': '1' }),
    says: ['data[a/b]', /alphanumeric/],
  },
  {
    what: 'a value of a ConfigMap that is no text',
    manifest: config({ a: 1 }),
    says: ['data.a', /string/],
  },
  {
    what: 'a namespace that does not exist',
    manifest: { ...workload({}), metadata: { name: 'bad', namespace: 'nowhere' } },
    says: ['namespaces "nowhere" not found'],
  },
];

describe.skipIf(kubectlBinary === undefined)('kubectl', () => {
  onEmbedded('bad input', (plane) => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await Scene.open(plane());
    });

    const isEmpty = async () => {
      const left = await scene.kubectl.ok('get workloads,pods,configmaps -A -o name');
      expect(left.split('\n').filter((name) => /bad/i.test(name))).toEqual([]);
    };

    describe.concurrent('is refused', () => {
      test.each(table)('$what', async ({ manifest, says, mergeSays = says }) => {
        const namespaced =
          typeof manifest === 'object' && JSON.stringify(manifest).includes('"namespace"');
        const flags = namespaced ? ['-n', 'nowhere'] : [];
        const stdin = manifestText(manifest);
        for (const [words, mode] of [
          [says, []],
          [mergeSays, ['--server-side']],
        ] as const) {
          const { code, stdout, stderr } = await scene.kubectl(
            ['apply', '-f', '-', ...mode, ...flags],
            { stdin },
          );
          expect(stdout).toBe('');
          for (const word of words)
            expect(stderr).toMatch(word instanceof RegExp ? word : literally(word));
          expect(stderr).not.toMatch(/\bat .*\.(js|ts):\d+/);
          expect(code).toBe(1);
        }
      });

      test('an object of 4 MB', async () => {
        const { code, stderr } = await scene.kubectl('create -f -', {
          stdin: manifestText(config({ a: 'x'.repeat(4 * 1024 * 1024) })),
        });
        expect(code).toBe(1);
        expect(stderr).toMatch(/too large|Too long|limit/i);
      });
    });

    test('nothing of it was stored', isEmpty);

    test('what cannot be changed later says so', async () => {
      const { kubectl } = scene;
      await kubectl.apply(workloadOf('fixed', { replicas: 0 }, restScript));
      const spec = { selector: { matchLabels: { app: 'other' } } };
      const { code, stderr } = await kubectl([
        'patch',
        'wl',
        'fixed',
        '--type=merge',
        '-p',
        JSON.stringify({ spec }),
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/spec\.selector.*(immutable|cannot be changed)/);
      expect(await kubectl.ok('get wl fixed -o jsonpath={.spec.selector.matchLabels.app}')).toBe(
        'fixed',
      );
    });

    test('an unknown field is only a warning when the user wants it so', async () => {
      const bad = manifestText({ ...config({ a: '1' }), metadata: { name: 'lenient' }, dada: {} });
      const warned = await scene.kubectl('apply -f - --validate=warn', { stdin: bad });
      expect(warned.code).toBe(0);
      expect(warned.stderr).toContain('Warning: unknown field "dada"');
      const stored = JSON.parse(await scene.kubectl.ok('get cm lenient -o json'));
      expect(Object.keys(stored).sort()).toEqual(['apiVersion', 'data', 'kind', 'metadata']);
    });
  });
});

function workload(spec: object, container: object = {}, more: readonly object[] = []): JsonObject {
  const whole = JSON.parse(JSON.stringify(workloadOf('bad', {}, restScript)));
  const [first] = whole.spec.template.spec.containers;
  whole.spec.template.spec.containers = [{ ...first, ...container }, ...more];
  return { ...whole, spec: { ...whole.spec, ...spec } };
}

function pod(spec: object): JsonObject {
  const whole = JSON.parse(JSON.stringify(podOf('bad', {})));
  return { ...whole, spec: { ...whole.spec, ...spec } };
}

function config(data: object): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bad' }, data };
}

function literally(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
}
