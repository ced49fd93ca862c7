import { z } from 'zod';
import { archiveProblem } from './adapters/archive/environment.ts';

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true');
const port = z.coerce.number().int().min(0).max(65_535);
const address = z.url();
const fernetKeys = z
  .string()
  .transform((value) => value.split(',').map((key) => key.trim()))
  .pipe(z.array(z.string().regex(/^[A-Za-z0-9_-]{43}=$/, 'each key is 32 bytes in URL-safe base64')).min(1));

/** The closed list of environment variables. Order, words and defaults here are what `.env.example` shows. */
export const configSchema = z.object({
  DATABASE_URL: address.describe('PostgreSQL, as the application role (no table of its own, row security applies)'),
  TEMPORAL_ADDRESS: z.string().min(1).describe('host:port of the Temporal frontend'),
  ENCRYPTION_KEYS: fernetKeys.describe('Fernet keys for tokens and credentials, comma-separated, newest first'),
  JWT_SECRET: z.string().min(32).describe('Signs API tokens and cookies; at least 32 characters'),
  PUBLIC_URL: address
    .transform((url) => url.replace(/\/$/, ''))
    .describe('How browsers, Meta and YCloud reach this server'),
  META_APP_ID: z.string().regex(/^\d+$/, 'digits only').describe('The Meta app of this installation'),
  META_APP_SECRET: z.string().min(1).describe('Its secret: signs webhooks and appsecret_proof'),
  META_VERIFY_TOKEN: z.string().min(1).describe('What Meta repeats when it checks the webhook address'),

  MIGRATE_DATABASE_URL: address.optional().describe('PostgreSQL, as the owner: migrations and new tenants'),
  REDIS_URL: address.optional().describe('Redis or Valkey; without it limits, caches and live updates stay in memory'),
  TEMPORAL_NAMESPACE: z.string().default('default').describe('Temporal namespace'),
  TEMPORAL_API_KEY: z.string().optional().describe('Temporal Cloud API key'),
  TEMPORAL_TLS_CERT: z.string().optional().describe('Path of the client certificate (PEM)'),
  TEMPORAL_TLS_KEY: z.string().optional().describe('Path of its key (PEM)'),
  WORKFLOW_BUNDLE: z
    .string()
    .optional()
    .describe('Path of a finished workflow bundle; without it the worker makes one at start'),
  HOST: z.string().default('127.0.0.1').describe('Address the web server listens on'),
  PORT: port.default(8000).describe('Port of the web server; 0 takes any free one'),
  METRICS_PORT: port.default(9464).describe("Port of the server's /metrics"),
  WORKER_METRICS_PORT: port.default(9465).describe("Port of the worker's /metrics"),
  ENVIRONMENT: z.string().default('development').describe('Shown by /admin/config/deployment and in logs'),
  ADMIN_TOKEN: z.string().min(16).optional().describe("The operator's X-Admin-Token; needs X-Tenant-Id"),
  TRUST_PROXY: z
    .string()
    .default('loopback')
    .describe('Express "trust proxy": which proxies may name the client address'),
  META_REDIRECT_URI: address.optional().describe('OAuth callback; default PUBLIC_URL/crm/auth/meta/callback'),
  META_GRAPH_VERSION: z
    .string()
    .regex(/^v\d+\.\d+$/)
    .default('v26.0')
    .describe('Graph and Marketing API version'),
  META_GRAPH_URL: address.default('https://graph.facebook.com').describe('Graph host'),
  META_DIALOG_URL: address.default('https://www.facebook.com').describe('Host of the sign-in dialog'),
  META_LOGIN_CONFIG_ID: z.string().optional().describe('Facebook Login for Business configuration; replaces scopes'),
  META_PKCE: flag.describe('Send a PKCE challenge with the sign-in'),
  YCLOUD_API_KEY: z.string().optional().describe('Emergency fallback when neither tenant nor global Vault holds a key'),
  YCLOUD_WEBHOOK_SECRET: z.string().optional().describe('Secret of /webhook/ycloud, when the global Vault holds none'),
  YCLOUD_URL: address.default('https://api.ycloud.com').describe('YCloud host'),
  SMTP_URL: address.optional().describe('Mail server for reminders, smtp:// or smtps://'),
  MAIL_FROM: z.string().optional().describe('Sender of reminders'),
  ARCHIVE_URL: z
    .string()
    .optional()
    .describe(
      'Where detail by ad older than a year goes each night: a folder, s3://bucket/prefix, or https://host/bucket/prefix of a server that speaks S3',
    ),
  AWS_ACCESS_KEY_ID: z.string().optional().describe('Key of the bucket that ARCHIVE_URL names'),
  AWS_SECRET_ACCESS_KEY: z.string().optional().describe('Its secret'),
  AWS_SESSION_TOKEN: z.string().optional().describe('The token that comes with keys lent for a while'),
  AWS_REGION: z.string().default('us-east-1').describe('Region of the bucket; other servers say which name they want'),
  COMPANY_NAME: z.string().default('Marketing Hub').describe('Who runs this installation, for the legal pages'),
  COMPANY_EMAIL: z.string().default('privacy@example.com').describe('Contact on the legal pages'),
  COMPANY_ADDRESS: z.string().default('—').describe('Postal address on the legal pages'),
  MARKETING_RATE_LIMIT: z.coerce
    .number()
    .int()
    .positive()
    .default(20)
    .describe("Calls a minute of the mission's endpoints, per tenant and user"),
  DEBUG_MARKETING_STATS: flag.describe('Opens /crm/marketing/debug/stats, with Meta’s last replies'),
  LOG_META_API_CALLS: flag.describe('Logs every Graph call: path, status, milliseconds, fbtrace_id'),
  ENABLE_AUTOMATION_DIAGNOSTICS: flag.describe('Logs every automation decision with rule, lead and reason'),
  META_API_DEBUG_MODE: flag.describe('Adds redacted Graph replies to debug logs'),
});
export type Config = z.output<typeof configSchema> & { META_REDIRECT_URI: string };

/** A variable is missing or malformed. `message` names each one in one line, never its value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the environment once. Empty strings count as absent.
 * @throws {ConfigError} when a required variable is missing or one is malformed.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = configSchema.safeParse(present);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return name in present ? `${name} is malformed (${issue.message})` : `${name} is missing`;
    });
    throw new ConfigError([...new Set(problems)].join('; '));
  }
  const config = result.data;
  const problem = archiveProblem(config);
  if (problem !== null) throw new ConfigError(problem);
  return { ...config, META_REDIRECT_URI: config.META_REDIRECT_URI ?? `${config.PUBLIC_URL}/crm/auth/meta/callback` };
}

/** The text of `.env.example`: every variable with its words; required ones empty, optional ones commented out with their default. */
export function envExample(): string {
  const lines = Object.entries(configSchema.shape).flatMap(([name, schema]) => {
    const required = !schema.safeParse(undefined).success;
    const fallback = required ? undefined : defaultText(schema);
    return [`# ${schema.description ?? ''}`, `${required ? '' : '# '}${name}=${fallback ?? ''}`, ''];
  });
  return `# Generated from config.ts by \`node dev/env-example.ts\`; a test compares them.\n\n${lines.join('\n')}`;
}

function defaultText(schema: z.ZodType): string {
  const value = schema.safeParse(undefined).data;
  return value === undefined ? '' : String(value);
}
