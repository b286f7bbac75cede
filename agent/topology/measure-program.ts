/**
 * The program that measures one disk, as text for `node -e`: a process of its own, because every read past the kernel's
 * cache holds a thread for as long as the disk takes, and the agent has few. It prints one line of JSON.
 *
 * Arguments: a file to make (and remove), its size in bytes, milliseconds for each of the five parts: the file is
 * written, then bytes a second are measured in order, then operations a second anywhere in it.
 */
export const measureProgram = `
const fs = require('node:fs');
const { constants: { O_CREAT, O_DIRECT, O_EXCL, O_RDWR } } = fs;
const [path, sizeText, partText] = process.argv.slice(1);
const [size, partMs] = [Number(sizeText), Number(partText)];
const small = 4096;
const large = 1 << 20;
const together = 16;
// Memory of WebAssembly begins at a page: reads and writes past the cache want that.
const memory = new WebAssembly.Memory({ initial: (together * large) / 65536 }).buffer;
const buffers = Array.from({ length: together }, (_, at) => new Uint8Array(memory, at * large, large));
for (const buffer of buffers) require('node:crypto').randomFillSync(buffer);
const call = (how, ...args) =>
  new Promise((resolve, reject) =>
    how(...args, (error, done) => (error ? reject(error) : resolve(done))));

// Each of so many goes on until the time is over; answers operations a second.
async function rate(count, operation) {
  const begin = process.hrtime.bigint();
  const elapsed = () => Number(process.hrtime.bigint() - begin) / 1e6;
  let done = 0;
  const worker = async (at) => {
    while (elapsed() < partMs) {
      await operation(buffers[at]);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: count }, (_, at) => worker(at)));
  return (done * 1000) / elapsed();
}

async function main() {
  const file = fs.openSync(path, O_CREAT | O_EXCL | O_RDWR | O_DIRECT, 0o600);
  // Without a name it goes with this process, however that ends.
  fs.unlinkSync(path);
  // What was never written is no work to read; a slow disk gets a smaller file.
  let blocks = 0;
  const until = Date.now() + partMs;
  while (blocks < size / large && (blocks < 1 || Date.now() < until))
    await call(fs.write, file, buffers[blocks % together], 0, large, blocks++ * large);
  let next = 0;
  const inOrder = () => (next++ % blocks) * large;
  const anywhere = () => Math.floor((Math.random() * blocks * large) / small) * small;
  const writeBPS = large * (await rate(4, (buffer) => call(fs.write, file, buffer, 0, large, inOrder())));
  const readBPS = large * (await rate(4, (buffer) => call(fs.read, file, buffer, 0, large, inOrder())));
  const readIOPS = await rate(together, (buffer) => call(fs.read, file, buffer, 0, small, anywhere()));
  const writeIOPS = await rate(together, (buffer) => call(fs.write, file, buffer, 0, small, anywhere()));
  fs.closeSync(file);
  const whole = Object.entries({ readIOPS, writeIOPS, readBPS, writeBPS });
  console.log(JSON.stringify(Object.fromEntries(whole.map(([name, value]) => [name, Math.floor(value)]))));
}
main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
`;
