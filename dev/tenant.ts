import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { hashPassword } from '../adapters/crypto/passwords.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { createTenant } from '../adapters/postgres/tenants.ts';
import { AppError } from '../domain/error.ts';
import { isTimeZone } from '../domain/time-zones.ts';
import { sha256 } from '../web/secrets.ts';

const USAGE =
  'npm run tenant -- create --name NAME --email ADDRESS --zone America/Argentina/Buenos_Aires --country AR --currency ARS [--person NAME]';
const text = { type: 'string' } as const;
const tenantArguments = z.object({
  name: z.string().trim().min(1).max(200),
  email: z.email().toLowerCase(),
  zone: z.string().refine(isTimeZone, 'is no time zone'),
  country: z.string().regex(/^[A-Z]{2}$/, 'is two capital letters'),
  currency: z.string().refine((currency) => Intl.supportedValuesOf('currency').includes(currency), 'is no currency'),
  person: z.string().trim().min(1).max(200).optional(),
});

const given = read();
const url = process.env['MIGRATE_DATABASE_URL'];
if (!url) fail('MIGRATE_DATABASE_URL is missing: the database as its owner');
const password = randomBytes(12).toString('base64url');
const adminToken = `hub_admin_${randomBytes(24).toString('base64url')}`;
const database = await connectDatabase(url, { maxPoolSize: 2 });
try {
  const { tenantId } = await createTenant(database, {
    name: given.name,
    country: given.country,
    timeZone: given.zone,
    currency: given.currency,
    user: { name: given.person ?? given.name, email: given.email, passwordHash: await hashPassword(password) },
    adminKeyHash: sha256(adminToken),
    adminKeyLastFour: adminToken.slice(-4),
  });
  process.stdout.write(
    `Tenant ${tenantId} is there. Both are shown this once:\n  password     ${password}\n  admin token  ${adminToken}\n`,
  );
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  fail(error.message);
} finally {
  await database.end();
}

function read(): z.output<typeof tenantArguments> {
  try {
    const { values, positionals } = parseArgs({
      options: { name: text, email: text, zone: text, country: text, currency: text, person: text },
      allowPositionals: true,
    });
    if (positionals[0] !== 'create') fail(USAGE);
    const result = tenantArguments.safeParse(values);
    if (!result.success)
      fail(`${result.error.issues.map((issue) => `--${issue.path.join('.')} ${issue.message}`).join('; ')}\n${USAGE}`);
    return result.data;
  } catch {
    fail(USAGE);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
