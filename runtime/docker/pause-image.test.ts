import { expect, test } from 'vitest';
import { pauseProgram } from './pause-image.ts';

test.each([
  ['amd64', 62, 40],
  ['arm64', 183, 72],
])('%s: an ELF whose entry is its code', (architecture, elfMachine, codeBytes) => {
  const elf = pauseProgram(architecture);
  expect(elf.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  expect(elf.readUInt16LE(18)).toBe(elfMachine);
  expect(elf.readBigUInt64LE(24)).toBe(0x400078n);
  expect(elf.length).toBe(0x78 + codeBytes);
  expect(elf.readBigUInt64LE(64 + 32)).toBe(BigInt(elf.length));
});

test('an unknown machine is refused', () => {
  expect(() => pauseProgram('riscv64')).toThrow(/riscv64/);
});
