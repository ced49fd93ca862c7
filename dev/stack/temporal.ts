import { spawnSync } from 'node:child_process';
import { temporalBinary } from './locate.ts';
import { eventually, freePort } from './ports.ts';
import { type Program, startProgram } from './process.ts';

export interface Temporal {
  address: string;
  uiUrl: string | undefined;
  program: Program | undefined;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface TemporalOptions {
  logFile: string;
  port?: string | undefined;
  uiPort?: string | undefined;
  /** A file keeps runs over a restart; without it they live in memory. */
  databaseFile?: string;
  ui?: boolean;
  verbose?: boolean;
}

const searchAttributes = [
  'TenantId=Int',
  'LeadId=Keyword',
  'RuleId=Keyword',
  'AdAccountId=Keyword',
  'HubStatus=Keyword',
];

/** Starts the Temporal dev server, or takes the one of `TEMPORAL_ADDRESS`. Closed runs are kept for 7 days. */
export async function startTemporal(options: TemporalOptions): Promise<Temporal> {
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given)
    return { address: given, uiUrl: undefined, program: undefined, restart: async () => {}, stop: async () => {} };

  const port = await freePort(options.port);
  const uiPort = options.ui ? await freePort(options.uiPort) : undefined;
  const start = () => startServer(port, uiPort, options);
  const temporal: Temporal = {
    address: `127.0.0.1:${port}`,
    uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`,
    program: await start(),
    async restart() {
      temporal.program = await start();
    },
    async stop() {
      await temporal.program?.stop();
    },
  };
  return temporal;
}

async function startServer(
  port: number,
  uiPort: number | undefined,
  { databaseFile, logFile, verbose }: TemporalOptions,
): Promise<Program> {
  const binary = temporalBinary();
  const program = startProgram({
    name: 'temporal',
    command: binary,
    args: [
      ...[
        'server',
        'start-dev',
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--log-level',
        'error',
        '--metrics-port',
        String(await freePort()),
      ],
      ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort), '--ui-disable-news-fetch']),
      // Without the two pragmas a file database is three times slower.
      ...(databaseFile === undefined
        ? []
        : [
            '--db-filename',
            databaseFile,
            '--sqlite-pragma',
            'journal_mode=wal',
            '--sqlite-pragma',
            'synchronous=normal',
          ]),
      ...searchAttributes.flatMap((attribute) => ['--search-attribute', attribute]),
    ],
    logFile,
    ...(verbose === undefined ? {} : { verbose }),
  });
  const operator = (...args: string[]) =>
    spawnSync(binary, [...args, '--address', `127.0.0.1:${port}`], { encoding: 'utf8' });
  await eventually(
    'Temporal',
    30_000,
    async () => operator('operator', 'namespace', 'describe', 'default').status === 0,
  );
  operator('operator', 'namespace', 'update', '-n', 'default', '--retention', '7d');
  return program;
}
