import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../adapters/postgres/migrate.ts';
import { root } from '../dev/stack/locate.ts';
import { startPostgres } from '../dev/stack/postgres.ts';
import { removedWithUs } from '../dev/stack/process.ts';
import { asRole, createDatabase, createRoles } from '../dev/stack/roles.ts';
import { startValkey } from '../dev/stack/valkey.ts';

const passwords = { owner: 'owner', app: 'app' };

/** One PostgreSQL with a migrated template database and one Valkey for all test files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  mkdirSync(join(root, '.data'), { recursive: true });
  const folder = mkdtempSync(join(root, '.data/test-'));
  const remove = removedWithUs(folder);
  const postgres = await startPostgres({
    folder: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    durable: false,
  });
  const valkey = await startValkey({ logFile: join(folder, 'valkey.log') });
  await createRoles(postgres.adminUrl(), passwords);
  await createDatabase(postgres.adminUrl(), 'hub_template');
  await migrate(asRole(postgres.adminUrl('hub_template'), 'hub_owner', passwords.owner));
  project.provide('postgresAdminUrl', postgres.adminUrl('postgres'));
  project.provide('redisUrl', valkey.url);
  return async () => {
    await Promise.all([postgres.stop(), valkey.stop()]);
    remove();
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    postgresAdminUrl: string;
    redisUrl: string;
  }
}
