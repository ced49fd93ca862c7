import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { leadBench } from '../test/lead-bench.ts';

const bench = leadBench();
const { meta, capture, leadsOf } = bench;
/** How often the form itself was read. */
const formReads = async () => {
  const { calls } = await meta.control<{ calls: { path: string }[] }>('ledger');
  return calls.filter(({ path }) => path.endsWith(`/${bench.form.id}`)).length;
};

describe('Capturing a lead', () => {
  it('keeps who the person is, what they answered and which ad they came from', async () => {
    const leadgenId = await bench.aLead({
      answers: { full_name: ['Lucía Fernández'], phone_number: ['011 5555-0142'], email: ['Lucia@Example.com'] },
    });
    expect(await capture(leadgenId)).toMatchObject({ outcome: 'captured' });
    expect(await leadsOf(bench.tenantId)).toEqual([
      expect.objectContaining({
        leadgen_id: leadgenId,
        capture_state: 'captured',
        full_name: 'Lucía Fernández',
        phone: '+5491155550142',
        email: 'lucia@example.com',
        page_id: bench.page.id,
        form_id: bench.form.id,
        is_test: false,
        touches: 1,
      }),
    ]);
  });

  it('learns a form that it does not know yet, once, and keeps what was answered word for word', async () => {
    await capture(await bench.aLead());
    await capture(await bench.aLead());
    expect(await formReads()).toBe(1);
    const form = await bench.stores.formMappings.byId(bench.tenantId, bench.form.id);
    expect(form).toMatchObject({ is_new: true, leads: 2 });
    expect(form.questions.map(({ key }) => key)).toEqual(form.last_submission?.map(({ name }) => name));
  });

  it('is not held up by a form that cannot be read', async () => {
    await meta.control('faults', { match: { path: `/${bench.form.id}` }, kind: 'code', value: 2, times: 9 });
    expect(await capture(await bench.aLead())).toMatchObject({ outcome: 'captured' });
    const reads = await formReads();
    await capture(await bench.aLead());
    expect(await formReads()).toBe(reads);
    await expect(bench.stores.formMappings.byId(bench.tenantId, bench.form.id)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('reads a form’s answers as a person decided', async () => {
    const { tenantId, form } = bench;
    await capture(await bench.aLead());
    const { questions } = await bench.stores.formMappings.byId(tenantId, form.id);
    const own = questions.at(-1)?.key ?? '';
    const decided = new Map([...questions.map(({ key }) => [key, 'answer'] as const), [own, 'phone'] as const]);
    await bench.stores.formMappings.save(tenantId, form.id, decided, system('test'));
    const leadgenId = await bench.aLead({ answers: { [own]: ['11 5555-0177'] } });
    await capture(leadgenId);
    const lead = (await leadsOf(tenantId)).find((each) => each.leadgen_id === leadgenId);
    expect(lead).toMatchObject({ phone: '+5491155550177', full_name: null, email: null });
  });

  it('keeps what the person agreed to, with the words beside the box and the time', async () => {
    const { tenantId } = bench;
    await meta.control('faults', { match: { path: `/${bench.form.id}` }, kind: 'code', value: 2, times: 9 });
    const { leadId } = await capture(await bench.aLead({ createdSecondsAgo: 3600 }));
    const consents = async () => (await bench.stores.leadDossiers.byLead(tenantId, leadId ?? '')).consents;
    expect(await consents()).toMatchObject([{ key: 'acepta_whatsapp', text: null, is_given: expect.any(Boolean) }]);
    await fetch(`${meta.simulator.url}/_control/faults`, { method: 'DELETE' });
    await bench.reconciliation.countForms({ tenantId, pageId: bench.page.id });
    const [consent] = await consents();
    expect(consent).toMatchObject({ text: 'Acepto recibir mensajes por WhatsApp', form_name: expect.any(String) });
    expect(Date.now() - (consent?.answered_at.getTime() ?? 0)).toBeGreaterThan(3_590_000);
    const { leadId: next } = await capture(await bench.aLead());
    expect((await bench.stores.leadDossiers.byLead(tenantId, next ?? '')).consents).toMatchObject([
      { text: 'Acepto recibir mensajes por WhatsApp' },
    ]);
  });

  it.each([
    ['half of a character', { full_name: ['Ana \ud83d'] }],
    ['the other half', { full_name: ['\ude00 Ana'] }],
    ['a character that no text holds', { full_name: ['A\0na'], email: ['a\0na@example.com'] }],
    ['answers without end', { full_name: [randomBytes(40_000).toString('hex')] }],
    ['an address without end', { email: [`${randomBytes(4000).toString('hex')}@example.com`] }],
    ['a phone without end', { phone_number: [`+${'5491155550142'.repeat(400)}`] }],
    ['nothing at all', { full_name: [], email: [''], phone_number: ['\u200b'] }],
  ])('keeps one with %s', async (_, answers) => {
    const leadgenId = await bench.aLead({ answers });
    expect(await capture(leadgenId)).toMatchObject({ outcome: 'captured' });
  });

  it('changes nothing when it is told of the same lead again', async () => {
    const leadgenId = await bench.aLead();
    const first = await capture(leadgenId);
    const before = await leadsOf(bench.tenantId);
    const told = bench.published.length;
    expect(await capture(leadgenId)).toEqual(first);
    expect(await leadsOf(bench.tenantId)).toEqual(before);
    expect(bench.published.length).toBe(told);
  });

  it('asks again while Meta does not show the lead yet', async () => {
    const leadgenId = await bench.aLead({ visibleAfterSeconds: 60 });
    await expect(capture(leadgenId)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await leadsOf(bench.tenantId)).toEqual([]);
    await meta.control('clock', { advanceSeconds: 61 });
    expect(await capture(leadgenId)).toMatchObject({ outcome: 'captured' });
  });

  it.each([{ test: true }, { organic: true }])('marks a lead of %j', async (kind) => {
    await capture(await bench.aLead(kind));
    const [lead] = await leadsOf(bench.tenantId);
    expect(lead).toMatchObject(kind.test ? { is_test: true, phone: null } : { is_organic: true, is_test: false });
  });

  it('gives each tenant of a shared page its own lead', async () => {
    const [mine, leadgenId] = [bench.tenantId, await bench.aLead()];
    await capture(leadgenId);
    await bench.connectTenant();
    await capture(leadgenId);
    for (const tenantId of [mine, bench.tenantId]) expect(await leadsOf(tenantId)).toHaveLength(1);
  });
});

describe('A lead that cannot be read', () => {
  it('waits as a row while the connection is dead, tells it so, and is captured after reconnecting without its page being named', async () => {
    const leadgenId = await bench.aLead();
    await meta.control('tokens/kill', { subcode: 463 });
    const { version } = await bench.stores.connections.withToken(bench.tenantId);
    expect(await capture(leadgenId)).toEqual({ outcome: 'waiting_for_connection', leadId: null });
    expect(bench.rejections).toEqual([{ tenantId: bench.tenantId, subcode: 463, tokenVersion: version }]);
    expect(await leadsOf(bench.tenantId)).toMatchObject([
      { capture_state: 'waiting_for_connection', page_id: bench.page.id },
    ]);
    await bench.stores.connections.markReconnectNeeded(bench.tenantId, 'expired', null);
    expect(await bench.dueLeads()).toEqual([]);
    await bench.reconnect();
    expect(await bench.dueLeads()).toEqual([leadgenId]);
    expect(await capture(leadgenId, null)).toMatchObject({ outcome: 'captured' });
    expect(await bench.dueLeads()).toEqual([]);
    expect(await leadsOf(bench.tenantId)).toMatchObject([{ capture_state: 'captured', page_id: bench.page.id }]);
  });

  it('is tried again only a minute later while Meta refuses the token of a living connection', async () => {
    const leadgenId = await bench.aLead();
    await meta.control('tokens/kill', { subcode: 463 });
    await capture(leadgenId);
    expect(await bench.dueLeads()).toEqual([]);
    await bench.triedEarlier(leadgenId, 2);
    expect(await bench.dueLeads()).toEqual([leadgenId]);
    await capture(leadgenId, null);
    expect(await bench.dueLeads()).toEqual([]);
  });

  it('marks the page, and only the page, when its person lost the role on it; its leads come once it answers again', async () => {
    const leadgenId = await bench.aLead();
    const lost = { match: { path: `/${leadgenId}` }, kind: 'code', value: 190, subcode: 492, times: 1 };
    await meta.control('faults', lost);
    expect(await capture(leadgenId)).toEqual({ outcome: 'failed', leadId: null });
    expect(bench.rejections).toEqual([]);
    const problem = async () => (await bench.stores.pages.listForTenant(bench.tenantId))[0]?.problem;
    expect(await problem()).toBe('page_role_lost');
    await bench.triedEarlier(leadgenId, 61);
    expect(await bench.dueLeads()).toEqual([leadgenId]);
    expect(await capture(leadgenId, null)).toMatchObject({ outcome: 'captured' });
    await bench.reconciliation.finishPage({ tenantId: bench.tenantId, pageId: bench.page.id, errorCode: null });
    expect(await problem()).toBeNull();
  });

  it('is kept as failed without the permission, tried again an hour later and at once after connecting anew', async () => {
    const leadgenId = await bench.aLead();
    await meta.control('faults', { match: { path: `/${leadgenId}` }, kind: 'code', value: 200, times: 2 });
    expect(await capture(leadgenId)).toEqual({ outcome: 'failed', leadId: null });
    expect(await leadsOf(bench.tenantId)).toMatchObject([
      { capture_state: 'failed', capture_error: 'permission_missing' },
    ]);
    expect(await bench.dueLeads()).toEqual([]);
    await bench.triedEarlier(leadgenId, 61);
    expect(await bench.dueLeads()).toEqual([leadgenId]);
    expect(await capture(leadgenId, null)).toMatchObject({ outcome: 'failed' });
    expect(await bench.dueLeads()).toEqual([]);
    await bench.reconnect();
    expect(await bench.dueLeads()).toEqual([leadgenId]);
    expect(await capture(leadgenId, null)).toMatchObject({ outcome: 'captured' });
  });

  it.each([
    [368, 'forbidden'],
    [101, 'misconfigured'],
    [100, 'invalid'],
  ])('is kept as failed for whatever time alone does not mend, as Meta’s %i', async (code, reason) => {
    const leadgenId = await bench.aLead();
    await meta.control('faults', { match: { path: `/${leadgenId}` }, kind: 'code', value: code, times: 1 });
    expect(await capture(leadgenId)).toEqual({ outcome: 'failed', leadId: null });
    expect(await leadsOf(bench.tenantId)).toMatchObject([{ capture_state: 'failed', capture_error: reason }]);
    await bench.triedEarlier(leadgenId, 61);
    expect(await bench.dueLeads()).toEqual([leadgenId]);
    expect(await capture(leadgenId, null)).toMatchObject({ outcome: 'captured' });
  });

  it('is kept with the reason when all the time there was has passed, and a captured one stays as it is', async () => {
    const { tenantId, page } = bench;
    const [late, read] = [await bench.aLead(), await bench.aLead()];
    await capture(read);
    for (const leadgenId of [late, read])
      await bench.leads.keepForLater({ tenantId, leadgenId, pageId: page.id, code: 'unavailable' });
    const states = (await leadsOf(tenantId)).map((lead) => [lead.leadgen_id, lead.capture_state, lead.capture_error]);
    expect(new Set(states)).toEqual(
      new Set([
        [late, 'failed', 'unavailable'],
        [read, 'captured', null],
      ]),
    );
  });

  it.each([4, 2])('leaves no row when Meta answers %i: Temporal asks again', async (code) => {
    const leadgenId = await bench.aLead();
    await meta.control('faults', { match: { path: `/${leadgenId}` }, kind: 'code', value: code, times: 1 });
    await expect(capture(leadgenId)).rejects.toMatchObject({ code: expect.stringMatching(/rate_limited|unavailable/) });
    expect(await leadsOf(bench.tenantId)).toEqual([]);
  });
});
