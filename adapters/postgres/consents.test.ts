import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aRun, type SendCase } from '../../test/outbound.ts';
import { insertConsents } from './consents.ts';
import { createConversations } from './conversations.ts';
import { createOutboundMessages } from './outbound-messages.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

const HOUR_MS = 3_600_000;
const change = ({ tenantId }: SendCase, statement: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(tenantId, (tx) => tx.query(statement));
const claim = ({ tenantId, runId }: SendCase) => createOutboundMessages(db.database).claim(tenantId, runId, new Date());

/** What the person's form asked so many hours ago, and which boxes were ticked. */
const answer = ({ tenantId, leadId }: SendCase, hoursAgo: number, boxes: Record<string, boolean>) =>
  db.database.inTenant(tenantId, (tx) =>
    insertConsents(tx, tenantId, leadId, {
      ...{ leadgenId: `${leadId}-${hoursAgo}`, formId: null, submittedAt: new Date(Date.now() - hoursAgo * HOUR_MS) },
      disclaimers: Object.entries(boxes).map(([key, isChecked]) => ({ key, isChecked })),
    }),
  );

async function asked(boxes: Record<string, boolean>): Promise<SendCase> {
  const run = await aRun(db.database, await aTenant(db));
  await answer(run, 2, boxes);
  return run;
}

const refused = { decision: 'skip', reason: 'no_consent' };

describe('who left the WhatsApp box of a form unticked', () => {
  it('gets no marketing template, and the reason stands in the log', async () => {
    const run = await asked({ acepta_whatsapp: false });
    expect(await claim(run)).toEqual(refused);
    const logs = await db.database.inTenant(run.tenantId, (tx) =>
      tx.any(sql.unsafe`SELECT status, reason FROM automation_logs WHERE tenant_id = ${run.tenantId}`),
    );
    expect(logs).toEqual([{ status: 'skipped', reason: 'no_consent' }]);
  });

  it('is known by the words beside the box too', async () => {
    const run = await asked({ c1: false });
    await change(
      run,
      sql.unsafe`UPDATE consents SET text = 'Acepto recibir mensajes por WhatsApp' WHERE tenant_id = ${run.tenantId}`,
    );
    expect(await claim(run)).toEqual(refused);
  });

  it('gets utility templates', async () => {
    const run = await asked({ acepta_whatsapp: false });
    await change(run, sql.unsafe`UPDATE meta_templates SET category = 'UTILITY' WHERE tenant_id = ${run.tenantId}`);
    expect(await claim(run)).toMatchObject({ decision: 'send' });
  });

  it('gets everything where the tenant decided so', async () => {
    const run = await asked({ acepta_whatsapp: false });
    await change(run, sql.unsafe`UPDATE tenants SET heed_consent = false WHERE id = ${run.tenantId}`);
    expect(await claim(run)).toMatchObject({ decision: 'send' });
  });

  it('gets everything after ticking it in a later form, and nothing any more after the other way round', async () => {
    const later = await asked({ acepta_whatsapp: false });
    await answer(later, 1, { acepta_whatsapp: true });
    expect(await claim(later)).toMatchObject({ decision: 'send' });
    const earlier = await asked({ acepta_whatsapp: false });
    await answer(earlier, 3, { acepta_whatsapp: true });
    expect(await claim(earlier)).toEqual(refused);
  });

  it('gives consent by asking to be written to', async () => {
    const run = await asked({ acepta_whatsapp: false });
    const inbound = { providerId: 'in-1', phone: run.phone, kind: 'text', body: 'Alta', sentAt: new Date() };
    await createConversations(db.database).receive(run.tenantId, 0, inbound);
    await change(run, sql.unsafe`UPDATE automation_runs SET state = 'active' WHERE tenant_id = ${run.tenantId}`);
    expect(await claim(run)).toMatchObject({ decision: 'send' });
  });
});

describe('everybody else gets it', () => {
  it.each([
    ['who ticked the box', { acepta_whatsapp: true }],
    ['who ticked one of two boxes about WhatsApp', { whatsapp_promos: true, whatsapp_turnos: false }],
    ['who left another box unticked', { acepta_correo: false }],
    ['who was never asked', {}],
  ])('%s', async (_, boxes) => {
    expect(await claim(await asked(boxes))).toMatchObject({ decision: 'send' });
  });
});
