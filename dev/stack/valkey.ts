import { valkeyBinary } from './locate.ts';
import { freePort, isListening } from './ports.ts';
import { type Program, startAndWait } from './process.ts';

export interface Valkey {
  url: string;
  program: Program | undefined;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Valkey that keeps nothing on disk, or takes the server of `REDIS_URL`. */
export async function startValkey({
  logFile,
  port: wanted,
  verbose,
}: {
  logFile: string;
  port?: string | undefined;
  verbose?: boolean;
}): Promise<Valkey> {
  const given = process.env['REDIS_URL'];
  if (given) return { url: given, program: undefined, restart: async () => {}, stop: async () => {} };

  const port = await freePort(wanted);
  const start = () =>
    startAndWait(
      {
        name: 'valkey',
        command: valkeyBinary(),
        args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
        logFile,
        ...(verbose === undefined ? {} : { verbose }),
      },
      () => isListening(port),
    );
  const valkey: Valkey = {
    url: `redis://127.0.0.1:${port}`,
    program: await start(),
    async restart() {
      await valkey.program?.stop();
      valkey.program = await start();
    },
    async stop() {
      await valkey.program?.stop();
    },
  };
  return valkey;
}
