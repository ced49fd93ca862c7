import pg from 'pg';

export interface RolePasswords {
  owner: string;
  app: string;
}

/** Makes the three roles of an installation, or gives existing ones these passwords: who owns the tables, who the programs are, who the look-ups run as. */
export async function createRoles(adminUrl: string, passwords: RolePasswords): Promise<void> {
  await asAdmin(adminUrl, async (client) => {
    await createRole(client, 'hub_owner', `LOGIN PASSWORD ${client.escapeLiteral(passwords.owner)}`);
    await createRole(
      client,
      'hub_app',
      `LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ${client.escapeLiteral(passwords.app)}`,
    );
    await createRole(client, 'hub_lookup', 'NOLOGIN BYPASSRLS');
    await client.query('GRANT hub_lookup TO hub_owner');
  });
}

/** An empty database owned by `hub_owner`. */
export async function createDatabase(adminUrl: string, name: string): Promise<void> {
  await asAdmin(adminUrl, (client) => client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} OWNER hub_owner`));
}

export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await asAdmin(adminUrl, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`),
  );
}

/** The same address as another role. */
export function asRole(url: string, role: string, password: string): string {
  const address = new URL(url);
  address.username = role;
  address.password = password;
  return address.href;
}

async function createRole(client: pg.Client, name: string, options: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  await client.query(`${rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${name} ${options}`);
}

export async function asAdmin<T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(adminUrl);
  client.on('error', () => {}); // a lost connection shows as a failed query; without a listener it ends the program
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
