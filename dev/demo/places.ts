import { freePort } from '../stack/ports.ts';

/** Where each program of a demo listens: a port of the environment, else any free one. */
export async function choosePorts(env: NodeJS.ProcessEnv = process.env) {
  return {
    web: await freePort(env['PORT']),
    metrics: await freePort(env['METRICS_PORT']),
    workerMetrics: await freePort(env['WORKER_METRICS_PORT']),
    metaSim: await freePort(env['META_SIM_PORT']),
    ycloudSim: await freePort(env['YCLOUD_SIM_PORT']),
    mailbox: await freePort(env['MAILBOX_PORT']),
    smtp: await freePort(env['SMTP_PORT']),
  };
}

/** The addresses of a running demo. */
export interface Places {
  webUrl: string;
  metricsUrl: string;
  workerMetricsUrl: string;
  metaSimUrl: string;
  ycloudSimUrl: string;
  /** Where the mails of this installation are shown, and where they are sent. */
  mailboxUrl: string;
  smtpUrl: string;
  /** As the programs' role, the owner of the tables, and a superuser. */
  appUrl: string;
  ownerUrl: string;
  adminUrl: string;
  redisUrl: string;
  temporalAddress: string;
  temporalUiUrl: string | undefined;
}
