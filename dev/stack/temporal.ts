import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { temporalBinary } from './locate.ts';
import { freePort } from './ports.ts';
import { type Program, startAndWait } from './process.ts';

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

const run = promisify(execFile);

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
    return {
      address: given,
      uiUrl: process.env['TEMPORAL_UI_URL'],
      program: undefined,
      restart: async () => {},
      stop: async () => {},
    };

  const port = await freePort(options.port);
  const uiPort = options.ui ? await freePort(options.uiPort) : undefined;
  const start = () => startServer(port, uiPort, options);
  const temporal: Temporal = {
    address: `127.0.0.1:${port}`,
    uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`,
    program: await start(),
    async restart() {
      await temporal.program?.stop();
      temporal.program = await start();
    },
    async stop() {
      await temporal.program?.stop();
    },
  };
  return temporal;
}

// Its inner services listen on ports that it chose beforehand; when one is taken meanwhile it ends, a second after it answered.
const SETTLED_MS = 2_500;
const TRIES = 3;

async function startServer(port: number, uiPort: number | undefined, options: TemporalOptions): Promise<Program> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(port, uiPort, options);
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

async function startOnce(port: number, uiPort: number | undefined, options: TemporalOptions): Promise<Program> {
  const { databaseFile, logFile, verbose } = options;
  const binary = temporalBinary();
  const settledAt = Date.now() + SETTLED_MS;
  const operator = (...args: string[]) => run(binary, ['operator', ...args, '--address', `127.0.0.1:${port}`]);
  const program = await startAndWait(
    {
      name: 'temporal',
      command: binary,
      args: [
        ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'],
        ...['--metrics-port', String(await freePort())],
        ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort), '--ui-disable-news-fetch']),
        ...(databaseFile === undefined ? [] : fileDatabase(databaseFile)),
        ...searchAttributes.flatMap((attribute) => ['--search-attribute', attribute]),
      ],
      logFile,
      ...(verbose === undefined ? {} : { verbose }),
    },
    async () => {
      await operator('namespace', 'describe', '-n', 'default');
      return Date.now() > settledAt;
    },
    30_000,
  );
  await operator('namespace', 'update', '-n', 'default', '--retention', '7d'); // 24 hours whatever is asked at start
  return program;
}

// Without the two pragmas a file database is three times slower.
const fileDatabase = (path: string): string[] => [
  ...['--db-filename', path],
  ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
];
