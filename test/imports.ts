import { dirname, posix } from 'node:path';

export interface Import {
  /** Relative to the clone, as is `target` of a local import. */
  file: string;
  target: string;
  local: boolean;
  /** Gone when the program runs. */
  typeOnly: boolean;
}

const statement = /^[ \t]*(?:import|export)\b([^'";]*?)\bfrom\s*['"]([^'"]+)['"]|^[ \t]*import\s*['"]([^'"]+)['"]/gm;
const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Reads a module's imports with regular expressions: TypeScript 7 has no API to ask. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  for (const [, clause = '', from, bare] of text.matchAll(statement)) {
    found.push(toImport(file, from ?? bare ?? '', from !== undefined && isTypeOnly(clause)));
  }
  for (const [, target = ''] of text.matchAll(dynamic)) found.push(toImport(file, target, false));
  return found;
}

function toImport(file: string, specifier: string, typeOnly: boolean): Import {
  const local = specifier.startsWith('.');
  return { file, target: local ? posix.join(dirname(file), specifier) : specifier, local, typeOnly };
}

function isTypeOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const names = /^\s*\{([\s\S]*)\}\s*$/
    .exec(clause)?.[1]
    ?.split(',')
    .map((name) => name.trim());
  return names?.every((name) => name === '' || name.startsWith('type ')) ?? false;
}
