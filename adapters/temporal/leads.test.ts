import { expect, it } from 'vitest';
import { testConfig } from '../../test/app.ts';
import { freePort } from '../free-port.ts';
import { createTemporalClient } from './client.ts';
import { createLeadWorkflows } from './leads.ts';

// The client's own patience is 20 seconds, for which the dispatcher could neither stop nor apply what YCloud says.
it('gives up within seconds while Temporal is down', async () => {
  const temporal = createTemporalClient(testConfig({ TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` }));
  const leads = createLeadWorkflows(temporal.client);
  const calls = [
    leads.startIntake({ tenantId: 1, leadgenId: '5', pageId: null, receivedAt: 0 }),
    leads.startAutomation({ tenantId: 1, runId: 'r', ruleId: 'u', leadId: 'l', occurrence: '5', dueAt: 0 }),
    leads.tell('automation:1:u:l:5', 'replied'),
  ];
  for (const result of await Promise.allSettled(calls))
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AppError', code: 'unavailable' } });
  await temporal.close();
}, 12_000);
