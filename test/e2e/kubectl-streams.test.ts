/** What talks with a pod in both directions: attach and port-forward, by kubectl and by another client. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { Attach, KubeConfig, PortForward } from '@kubernetes/client-node';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../harness/etcd.ts';
import { busyboxImage } from '../harness/images.ts';
import { type Kubectl, kubectlBinary, kubectlOf, kubectls } from '../harness/kubectl.ts';
import { type Running, startCommand } from '../harness/run-command.ts';
import { containerOf, onEmbedded, Scene } from './scene.ts';
import { until } from './until.ts';

/** Those whose port-forward speaks WebSocket. */
const forwarders = kubectls.filter(({ version }) => version !== '1.30');
const older = kubectls.find(({ version }) => version === '1.30');
if (kubectlBinary !== undefined && forwarders.length === 0) {
  console.warn('There is no kubectl 1.31 or newer here: port-forward by kubectl is left out.');
}

/** Serves a page, one random megabyte and ten of them on port 80, and says on port 9000 what it hears. */
const serverScript =
  'mkdir /w; echo hello >/w/index.html; dd if=/dev/urandom of=/w/big bs=1M count=10 2>/dev/null; ' +
  'head -c 1000000 /w/big >/w/part; httpd -p 80 -h /w; touch /w/ready; trap "exit 0" TERM; nc -ll -p 9000 -e cat & wait';

onEmbedded('streams', (plane) => {
  let scene: Scene;
  const running: Running[] = [];

  beforeAll(async () => {
    scene = await Scene.open(plane());
    await scene.createPod('web', { containers: [containerOf(serverScript)] });
    await scene.untilReady('web');
    await until('it serves', async () => {
      return (await scene.exec('web', 'test', '-f', '/w/ready')).code === 0;
    });
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop('SIGKILL')));
  });

  /** A local port that leads to one of the pod's. */
  const forward = async (kubectl: Kubectl, remote: number) => {
    const local = await freePort();
    const process = kubectl.start(`port-forward pod/web ${local}:${remote}`);
    running.push(process);
    await until('kubectl listens', () => process.stdout().includes(`127.0.0.1:${local} ->`));
    return { process, local, url: `http://127.0.0.1:${local}` };
  };

  const digest = (data: Uint8Array) => createHash('md5').update(data).digest('hex');
  const fetchDigest = async (url: string) => {
    const response = await fetch(url, { headers: { connection: 'close' } });
    return digest(new Uint8Array(await response.arrayBuffer()));
  };

  describe.each(forwarders)('port-forward by kubectl $version', (binary) => {
    const kubectlHere = () => kubectlOf(plane(), { namespace: scene.namespace, binary });

    test('a page, ten megabytes, and twenty connections at once', async () => {
      const { url, process } = await forward(kubectlHere(), 80);
      expect(await (await fetch(url)).text()).toBe('hello\n');
      const { stdout } = await scene.exec('web', 'md5sum', '/w/big', '/w/part');
      const [big, part] = stdout.split('\n').map((line) => line.slice(0, 32));
      expect(await fetchDigest(`${url}/big`)).toBe(big);
      const many = Array.from({ length: 20 }, () => fetchDigest(`${url}/part`));
      expect(await Promise.all(many)).toEqual(Array.from(many, () => part));
      expect(process.stderr()).toBe('');
    });

    test('what is sent up comes back whole; ctrl-C closes everything', async () => {
      const { local, process } = await forward(kubectlHere(), 9000);
      const payload = Buffer.alloc(10 << 20, 'all of it, ');
      const socket = connect(local, '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.write(payload);
      const length = () => chunks.reduce((sum, each) => sum + each.length, 0);
      await until('it came back', () => length() === payload.length);
      expect(digest(Buffer.concat(chunks))).toBe(digest(payload));
      const cats = async () => (await scene.exec('web', 'pidof', 'cat')).stdout.trim();
      expect(await cats()).not.toBe('');
      await process.stop('SIGINT');
      await until('the pod has no connection', async () => (await cats()) === '');
      await until('ours is closed', () => socket.closed);
    });

    test('nobody listens', async () => {
      const { url, process } = await forward(kubectlHere(), 81);
      await expect(fetch(url)).rejects.toThrow();
      await until('kubectl says why', () => process.stderr().includes('connection refused'));
      expect(process.stderr()).toMatch(/error forwarding port 81 to pod web, uid \S+: failed to/);
    });

    test('a pod that is not there', async () => {
      const { code, stderr } = await kubectlHere()('port-forward pod/absent 1234:80');
      expect(code).toBe(1);
      expect(stderr).toContain('pods "absent" not found');
    });
  });

  test.skipIf(older === undefined)('an older kubectl is told which one it takes', async () => {
    const kubectl = kubectlOf(plane(), { namespace: scene.namespace, binary: older! });
    const { code, stderr } = await kubectl(`port-forward pod/web ${await freePort()}:80`);
    expect(code).toBe(1);
    expect(stderr).toContain('use kubectl 1.31 or newer');
  });

  describe.skipIf(kubectlBinary === undefined)('attach by kubectl', () => {
    /** In a terminal of 27 rows and 91 columns. */
    const inTerminal = (args: string) => {
      const words = [...scene.kubectl.command, ...args.split(' ')].join(' ');
      const env = { KUBECONFIG: plane().kubeconfig, HOME: plane().dataDir, TERM: 'dumb' };
      const command = `stty cols 91 rows 27; ${words}; echo code=$?`;
      const process = startCommand('script', ['-qec', command, '/dev/null'], { env });
      running.push(process);
      return process;
    };
    const type = (process: Running, text: string) => process.child.stdin?.write(text);
    const says = (process: Running, what: string) =>
      until(`it says ${what}`, () => process.stdout().includes(what)).catch((error) => {
        throw new Error(`${error.message} ${process.stdout()}`);
      });

    test('-it: a terminal of the right size, until the container ends', async () => {
      const shell = { command: ['sh'], stdin: true, tty: true };
      await scene.createPod('shell', {
        restartPolicy: 'Never',
        containers: [containerOf('', shell)],
      });
      await scene.untilReady('shell');
      const process = inTerminal('attach -it shell');
      await says(process, 'If you don');
      await until('the terminal has its size', async () => {
        type(process, 'stty size\r');
        return process.stdout().includes('27 91');
      });
      // The engine must not take ctrl-p and ctrl-q for a wish to leave; ctrl-u clears the line.
      type(process, '\x10\x11\x15');
      type(process, 'echo st""ill here\r');
      await says(process, 'still here');
      type(process, 'exit 3\r');
      await says(process, 'code=0');
      const { status } = await scene.untilPod('shell', 'has failed', (pod) => {
        return pod.status?.phase === 'Failed';
      });
      expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3);
      const late = await scene.kubectl('attach shell');
      expect(late.stderr).toContain('cannot attach a container in a completed pod');
    });

    test('run -it --rm leaves nothing but the exit code', async () => {
      const run = `run -it --rm --restart=Never --image=${busyboxImage} once -- sh`;
      const process = inTerminal(run);
      await until('the shell answers', async () => {
        type(process, 'echo he""llo\r');
        return process.stdout().includes('hello');
      });
      type(process, 'exit 4\r');
      await says(process, 'code=4');
      expect(process.stdout()).not.toContain('Warning');
      expect((await scene.pods()).map(({ metadata }) => metadata.name)).not.toContain('once');
    });

    test('run -i passes its input on, to its end', async () => {
      const stdin = `${'x'.repeat(3_000)}\n`.repeat(100);
      const words = `run -i --quiet --rm --restart=Never --image=${busyboxImage} pipe -- cat`;
      const { code, stdout } = await scene.kubectl(words, { stdin });
      expect([code, stdout]).toEqual([0, stdin]);
    });
  });

  describe('another client', () => {
    const config = () => {
      const made = new KubeConfig();
      made.loadFromFile(plane().kubeconfig);
      return made;
    };
    const read = (stream: PassThrough) => {
      let all = '';
      stream.on('data', (chunk) => {
        all += chunk;
      });
      return () => all;
    };

    test('port-forward', async () => {
      const [out, err, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const [said, wrong] = [read(out), read(err)];
      const { namespace } = scene;
      await new PortForward(config()).portForward(namespace, 'web', [80], out, err, input);
      input.write('GET / HTTP/1.0\r\n\r\n');
      await until('the page comes', () => said().endsWith('hello\n'));
      expect(said()).toMatch(/^HTTP\/1\.[01] 200 OK/);
      await new PortForward(config()).portForward(namespace, 'web', [81], out, err, input);
      await until('the refusal comes', () => wrong().includes('connection refused'));
    });

    test('attach', async () => {
      const script = 'while read -r line; do echo "heard $line"; echo careful >&2; done';
      await scene.createPod('ear', { containers: [containerOf(script, { stdin: true })] });
      await scene.untilReady('ear');
      const [out, err, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const [said, warned] = [read(out), read(err)];
      const attach = new Attach(config());
      const { namespace } = scene;
      const socket = await attach.attach(namespace, 'ear', 'main', out, err, input, false);
      input.write('one\n');
      await until('it answers', () => said() === 'heard one\n' && warned() === 'careful\n');
      socket.close();
    });
  });
});
