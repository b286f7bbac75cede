import { RuntimeError } from '../runtime.ts';
import { imageArchive } from './image-archive.ts';

/**
 * The image of the sandbox container: one static program that waits for ever. It ignores the end of
 * its children, so that the kernel buries what containers that share its process ids leave behind.
 */
export const pauseImage = 'berth/pause:2';

const loadAddress = 0x400000;
const elfHeaderBytes = 64;
const programHeaderBytes = 56;

interface Machine {
  /** `e_machine` of the ELF header. */
  readonly elfMachine: number;
  readonly code: readonly number[];
}

/** By the engine's name for its architecture. */
const machines: Readonly<Record<string, Machine>> = {
  amd64: {
    elfMachine: 62,
    code: [
      ...[0x6a, 0x00, 0x6a, 0x00, 0x6a, 0x00, 0x6a, 0x01], // push {SIG_IGN, 0, 0, 0}
      ...[0xb8, 0x0d, 0x00, 0x00, 0x00], //       mov eax, 13 (rt_sigaction)
      ...[0xbf, 0x11, 0x00, 0x00, 0x00], //       mov edi, 17 (SIGCHLD)
      ...[0x48, 0x89, 0xe6], //                   mov rsi, rsp
      ...[0x31, 0xd2], //                         xor edx, edx
      ...[0x41, 0xba, 0x08, 0x00, 0x00, 0x00], // mov r10d, 8
      ...[0x0f, 0x05], //                         syscall
      ...[0xb8, 0x22, 0x00, 0x00, 0x00], // loop: mov eax, 34 (pause)
      ...[0x0f, 0x05], //                        syscall
      ...[0xeb, 0xf7], //                        jmp loop
    ],
  },
  arm64: {
    elfMachine: 183,
    // There is no pause call here; ppoll without files and without a timeout is the same.
    code: [
      ...[0xff, 0x83, 0x00, 0xd1], // sub sp, sp, #32
      ...[0x20, 0x00, 0x80, 0xd2], // mov x0, 1 (SIG_IGN)
      ...[0xe0, 0x03, 0x00, 0xf9], // str x0, [sp]
      ...[0xff, 0xff, 0x00, 0xa9], // stp xzr, xzr, [sp, #8]
      ...[0xff, 0x0f, 0x00, 0xf9], // str xzr, [sp, #24]
      ...[0x20, 0x02, 0x80, 0xd2], // mov x0, 17 (SIGCHLD)
      ...[0xe1, 0x03, 0x00, 0x91], // mov x1, sp
      ...[0x02, 0x00, 0x80, 0xd2], // mov x2, 0
      ...[0x03, 0x01, 0x80, 0xd2], // mov x3, 8
      ...[0xc8, 0x10, 0x80, 0xd2], // mov x8, 134 (rt_sigaction)
      ...[0x01, 0x00, 0x00, 0xd4], // svc 0
      ...[0x28, 0x09, 0x80, 0xd2], // loop: mov x8, 73 (ppoll)
      ...[0x00, 0x00, 0x80, 0xd2], //       mov x0, 0 (no files)
      ...[0x01, 0x00, 0x80, 0xd2], //       mov x1, 0 (none of them)
      ...[0x02, 0x00, 0x80, 0xd2], //       mov x2, 0 (no timeout)
      ...[0x03, 0x00, 0x80, 0xd2], //       mov x3, 0 (no signal mask)
      ...[0x01, 0x00, 0x00, 0xd4], //       svc 0
      ...[0xfa, 0xff, 0xff, 0x17], //       b loop
    ],
  },
};

/** A static ELF executable whose only segment is the code above. */
export function pauseProgram(architecture: string): Buffer {
  const machine = machines[architecture];
  if (machine === undefined) {
    throw new RuntimeError('Unsupported', `no sandbox image for architecture "${architecture}"`);
  }
  const codeOffset = elfHeaderBytes + programHeaderBytes;
  const size = codeOffset + machine.code.length;
  const elf = Buffer.alloc(size);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little-endian, version 1
  elf.writeUInt16LE(2, 16); // e_type: executable
  elf.writeUInt16LE(machine.elfMachine, 18);
  elf.writeUInt32LE(1, 20); // e_version
  elf.writeBigUInt64LE(BigInt(loadAddress + codeOffset), 24); // e_entry
  elf.writeBigUInt64LE(BigInt(elfHeaderBytes), 32); // e_phoff
  elf.writeUInt16LE(elfHeaderBytes, 52); // e_ehsize
  elf.writeUInt16LE(programHeaderBytes, 54); // e_phentsize
  elf.writeUInt16LE(1, 56); // e_phnum
  elf.writeUInt16LE(64, 58); // e_shentsize
  elf.writeUInt32LE(1, elfHeaderBytes); // p_type: load
  elf.writeUInt32LE(5, elfHeaderBytes + 4); // p_flags: read, execute
  elf.writeBigUInt64LE(BigInt(loadAddress), elfHeaderBytes + 16); // p_vaddr
  elf.writeBigUInt64LE(BigInt(loadAddress), elfHeaderBytes + 24); // p_paddr
  elf.writeBigUInt64LE(BigInt(size), elfHeaderBytes + 32); // p_filesz
  elf.writeBigUInt64LE(BigInt(size), elfHeaderBytes + 40); // p_memsz
  elf.writeBigUInt64LE(0x1000n, elfHeaderBytes + 48); // p_align
  elf.set(machine.code, codeOffset);
  return elf;
}

/** What the engine's image-load call takes. */
export function pauseImageArchive(architecture: string): Buffer {
  return imageArchive({
    reference: pauseImage,
    architecture,
    files: [{ path: 'pause', mode: 0o755, content: pauseProgram(architecture) }],
    config: { Entrypoint: ['/pause'] },
  });
}
