import { sql } from 'slonik';
import { beforeEach, describe, expect, it } from 'vitest';
import { insertConsents } from '../adapters/postgres/consents.ts';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { aCampaign, aLead, anAccount, aTouch } from '../test/crm.ts';
import { textOf } from '../test/html.ts';
import { aWelcome, RULES_PAGE, ruleBench } from '../test/rule-bench.ts';

const bench = ruleBench();
const { make, stored } = bench;

describe('trying without sending', () => {
  const someone = async (given: Parameters<typeof aLead>[2]) => {
    const leadId = await aLead(bench.db, bench.tenantId, given);
    await aTouch(bench.db, bench.tenantId, leadId);
    return leadId;
  };
  beforeEach(async () => {
    await anAccount(bench.db, bench.tenantId);
    await aCampaign(bench.db, bench.tenantId);
  });
  const tryIt = async (given: Record<string, string> = {}) =>
    textOf(await (await bench.person.post(`${RULES_PAGE}/draft`, { ...aWelcome, do: 'try', ...given })).text());

  it('counts who would have got it in 30 days, and why others not', async () => {
    await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202', name: 'Ana Paz' });
    await someone({ phone: '+5491155550202', name: 'Ana otra vez' });
    await someone({ phone: null });
    await someone({ phone: '+5491155550204', isTest: true });
    await someone({ phone: '+5491155550205' });
    await someone({ phone: '+5491155550206', name: null });
    await someone({ phone: '+5491155550207', at: new Date(Date.now() - 40 * 86_400_000) });
    await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${bench.tenantId}, '+5491155550205', 'stop_word')`,
      ),
    );
    const result = await tryIt();
    expect(result).toContain('2 de 7 personas habrían recibido el mensaje. No se envió nada.');
    for (const reason of [
      'llegó al tope',
      'sin teléfono',
      'lead de prueba',
      'pidió no recibir más',
      'falta un dato variable',
    ])
      expect(result).toContain(`1 no: ${reason}`);
    expect(result).toContain('costo desconocido');
    const sent = await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.any(sql.unsafe`SELECT FROM outbound_messages`),
    );
    expect([sent.length, await stored()]).toEqual([0, undefined]);
  });

  it('leaves out who left the WhatsApp box unticked, where the template advertises and the tenant heeds it', async () => {
    const leadId = await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202' });
    await bench.db.database.inTenant(bench.tenantId, (tx) =>
      insertConsents(tx, bench.tenantId, leadId, {
        ...{ leadgenId: 'l-1', formId: null, submittedAt: new Date() },
        disclaimers: [{ key: 'acepta_whatsapp', isChecked: false }],
      }),
    );
    const change = (statement: ReturnType<typeof sql.unsafe>) =>
      bench.db.database.inTenant(bench.tenantId, (tx) => tx.query(statement));
    expect(await tryIt()).toMatch(/1 de 2 personas habrían.*1 no: dejó sin marcar la casilla de WhatsApp/);
    await change(sql.unsafe`UPDATE meta_templates SET category = 'UTILITY' WHERE tenant_id = ${bench.tenantId}`);
    expect(await tryIt()).toContain('2 de 2 personas');
    await change(sql.unsafe`UPDATE meta_templates SET category = 'MARKETING' WHERE tenant_id = ${bench.tenantId}`);
    await change(sql.unsafe`UPDATE tenants SET heed_consent = false WHERE id = ${bench.tenantId}`);
    expect(await tryIt()).toContain('2 de 2 personas');
  });

  it('fills in the date expected of an opportunity, and leaves out who has none', async () => {
    const leadId = await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202' });
    const tomorrow = addDays(dayIn('America/Argentina/Buenos_Aires', new Date()), 1);
    await bench.app.stores.sales.openOpportunity(
      bench.tenantId,
      leadId,
      { name: 'Implante', value: '100', currency: 'ARS', expectedAt: `${tomorrow}T18:30` },
      system('test'),
    );
    const result = await tryIt({ s0_v2: 'expected_at' });
    expect(result).toMatch(/1 de 2 personas habrían.*1 no: falta un dato variable/);
    expect(result).toMatch(/\w+, \d+ de \w+, 18:30/);
    await make({ s0_v2: 'expected_at' });
    expect(await stored()).toMatchObject({ action_config: { variables: ['first_name', 'expected_at'] } });
  });

  it('says what it would cost where prices are known', async () => {
    await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202' });
    await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO outbound_messages (tenant_id, lead_id, occurrence, external_id, sender_phone, phone, template_name, template_language, template_category, state, price, price_currency)
        SELECT ${bench.tenantId}, id, 'x', gen_random_uuid(), '+541155550001', '+541155550002', 'otra', 'es', 'MARKETING', 'delivered', 0.0618, 'USD' FROM leads LIMIT 1`),
    );
    expect(await tryIt()).toMatch(/unos \S*\s?0,12/);
  });

  it('shows one person what they would read', async () => {
    await someone({ name: 'Lucía Fernández', phone: '+5491155550201' });
    const other = await someone({ name: 'Ana Paz', phone: '+5491155550202', at: new Date(Date.now() - 86_400_000) });
    expect(await tryIt()).toContain('Hola Lucía, sobre Implantes.');
    expect(await tryIt({ lead: other })).toContain('Hola Ana, sobre Implantes.');
  });

  it('looks at what starts the rule: words that people wrote, statuses that changed', async () => {
    const leadId = await someone({ phone: '+5491155550201' });
    for (const body of ['Hola, ¿precio?', 'Apreciado doctor'])
      await bench.db.database.inTenant(bench.tenantId, (tx) =>
        tx.query(sql.unsafe`
          INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, body, provider_message_id) VALUES (${bench.tenantId}, ${leadId}, '+5491155550201', 'in', 'contact', ${body}, ${body})`),
      );
    expect(await tryIt({ trigger: 'keyword', words: 'Précio' })).toContain('1 de 1 persona habría');
    expect(await tryIt({ trigger: 'status_change', status: 'opportunity' })).toContain('no habría encontrado a nadie');
    await bench.app.stores.leads.changeStatus(bench.tenantId, leadId, 'opportunity', system('test'));
    expect(await tryIt({ trigger: 'status_change', status: 'opportunity' })).toContain('1 de 1 persona habría');
  });
});
