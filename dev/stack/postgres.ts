import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { type PostgresHome, postgresHome } from './postgres-home.ts';
import { type Program, startAndWait } from './process.ts';
import { asAdmin } from './roles.ts';

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

  const home = await postgresHome(options.folder);
  const password = randomBytes(18).toString('base64url');
  initialise(home, password);
  const port = await freePort(options.port);
  const adminUrl = (database = 'postgres') => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  const start = () => startServer(home, port, adminUrl(), options);
  const postgres: Postgres = {
    adminUrl,
    program: await start(),
    async restart() {
      await postgres.program?.stop();
      postgres.program = await startAgain(start);
    },
    async stop() {
      await postgres.program?.stop();
      home.leave();
    },
  };
  return postgres;
}

function initialise({ binaries, data, scratch, owner }: PostgresHome, password: string): void {
  const passwordFile = join(scratch, `marketing-hub-${randomBytes(6).toString('hex')}`);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner) chownSync(passwordFile, owner.uid, owner.gid);
  const made = spawnSync(
    binaries.initdb,
    ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C'],
    { ...(owner ?? {}), cwd: data, encoding: 'utf8' },
  );
  rmSync(passwordFile, { force: true });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error?.message}`);
}

function startServer(
  { binaries, data, owner }: PostgresHome,
  port: number,
  url: string,
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
  return startAndWait(
    {
      name: 'postgres',
      command: binaries.postgres,
      args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      cwd: data,
      logFile: options.logFile,
      stopSignal: 'SIGINT',
      ...(options.verbose === undefined ? {} : { verbose: options.verbose }),
      ...(owner ?? {}),
    },
    // The port opens before recovery ends, so ask a question.
    () => asAdmin(url, async (client) => (await client.query('SELECT 1')).rowCount === 1),
  );
}

/** Right after a kill, backends of the old server may still hold its shared memory, and the new one refuses to start. */
async function startAgain(start: () => Promise<Program>, tries = 5): Promise<Program> {
  try {
    return await start();
  } catch (error) {
    if (tries <= 1) throw error;
    await sleep(500);
    return startAgain(start, tries - 1);
  }
}

function withDatabase(url: string, database = 'postgres'): string {
  const address = new URL(url);
  address.pathname = `/${database}`;
  return address.href;
}
