#!/usr/bin/env node
// Builds the images of the examples on this machine, without a registry and without a Docker CLI:
// a root file system of one static busybox, handed to the engine as `docker import` does.
//
//   node examples/images/build.mjs            builds what is missing
//   node examples/images/build.mjs --force    builds all anew
//   node examples/images/build.mjs --remove   removes them
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { pathToFileURL } from 'node:url';

const socketPath = '/var/run/docker.sock';
const busyboxPaths = ['/usr/bin/busybox', '/bin/busybox'];

/** The one image of all examples: a shell, the usual tools, and a web server. */
const webImage = {
  repository: 'berth.dev/examples/web',
  tag: '1',
  changes: [
    'ENV PATH=/bin',
    'WORKDIR /',
    'EXPOSE 8080',
    'CMD ["httpd", "-f", "-v", "-p", "8080", "-h", "/www"]',
  ],
};

/** Builds the image unless it is there; says whether it did. */
export async function buildWebImage({ force = false } = {}) {
  const { repository, tag, changes } = webImage;
  const reference = `${repository}:${tag}`;
  if (!force && (await hasImage(reference))) return { reference, built: false };
  const query = new URLSearchParams({ fromSrc: '-', repo: repository, tag });
  for (const change of changes) query.append('changes', change);
  const answer = await engine('POST', `/images/create?${query}`, rootFileSystem());
  // The engine answers 200 and tells of failures in its progress lines.
  const failure = answer.text.match(/"error"\s*:\s*"([^"]*)"/);
  if (answer.status !== 200 || failure) {
    throw new Error(`the Docker engine refused the image: ${failure?.[1] ?? answer.text.trim()}`);
  }
  return { reference, built: true };
}

/** Removes the image; says whether there was one. */
export async function removeWebImage() {
  const reference = `${webImage.repository}:${webImage.tag}`;
  const { status } = await engine('DELETE', `/images/${reference}?force=1`);
  return status === 200;
}

async function hasImage(reference) {
  return (await engine('GET', `/images/${reference}/json`)).status === 200;
}

/** A tar archive: busybox, a link for each of its commands, and the folders programs expect. */
function rootFileSystem() {
  const { bytes, path } = readBusybox();
  const commands = execFileSync(path, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  return tar([
    ...['bin/', 'dev/', 'etc/', 'proc/', 'root/', 'sys/', 'var/', 'www/'].map((name) => ({ name })),
    { name: 'tmp/', mode: 0o1777 },
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\nweb:x:1000:\n' },
    { name: 'www/index.html', content: '<!doctype html>\n<p>Mount a page at /www.</p>\n' },
    { name: 'bin/busybox', mode: 0o755, content: bytes },
    ...commands
      .filter((name) => name !== 'busybox')
      .map((name) => ({ name: `bin/${name}`, link: 'busybox' })),
  ]);
}

function readBusybox() {
  for (const path of busyboxPaths.filter((each) => existsSync(each))) {
    const bytes = readFileSync(path);
    if (isStatic(bytes)) return { path, bytes };
  }
  throw new Error('a static busybox is missing: apt-get install busybox-static');
}

/** A dynamic ELF file names its loader in a program header of type 3. */
function isStatic(bytes) {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2) return false;
  const offset = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  for (let i = 0; i < count; i += 1) {
    if (bytes.readUInt32LE(offset + i * size) === 3) return false;
  }
  return true;
}

/** A POSIX tar; an entry is a folder (name ends in /), a link, or a file. */
function tar(entries) {
  const blocks = [];
  for (const { name, link = '', content, mode } of entries) {
    const data = content === undefined ? Buffer.alloc(0) : Buffer.from(content);
    const type = link !== '' ? '2' : name.endsWith('/') ? '5' : '0';
    const header = Buffer.alloc(512);
    const octal = (value, at, length) =>
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
    header.write(name, 0, 100, 'utf8');
    octal(mode ?? (type === '0' ? 0o644 : 0o755), 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(data.length, 124, 12);
    octal(0, 136, 12); // No time: the same input makes the same image.
    header.write('        ', 148, 'latin1');
    header.write(type, 156, 'latin1');
    header.write(link, 157, 100, 'utf8');
    header.write('ustar\x0000', 257, 'latin1');
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      148,
      7,
    );
    blocks.push(header, data, Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function engine(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined
        ? {}
        : { 'content-type': 'application/x-tar', 'content-length': body.length };
    const outgoing = request({ socketPath, method, path, headers }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    outgoing.on('error', (error) =>
      reject(new Error(`no Docker engine answers at ${socketPath} (${error.code})`)),
    );
    outgoing.end(body);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    if (process.argv.includes('--remove')) {
      console.log((await removeWebImage()) ? 'removed' : 'there was none');
    } else {
      const force = process.argv.includes('--force');
      const { reference, built } = await buildWebImage({ force });
      console.log(`${reference} ${built ? 'built' : 'is there'}`);
    }
  } catch (error) {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
