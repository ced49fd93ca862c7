import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Brings the database up to date as its owner, and makes the partitions of the months ahead; two programs that start together take turns. Returns the names of what was run. */
export async function migrate(ownerUrl: string): Promise<readonly string[]> {
  // Our own client: the runner does not wait for the end of its own, and a server stopped right after would break the program.
  const dbClient = new pg.Client(ownerUrl);
  await dbClient.connect();
  try {
    const ran = await runner({
      dbClient,
      dir: folder,
      migrationsTable: 'schema_migrations',
      direction: 'up',
      checkOrder: true,
      singleTransaction: true,
      advisoryLockMode: 'wait',
      ignorePattern: '.*\\.md',
      log: () => {},
    });
    await dbClient.query('SELECT ensure_insight_partitions()');
    return ran.map(({ name }) => name);
  } finally {
    await dbClient.end();
  }
}
