import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporalBinary } from './locate.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { postgresBinaries } from './postgres-home.ts';
import { asAdmin, createDatabase, createRoles, dropDatabase } from './roles.ts';
import { startTemporal } from './temporal.ts';
import { startValkey } from './valkey.ts';

const folder = mkdtempSync(join(tmpdir(), 'hub servers '));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of ['POSTGRES_ADMIN_URL', 'POSTGRES_BIN', 'TEMPORAL_ADDRESS', 'REDIS_URL']) vi.stubEnv(name, '');
});
afterEach(() => vi.unstubAllEnvs());
const logFile = join(folder, 'server.log');

const ask = async (postgres: Postgres, question: string): Promise<string> =>
  asAdmin(postgres.adminUrl(), async (client) => Object.values((await client.query(question)).rows[0] ?? {}).join());

describe('PostgreSQL', () => {
  it('comes back after a kill on the same address, with its data and its roles', async () => {
    const postgres = await startPostgres({ folder: join(folder, 'postgres'), logFile, durable: false });
    const passwords = { owner: 'owner', app: 'app' };
    await createRoles(postgres.adminUrl(), passwords);
    await createRoles(postgres.adminUrl(), passwords); // a second start finds them
    await createDatabase(postgres.adminUrl(), 'kept');
    const { pid = 0, exited } = postgres.program ?? {};
    process.kill(pid, 'SIGKILL');
    await exited;
    await postgres.restart();
    expect(await ask(postgres, "SELECT count(*) FROM pg_database WHERE datname = 'kept'")).toBe('1');
    const rights = "SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = 'hub_";
    expect(await ask(postgres, `${rights}app'`)).toBe('false,false,true');
    expect(await ask(postgres, `${rights}owner'`)).toBe('false,false,true');
    expect(await ask(postgres, `${rights}lookup'`)).toBe('false,true,false');
    await dropDatabase(postgres.adminUrl(), 'kept');
    await postgres.stop();
  });

  it.runIf(process.getuid?.() === 0)(
    'runs from a temporary folder where its user may not enter, and removes it',
    async () => {
      const closed = join(folder, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      const native = dirname(dirname((await postgresBinaries('')).initdb));
      cpSync(native, join(closed, 'native'), { recursive: true, verbatimSymlinks: true });
      vi.stubEnv('POSTGRES_BIN', join(closed, 'native/bin'));
      const postgres = await startPostgres({ folder: join(closed, 'data'), logFile, durable: false });
      const data = await ask(postgres, 'SHOW data_directory');
      expect(data.startsWith(closed)).toBe(false);
      await postgres.stop();
      expect(existsSync(dirname(data))).toBe(false);
    },
  );

  it('is the one whose address the environment names', async () => {
    vi.stubEnv('POSTGRES_ADMIN_URL', 'postgres://admin@db.example.com:5433/postgres');
    const postgres = await startPostgres({ folder: join(folder, 'unused'), logFile });
    expect(postgres.adminUrl('hub')).toBe('postgres://admin@db.example.com:5433/hub');
    expect(postgres.program).toBeUndefined();
    expect(existsSync(join(folder, 'unused'))).toBe(false);
  });
});

describe('Temporal', () => {
  it('keeps runs in its file over a kill, knows our search attributes and keeps closed runs for 7 days', async () => {
    const temporal = await startTemporal({ logFile, databaseFile: join(folder, 'temporal.db') });
    const operator = (...args: string[]) =>
      execFileSync(temporalBinary(), [...args, '--address', temporal.address], { encoding: 'utf8' });
    operator('workflow', 'start', '--type', 'waiting', '--task-queue', 'none', '--workflow-id', 'kept');
    const { pid = 0, exited } = temporal.program ?? {};
    process.kill(pid, 'SIGKILL');
    await exited;
    await temporal.restart();
    expect(operator('workflow', 'list')).toContain('kept');
    expect(operator('operator', 'search-attribute', 'list')).toMatch(/HubStatus\s+Keyword[\s\S]*TenantId\s+Int/);
    expect(operator('operator', 'namespace', 'describe', '-n', 'default')).toMatch(/RetentionTtl\s+(168h|7d|604800s)/);
    await temporal.stop();
  });

  it('is started anew when it ends a moment after it answered', async () => {
    const [real, stumbling, stumbled] = [temporalBinary(), join(folder, 'bin/temporal'), join(folder, 'stumbled')];
    mkdirSync(dirname(stumbling));
    const server = `[ "$1" = server ] && [ ! -e '${stumbled}' ] || exec '${real}' "$@"`;
    writeFileSync(
      stumbling,
      `#!/bin/sh\n${server}\n: > '${stumbled}'\n'${real}' "$@" &\nsleep 2\nkill -9 $!\nexit 1\n`,
    );
    chmodSync(stumbling, 0o755);
    vi.stubEnv('PATH', `${dirname(stumbling)}:${process.env['PATH']}`);
    const temporal = await startTemporal({ logFile });
    expect(existsSync(stumbled)).toBe(true);
    expect(temporal.program?.isRunning()).toBe(true);
    await temporal.stop();
  });

  it('is the one whose address the environment names', async () => {
    vi.stubEnv('TEMPORAL_ADDRESS', 'temporal.example.com:7233');
    expect(await startTemporal({ logFile })).toMatchObject({
      address: 'temporal.example.com:7233',
      program: undefined,
    });
  });
});

describe('Valkey', () => {
  it('answers, and comes back empty on the same address', async () => {
    const valkey = await startValkey({ logFile });
    const redis = new Redis(valkey.url);
    redis.on('error', () => {}); // while it is away
    await redis.set('key', 'value');
    await valkey.restart();
    expect(await redis.get('key')).toBeNull();
    redis.disconnect();
    await valkey.stop();
  });

  it('is the one whose address the environment names', async () => {
    vi.stubEnv('REDIS_URL', 'redis://cache.example.com:6379');
    expect(await startValkey({ logFile })).toMatchObject({ url: 'redis://cache.example.com:6379', program: undefined });
  });
});
