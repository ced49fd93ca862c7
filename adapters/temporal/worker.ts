import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Config } from '../../config.ts';
import type { Logger } from '../log.ts';
import { connectionOptions } from './client.ts';
import { failures } from './failures.ts';

export type TaskQueue = 'leads' | 'sync';

type WorkflowSource = { workflowBundle: { codePath: string } } | { workflowsPath: string };

/** The finished bundle of a short-lived child where there is one; bundling in the worker costs it 170 MiB that stay. */
export const workflowBundle = (codePath: string | undefined): WorkflowSource =>
  codePath === undefined
    ? { workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)) }
    : { workflowBundle: { codePath } };

interface WorkerOptions {
  config: Config;
  log: Logger;
  /** Whether a long backfill shares a queue with leads is the operator's choice; one process serves both by default. */
  taskQueues: readonly TaskQueue[];
  activities: object;
  workflowBundle: WorkflowSource;
  buildId: string;
}

/** Must run before any other use of the Temporal SDK in the process. */
export function installRuntime(log: Logger, coreMetricsAddress: string): void {
  Runtime.install({
    shutdownSignals: [], // else the SDK stops workers behind our back
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      const { workflowId, runId, activityType, workflowType, attempt, taskQueue } = (meta ?? {}) as Record<
        string,
        unknown
      >;
      log[level === 'ERROR' ? 'error' : 'warn'](
        { workflowId, runId, activityType, workflowType, attempt, taskQueue },
        message,
      );
    }),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      metrics: {
        prometheus: {
          bindAddress: coreMetricsAddress,
          countersTotalSuffix: true,
          unitSuffix: true,
          useSecondsForDurations: true,
        },
      },
    },
  });
}

/** One Temporal worker a task queue, sharing a connection. `run` ends after `shutdown`, or throws when a worker breaks. */
export async function createWorkers(options: WorkerOptions): Promise<{ run(): Promise<void>; shutdown(): void }> {
  const { config, log, taskQueues, activities, workflowBundle, buildId } = options;
  const connection = await NativeConnection.connect(connectionOptions(config));
  const workers = await Promise.all(
    taskQueues.map((taskQueue) =>
      Worker.create({
        connection,
        namespace: config.TEMPORAL_NAMESPACE,
        taskQueue,
        identity: `hub-worker@${process.pid}`,
        ...workflowBundle,
        activities,
        interceptors: { activity: [failures(log)] },
        shutdownGraceTime: '10 seconds',
        shutdownForceTime: '15 seconds',
        // Each cached workflow holds a V8 context's worth of state; this keeps the worker under its memory bound.
        maxCachedWorkflows: 40,
        maxConcurrentWorkflowTaskExecutions: 20,
        workerDeploymentOptions: { version: { deploymentName: 'marketing-hub', buildId }, useWorkerVersioning: false },
      }),
    ),
  );
  return {
    async run() {
      try {
        await Promise.all(workers.map((worker) => worker.run()));
      } finally {
        await connection.close();
      }
    },
    shutdown() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}
