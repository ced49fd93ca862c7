import { join } from 'node:path';
import { root } from '../stack/locate.ts';
import { type Program, startAndWait } from '../stack/process.ts';

/** Something of the demo that can be killed, and started again on the same address. PostgreSQL, Temporal and Valkey are services too. */
export interface Service {
  /** Absent when the environment named an address: then it is not ours. */
  program: Program | undefined;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startService(start: () => Promise<Program>): Promise<Service> {
  const service: Service = {
    program: await start(),
    async restart() {
      await service.program?.stop();
      service.program = await start();
    },
    async stop() {
      await service.program?.stop();
    },
  };
  return service;
}

export interface NodeProgram {
  name: string;
  /** Relative to the clone. */
  file: string;
  env: NodeJS.ProcessEnv;
  logFile: string;
  verbose: boolean;
  /** It is ready when this answers 2xx and `isReady` likes the answer. */
  readyUrl: string;
  isReady?: (body: string) => boolean;
}

/** Starts a program of ours on the Node that runs us, in the clone, and waits until it answers. */
export const startNode = ({ name, file, env, logFile, verbose, readyUrl, isReady }: NodeProgram): Promise<Service> =>
  startService(() =>
    startAndWait(
      { name, command: process.execPath, args: [join(root, file)], cwd: root, env, logFile, verbose },
      async () => {
        const response = await fetch(readyUrl, { signal: AbortSignal.timeout(3000) });
        const body = await response.text();
        return response.ok && (isReady?.(body) ?? true);
      },
      60_000,
    ),
  );
