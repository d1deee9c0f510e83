// Lets libFuzzer, as jazzer.js 4.0.0 brings it for Linux, be loaded where glibc is older than 2.38 (Debian 12 has 2.36). It
// was linked with a newer one and asks for two functions by names of C23, `__isoc23_strtol` and `__isoc23_strtoul`, which
// read `0b` prefixes besides. A copy asks for `strtol` and `strtoul`: that is those names from their tenth letter on. Of
// libstdc++ 13 it asks for a function that only says that streams are set up, and never calls it.

import { hash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const cache = join(import.meta.dirname, '../../.cache');
const prefix = '__isoc23_';
/** The version of symbols that are bound to whatever there is (ELF, "Symbol Versioning", VER_NDX_GLOBAL). */
const anyVersion = 1;
/** A version that need not be there (VER_FLG_WEAK). */
const weak = 2;

const load = process.dlopen.bind(process);
process.dlopen = (module, path, ...flags) => {
  try {
    load(module, path, ...flags);
  } catch (error) {
    if (!(error instanceof Error) || !/`GLIBC_2\.38' not found .*jazzer/.test(error.message)) throw error;
    load(module, copyOf(path), ...flags);
  }
};

function copyOf(path: string): string {
  const original = readFileSync(path);
  const copy = join(cache, `libfuzzer-${hash('sha256', original).slice(0, 16)}.node`);
  if (!existsSync(copy)) {
    mkdirSync(cache, { recursive: true });
    // Whole from the start: another process may be looking for it.
    const aside = `${copy}.${process.pid}`;
    writeFileSync(aside, rename(original));
    renameSync(aside, copy);
  }
  return copy;
}

/** @param elf 64 bits, little-endian */
function rename(elf: Buffer): Buffer {
  const sections = readSections(elf);
  const section = (name: string): Section => {
    const found = sections.get(name);
    if (found === undefined) throw new Error(`libFuzzer has no section ${name}`);
    return found;
  };
  const symbols = section('.dynsym');
  const names = section('.dynstr');
  const versions = section('.gnu.version');
  const needs = section('.gnu.version_r');
  for (let index = 0; index * 24 < symbols.size; index++) {
    const at = symbols.offset + index * 24;
    const name = elf.readUInt32LE(at);
    if (!readText(elf, names.offset + name).startsWith(prefix)) continue;
    elf.writeUInt32LE(name + prefix.length, at);
    elf.writeUInt16LE(anyVersion, versions.offset + index * 2);
  }
  for (let at = needs.offset, nextFile = 1; nextFile !== 0; at += nextFile) {
    nextFile = elf.readUInt32LE(at + 12);
    for (let version = at + elf.readUInt32LE(at + 8), next = 1; next !== 0; version += next) {
      next = elf.readUInt32LE(version + 12);
      const name = readText(elf, names.offset + elf.readUInt32LE(version + 8));
      if (name === 'GLIBC_2.38' || name === 'GLIBCXX_3.4.32')
        elf.writeUInt16LE(elf.readUInt16LE(version + 4) | weak, version + 4);
    }
  }
  return elf;
}

interface Section {
  readonly offset: number;
  readonly size: number;
}

function readSections(elf: Buffer): Map<string, Section> {
  const table = Number(elf.readBigUInt64LE(0x28));
  const count = elf.readUInt16LE(0x3c);
  const header = (index: number) => {
    const at = table + index * 64;
    const offset = Number(elf.readBigUInt64LE(at + 24));
    return { name: elf.readUInt32LE(at), offset, size: Number(elf.readBigUInt64LE(at + 32)) };
  };
  const names = header(elf.readUInt16LE(0x3e)).offset;
  return new Map(
    Array.from({ length: count }, (_, index) => header(index)).map((section) => [
      readText(elf, names + section.name),
      section,
    ]),
  );
}

function readText(elf: Buffer, at: number): string {
  return elf.toString('latin1', at, elf.indexOf(0, at));
}
