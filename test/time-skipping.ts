import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection, WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import { failures } from '../adapters/temporal/failures.ts';
import { root, temporalBinary, testServerBinary } from '../dev/stack/locate.ts';
import { silentLog } from './silent-log.ts';

const KEYWORD = 2;
const INT = 3;
const searchAttributes = { TenantId: INT, LeadId: KEYWORD, RuleId: KEYWORD, AdAccountId: KEYWORD, HubStatus: KEYWORD };

export interface WorkflowBench {
  /** Of the scenario that runs (`dev`: of the file). */
  env: TestWorkflowEnvironment;
  taskQueue: string;
  /** Runs `scenario` while a worker with these activities serves every workflow of the bundle. */
  withActivities<T>(activities: object, scenario: () => Promise<T>): Promise<T>;
  /** Writes a run's history to test/histories/{name}.json when SAVE_HISTORIES=true: done once, with the code that is to be kept compatible. */
  saveHistory(name: string, handle: WorkflowHandle): Promise<void>;
  /** Replays test/histories/{name}.json: rejects when the code would not do again what it did. */
  replay(name: string): Promise<void>;
}

/**
 * A Temporal for a test file's scenarios: `skipping` lets days pass in milliseconds but knows no Schedules, `dev` is the real server.
 * Activities run behind the failures interceptor, as in the worker.
 */
export function workflowBench(workflowFile: string, kind: 'skipping' | 'dev' = 'skipping'): WorkflowBench {
  const bench = {} as WorkflowBench;
  let code = '';
  beforeAll(async () => {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
    });
    const workflowsPath = join(root, 'workflows', workflowFile);
    ({ code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') }));
    if (kind === 'dev') bench.env = await start(kind);
  });
  afterAll(() => (kind === 'dev' ? bench.env?.teardown() : undefined));
  bench.withActivities = async (activities, scenario) => {
    if (kind === 'skipping') bench.env = await start(kind);
    bench.taskQueue = `test-${randomUUID()}`; // a worker left over by a failed test must not take the next one's tasks
    try {
      const worker = await Worker.create({
        connection: bench.env.nativeConnection,
        taskQueue: bench.taskQueue,
        identity: 'test',
        workflowBundle: { code },
        activities,
        interceptors: { activity: [failures(silentLog)] },
      });
      return await worker.runUntil(scenario());
    } finally {
      if (kind === 'skipping') await bench.env.teardown();
    }
  };
  bench.saveHistory = async (name, handle) => {
    if (process.env['SAVE_HISTORIES'] !== 'true') return;
    const history = historyToJSON(await handle.fetchHistory());
    writeFileSync(historyFile(name), `${history}\n`);
  };
  bench.replay = async (name) => {
    const history = JSON.parse(readFileSync(historyFile(name), 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: { code } }, history);
  };
  return bench;
}

/**
 * `skipping` starts one for each scenario: the test server's lock on time outlives a workflow terminated while its activity ran,
 * and no later scenario on it would see time pass (github.com/temporalio/sdk-java, issue 1138).
 */
async function start(kind: 'skipping' | 'dev'): Promise<TestWorkflowEnvironment> {
  const path = kind === 'dev' ? temporalBinary() : testServerBinary();
  const options = {
    server: { executable: { type: 'existing-path' as const, path } },
    client: { identity: 'test' }, // else this machine's name stands in saved histories
  };
  const env = await (kind === 'dev'
    ? TestWorkflowEnvironment.createLocal(options)
    : TestWorkflowEnvironment.createTimeSkipping(options));
  const namespace = env.namespace ?? 'default';
  await (env.connection as Connection).operatorService.addSearchAttributes({ namespace, searchAttributes });
  return env;
}

const historyFile = (name: string): string => join(root, `test/histories/${name}.json`);
