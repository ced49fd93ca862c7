import type { Places } from './places.ts';
import type { DemoSecrets } from './secrets.ts';

/** The environment of server and worker: ours, plus every variable of config.ts that a demo decides. */
export function hubEnvironment(places: Places, secrets: DemoSecrets, workflowBundle: string): NodeJS.ProcessEnv {
  const portOf = (address: string) => new URL(address).port;
  return {
    ...process.env,
    DATABASE_URL: places.appUrl,
    MIGRATE_DATABASE_URL: places.ownerUrl,
    TEMPORAL_ADDRESS: places.temporalAddress,
    REDIS_URL: places.redisUrl,
    ENCRYPTION_KEYS: secrets.fernetKey,
    JWT_SECRET: secrets.jwtSecret,
    ADMIN_TOKEN: secrets.operatorToken,
    PUBLIC_URL: places.webUrl,
    HOST: '127.0.0.1',
    PORT: portOf(places.webUrl),
    METRICS_PORT: portOf(places.metricsUrl),
    WORKER_METRICS_PORT: portOf(places.workerMetricsUrl),
    ENVIRONMENT: 'demo',
    COMPANY_NAME: 'Palermo Software S.A.',
    COMPANY_EMAIL: 'privacidad@example.com',
    COMPANY_ADDRESS: 'Calle Inventada 1234, Buenos Aires',
    META_APP_ID: secrets.metaAppId,
    META_APP_SECRET: secrets.metaAppSecret,
    META_VERIFY_TOKEN: secrets.metaVerifyToken,
    META_GRAPH_URL: places.metaSimUrl,
    META_DIALOG_URL: places.metaSimUrl,
    META_REDIRECT_URI: '',
    SMTP_URL: places.smtpUrl,
    MAIL_FROM: 'Marketing Hub <hub@example.com>',
    YCLOUD_URL: places.ycloudSimUrl,
    YCLOUD_API_KEY: secrets.ycloudApiKey,
    YCLOUD_WEBHOOK_SECRET: secrets.ycloudWebhookSecret,
    WORKFLOW_BUNDLE: workflowBundle,
    STOP_ON_STDIN_END: 'true',
    MALLOC_ARENA_MAX: '2', // see leanHeap
  };
}
