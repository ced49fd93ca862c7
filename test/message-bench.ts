import type { sql } from 'slonik';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { createMessageActivities, type MessageActivities, type MessageDeps } from '../activities/messages.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { createMessagesByHand } from '../adapters/postgres/messages-by-hand.ts';
import { createOutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { startYCloudSimulator, type YCloudSimulator } from '../simulators/ycloud/server.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { aRun, type SendCase } from './outbound.ts';
import { silentLog } from './silent-log.ts';

const KEY = 'ycloud-test-key';
/** Where messages are posted, for faults. */
export const SENDS = { path: '/v2/whatsapp/messages' };

export interface MessageBench {
  db: TestDatabase;
  /** Without a fault at the start of each test. */
  simulator: YCloudSimulator;
  activities(given?: Partial<MessageDeps>): MessageActivities;
  /** A run that is due, in a tenant of its own. */
  newRun(given?: Parameters<typeof aRun>[2]): Promise<SendCase>;
  dispatch(run: SendCase, given?: Partial<MessageDeps>): ReturnType<MessageActivities['dispatchMessage']>;
  /** What YCloud took for that person. */
  sentTo(run: SendCase): ReturnType<YCloudSimulator['ledger']['rows']>['messages'];
  change(run: SendCase, statement: ReturnType<typeof sql.unsafe>): Promise<unknown>;
}

/** The activities of messages over real stores and the YCloud simulator. */
export function messageBench(): MessageBench {
  const bench = {} as MessageBench;
  beforeAll(async () => {
    bench.db = await testDatabase();
    bench.simulator = await startYCloudSimulator({ apiKeys: [KEY] });
  });
  afterAll(() => bench.simulator.close());
  afterEach(() => bench.simulator.faults.clear());
  bench.activities = (given = {}) =>
    createMessageActivities({
      outbound: createOutboundMessages(bench.db.database),
      byHand: createMessagesByHand(bench.db.database),
      credentials: { ycloudKey: async () => KEY },
      ycloud: createYCloud({ url: bench.simulator.url, log: silentLog }),
      live: { publish: () => {}, subscribe: () => () => {} },
      metrics: createMetrics(),
      tellColleague: async () => {},
      takeSendSlot: async () => {},
      diagnose: () => {},
      ...given,
    });
  bench.newRun = async (given = {}) => aRun(bench.db.database, await aTenant(bench.db), given);
  bench.dispatch = ({ tenantId, runId }, given) => bench.activities(given).dispatchMessage({ tenantId, runId });
  bench.sentTo = (run) => bench.simulator.ledger.rows().messages.filter(({ to }) => to === run.phone);
  bench.change = ({ tenantId }, statement) => bench.db.database.inTenant(tenantId, (tx) => tx.query(statement));
  return bench;
}
