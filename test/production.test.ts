import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../adapters/metrics.ts';
import { migrate } from '../adapters/postgres/migrate.ts';
import { configSchema, parseConfig } from '../config.ts';
import { leanHeap } from '../dev/demo/stack.ts';
import { root } from '../dev/stack/locate.ts';
import { startPostgres } from '../dev/stack/postgres.ts';
import { asAdmin, asRole } from '../dev/stack/roles.ts';
import { readCompose } from './compose.ts';
import { testDatabase } from './database.ts';

const required = {
  HUB_APP_PASSWORD: 'app',
  HUB_OWNER_PASSWORD: 'owner',
  POSTGRES_PASSWORD: 'postgres',
  TEMPORAL_DB_PASSWORD: 'temporal',
  GRAFANA_PASSWORD: 'grafana',
  ENCRYPTION_KEYS: 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
  JWT_SECRET: 'x'.repeat(32),
  PUBLIC_URL: 'https://hub.example.com',
  META_APP_ID: '1104455667788990',
  META_APP_SECRET: 'app-secret',
  META_VERIFY_TOKEN: 'verify-me',
};
const { adminUrl } = await testDatabase();
const { services, volumes } = readCompose(required);
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const entries = Object.entries(services);

describe('docker-compose.yml', () => {
  it('holds the whole production stack', () => {
    for (const name of [
      'server',
      'worker',
      'migrate',
      'postgres',
      'valkey',
      'temporal',
      'temporal-ui',
      'prometheus',
      'grafana',
    ])
      expect(services).toHaveProperty(name);
  });

  it.each(Object.keys(required))('stops with one line that names %s when it is not set', (name) => {
    expect(() => readCompose({ ...required, [name]: '' })).toThrow(`required variable ${name} is missing`);
  });

  it.each(['server', 'worker'])('gives %s every variable of the configuration, and a whole one', (name) => {
    const { environment = {} } = services[name] ?? {};
    const ownersOnly = ['MIGRATE_DATABASE_URL'];
    expect(Object.keys(environment).sort()).toEqual(
      Object.keys(configSchema.shape)
        .filter((each) => !ownersOnly.includes(each))
        .sort(),
    );
    const config = parseConfig(environment);
    expect(config.DATABASE_URL).toBe('postgres://hub_app:app@postgres:5432/hub');
    expect(config.META_GRAPH_VERSION).toBe('v26.0');
  });

  it('takes every address from the environment', () => {
    const addresses = {
      DATABASE_URL: 'postgres://hub_app:x@db.example.com/hub',
      TEMPORAL_ADDRESS: 'temporal.example.com:7233',
      REDIS_URL: 'rediss://cache.example.com:6380',
      META_GRAPH_URL: 'https://graph.example.com',
      META_DIALOG_URL: 'https://dialog.example.com',
      YCLOUD_URL: 'https://ycloud.example.com',
    };
    expect(readCompose({ ...required, ...addresses }).services['worker']?.environment).toMatchObject(addresses);
  });

  it('opens ports on the loopback only, unless told otherwise', () => {
    const open = entries.flatMap(([, { ports }]) => ports);
    expect(open.length).toBeGreaterThan(0);
    for (const port of open) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const wide = readCompose({ ...required, HUB_BIND: '0.0.0.0', PORT: '80' });
    expect(wide.services['server']?.ports).toEqual(['0.0.0.0:80:8000']);
  });

  it('waits for what a service needs', () => {
    for (const [name, { depends_on }] of entries) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(services, `${name} needs ${other}`).toHaveProperty(other);
        const { healthcheck, restart = '' } = services[other] ?? {};
        if (condition === 'service_healthy') expect(healthcheck, other).toBeDefined();
        if (condition === 'service_completed_successfully') expect(restart, other).toMatch(/^on-failure/);
      }
    }
  });

  it('checks the health of everything that keeps running', () => {
    const unchecked = entries.filter(([, { restart, healthcheck }]) => restart === 'unless-stopped' && !healthcheck);
    expect(unchecked.map(([name]) => name)).toEqual(['temporal-ui']); // its image has no tool to ask with
  });

  it('mounts only volumes and files that exist', () => {
    const mounts = entries.flatMap(([, service]) => service.volumes.map((volume) => volume.split(':')[0] ?? ''));
    for (const source of mounts) {
      if (source.startsWith('./')) expect(existsSync(join(root, source)), source).toBe(true);
      else expect(volumes).toHaveProperty(source);
    }
  });

  it('runs programs that exist', () => {
    const commands = ['server', 'worker', 'migrate'].map((name) => services[name]?.command ?? []);
    for (const command of commands) {
      const file = command.at(-1) ?? '';
      expect(command[0]).toBe('node');
      expect(existsSync(join(root, file)), file).toBe(true);
    }
    const scripts = readdirSync(join(root, 'ops/temporal')).filter((name) => name.endsWith('.sh'));
    for (const script of scripts) expect(statSync(join(root, 'ops/temporal', script)).mode & 0o111).not.toBe(0);
  });
});

it('server and worker run on the same small heap in the demo, by npm and in their containers', () => {
  const flags = leanHeap.join(' ');
  const { scripts } = JSON.parse(textOf('package.json'));
  expect([scripts.start, scripts.worker]).toEqual([`exec node ${flags} server.ts`, `exec node ${flags} worker.ts`]);
  for (const name of ['server', 'worker']) expect(services[name]?.command).toEqual(['node', ...leanHeap, `${name}.ts`]);
});

describe('Dockerfile', () => {
  const lines = textOf('Dockerfile').split('\n');

  it('runs on the Node of package.json and not as root', () => {
    const { dependencies } = JSON.parse(textOf('package.json'));
    const major = String(dependencies.node).split('.')[0];
    const bases = lines.filter((line) => line.startsWith('FROM'));
    for (const base of bases) expect(base).toContain(`node:${major}-`);
    expect(lines.lastIndexOf('USER node')).toBeGreaterThan(lines.indexOf(bases.at(-1) ?? ''));
  });

  it('copies and runs what exists', () => {
    const copied = lines
      .filter((line) => /^COPY (?!--from)/.test(line))
      .flatMap((line) => line.split(' ').slice(1, -1));
    for (const source of copied) expect(existsSync(join(root, source)), source).toBe(true);
    const run = lines.flatMap((line) => [...line.matchAll(/[\w/]+\.ts\b/g)].map(([file]) => file));
    for (const file of run) expect(existsSync(join(root, file)), file).toBe(true);
  });

  it('leaves secrets, data and foreign packages out of the image', () => {
    const left = textOf('.dockerignore').split('\n');
    for (const name of ['.git', '.env', '.data', '.venv', 'node_modules']) expect(left).toContain(name);
  });
});

describe('what operators see', () => {
  interface Alert {
    alert: string;
    expr: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  }
  const alerts: Alert[] = parse(textOf('ops/prometheus/alerts.yml')).groups.flatMap(
    (group: { rules: Alert[] }) => group.rules,
  );
  const dashboard = JSON.parse(textOf('ops/grafana/dashboards/marketing-hub.json'));
  const questions: string[] = dashboard.panels.flatMap((panel: { targets: { expr: string }[] }) =>
    panel.targets.map(({ expr }) => expr),
  );
  // Core's, as its exporter names them.
  const core = ['temporal_workflow_endtoend_latency_seconds', 'temporal_activity_execution_failed_total'];

  it('asks only for metrics that we serve', async () => {
    const served = new Set([...(await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name), ...core]);
    const asked = [...alerts.map(({ expr }) => expr), ...questions].flatMap(
      (expr) => expr.match(/\b(hub|temporal|process)_\w+/g) ?? [],
    );
    const unknown = asked.filter((name) => !served.has(name) && !served.has(name.replace(/_(bucket|count|sum)$/, '')));
    expect(asked.length).toBeGreaterThan(20);
    expect(unknown).toEqual([]);
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))('%s tells a person what to do', (_, alert) => {
    expect(['page', 'ticket']).toContain(alert.labels['severity']);
    expect(alert.annotations['summary']).toBeTruthy();
    expect(existsSync(join(root, alert.annotations['runbook'] ?? 'missing'))).toBe(true);
  });

  it('finds what Prometheus and Grafana are pointed at', () => {
    const mounted = (name: string) => services[name]?.volumes.map((volume) => volume.split(':')[1]) ?? [];
    const prometheus = parse(textOf('ops/prometheus/prometheus.yml'));
    for (const file of prometheus.rule_files) expect(mounted('prometheus')).toContain(file);
    const [provider] = parse(textOf('ops/grafana/provisioning/dashboards/hub.yml')).providers;
    expect(mounted('grafana')).toContain(provider.options.path);
    const [source] = parse(textOf('ops/grafana/provisioning/datasources/prometheus.yml')).datasources;
    for (const panel of dashboard.panels) expect(panel.datasource.uid).toBe(source.uid);
  });

  it('gives queries in the runbooks that this schema answers', async () => {
    const runbooks = readdirSync(join(root, 'ops/runbooks')).map((name) => textOf(`ops/runbooks/${name}`));
    const queries = runbooks.flatMap((text) => [...text.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql));
    expect(queries.length).toBeGreaterThan(0);
    for (const query of queries)
      await asAdmin(adminUrl, (client) => client.query(`EXPLAIN ${query.replaceAll('…', '1')}`));
  });
});

describe('the roles of a first start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hub roles '));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are enough for the migrations', async () => {
    const postgres = await startPostgres({
      folder: join(folder, 'postgres'),
      logFile: join(folder, 'log'),
      durable: false,
    });
    await asAdmin(postgres.adminUrl(), (client) => client.query('CREATE DATABASE hub'));
    const roles = textOf('ops/postgres/roles.sql')
      .replace(":'owner_password'", "'owner'")
      .replace(":'app_password'", "'app'");
    await asAdmin(postgres.adminUrl('hub'), (client) => client.query(roles));
    const ran = await migrate(asRole(postgres.adminUrl('hub'), 'hub_owner', 'owner'));
    expect(ran.length).toBeGreaterThan(0);
    const visible = await asAdmin(asRole(postgres.adminUrl('hub'), 'hub_app', 'app'), (client) =>
      client.query('SELECT FROM leads'),
    );
    expect(visible.rowCount).toBe(0);
    await postgres.stop();
  });
});
