import { join } from 'node:path';
import { root } from '../stack/locate.ts';
import { type Program, startAndWait, startProgram, untilReady } from '../stack/process.ts';

/** Something of the demo that can be killed, and started again on the same address. PostgreSQL, Temporal and Valkey are services too. */
export interface Service {
  /** Absent when the environment named an address: then it is not ours. */
  program: Program | undefined;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface NodeProgram {
  name: string;
  /** Relative to the clone. */
  file: string;
  /** Node's own. */
  flags?: readonly string[];
  env: NodeJS.ProcessEnv;
  logFile: string;
  verbose: boolean;
  /** It is ready when this answers 2xx. */
  readyUrl: string;
}

/**
 * Starts a program of ours on the Node that runs us, in the clone, and waits until it answers. Started again it may take its time: what it needs may be
 * down as well.
 */
export async function startNode({
  name,
  file,
  flags = [],
  env,
  logFile,
  verbose,
  readyUrl,
}: NodeProgram): Promise<Service> {
  const args = [...flags, join(root, file)];
  const options = { name, command: process.execPath, args, cwd: root, env, logFile, verbose };
  const answers = async () => (await fetch(readyUrl, { signal: AbortSignal.timeout(3000) })).ok;
  const service: Service = {
    program: await startAndWait(options, answers, 60_000),
    async restart() {
      await service.program?.stop();
      const program = startProgram(options);
      service.program = program;
      await untilReady(program, answers, 20_000).catch((error) => {
        if (!program.isRunning()) throw error;
      });
    },
    async stop() {
      await service.program?.stop();
    },
  };
  return service;
}
