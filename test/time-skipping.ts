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
  env: TestWorkflowEnvironment;
  /** Of the scenario that runs. */
  taskQueue: string;
  /** Runs `scenario` while a worker with these activities serves every workflow of the bundle. */
  withActivities<T>(activities: object, scenario: () => Promise<T>): Promise<T>;
  /** Writes a run's history to test/histories/{name}.json when SAVE_HISTORIES=true: done once, with the code that is to be kept compatible. */
  saveHistory(name: string, handle: WorkflowHandle): Promise<void>;
  /** Replays test/histories/{name}.json: rejects when the code would not do again what it did. */
  replay(name: string): Promise<void>;
}

/**
 * The Temporal of one test file: `skipping` lets days pass in milliseconds but knows no Schedules, `dev` is the real server.
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
    const path = kind === 'dev' ? temporalBinary() : testServerBinary();
    const server = {
      server: { executable: { type: 'existing-path' as const, path } },
      client: { identity: 'test' }, // else this machine's name stands in saved histories
    };
    bench.env = await (kind === 'dev'
      ? TestWorkflowEnvironment.createLocal(server)
      : TestWorkflowEnvironment.createTimeSkipping(server));
    await (bench.env.connection as Connection).operatorService.addSearchAttributes({
      namespace: bench.env.namespace ?? 'default',
      searchAttributes,
    });
    const workflowsPath = join(root, 'workflows', workflowFile);
    ({ code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') }));
  });
  afterAll(() => bench.env?.teardown());
  bench.withActivities = async (activities, scenario) => {
    bench.taskQueue = `test-${randomUUID()}`; // a worker left over by a failed test must not take the next one's tasks
    const worker = await Worker.create({
      connection: bench.env.nativeConnection,
      taskQueue: bench.taskQueue,
      identity: 'test',
      workflowBundle: { code },
      activities,
      interceptors: { activity: [failures(silentLog)] },
    });
    return worker.runUntil(scenario());
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

const historyFile = (name: string): string => join(root, `test/histories/${name}.json`);
