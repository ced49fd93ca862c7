import { describe, expect, it } from 'vitest';
import { aCampaign, aLead, anAccount } from '../test/crm.ts';
import { aTenant } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson } from '../test/person.ts';
import { aWelcome, RULES_PAGE, ruleBench } from '../test/rule-bench.ts';

const bench = ruleBench();
const { make, stored } = bench;
const get = async (path = '') => (await bench.person.get(RULES_PAGE + path)).text();
const text = async (path = '') => textOf(await get(path));

describe('the list of rules', () => {
  it('offers to make the first one', async () => {
    expect(await text()).toContain('Todavía no hay reglas');
  });

  it('says each rule in one sentence', async () => {
    await anAccount(bench.db, bench.tenantId);
    await aCampaign(bench.db, bench.tenantId, { name: 'Implantes <b>' });
    await make({ campaign: '200' });
    expect(await text()).toContain(
      'Cuando llegue un lead de la campaña Implantes <b> , esperar 15 minutos y enviarle bienvenida . Termina con la respuesta.',
    );
    expect(await get()).not.toContain('Implantes <b>');
  });

  it('is JSON for programs at the same address', async () => {
    await make();
    const reply = await bench.person.get(RULES_PAGE, { accept: 'application/json' });
    expect(await reply.json()).toMatchObject([{ name: 'Bienvenida', action_type: 'send_template' }]);
  });
});

describe('the editor', () => {
  it('makes steps that set a status or tell the team, counts them when they are tried, and says them', async () => {
    const steps = {
      steps: '3',
      s1_do: 'status',
      s1_status: 'contacted',
      s1_wait: '2',
      s1_unit: 'd',
      s2_do: 'notify',
      s2_notify: 'team',
    };
    const location = await make(steps);
    expect((await stored())?.action_config).toMatchObject({
      steps: [
        { templateName: 'bienvenida' },
        { setStatus: 'contacted', waitMinutes: 2880 },
        { notify: 'team', waitMinutes: 0 },
      ],
    });
    expect(await text()).toContain(
      'si no responde, a los 2 días pasarlo a « Contactado », avisar a todo el equipo . Se detiene',
    );
    const page = await get(location.slice(RULES_PAGE.length));
    expect(page).toMatch(/name="s1_do"><option value="message">[^<]*<\/option><option value="status" selected>/);
    await aLead(bench.db, bench.tenantId, { name: 'Lucía Fernández' });
    const tried = textOf(
      await (
        await bench.person.post(`${RULES_PAGE}/draft`, {
          ...aWelcome,
          ...steps,
          s0_do: 'notify',
          steps: '2',
          do: 'try',
        })
      ).text(),
    );
    for (const words of [
      '1 cambio de estado como máximo',
      '1 aviso al equipo como máximo',
      'Habría hecho sus pasos con 1 de 1',
    ])
      expect([words, tried.includes(words)]).toEqual([words, true]);
    const wrong = await bench.person.post(RULES_PAGE, { ...aWelcome, s0_do: 'status' });
    expect([wrong.status, textOf(await wrong.text()).includes('Elegir el estado nuevo')]).toEqual([422, true]);
  });

  it('makes a reminder of a date, says it in one sentence, and refuses one before anybody arrived', async () => {
    const reminder = { trigger: 'reminder', r_date: 'expected', r_side: 'before', r_hours: '24' };
    const location = await make({ ...reminder, s0_wait: '0' });
    expect(await stored()).toMatchObject({
      trigger_type: 'reminder',
      trigger_conditions: { remind: { date: 'expected', side: 'before', hours: 24 } },
    });
    expect(await text()).toContain('1 día antes de la fecha prevista de una oportunidad , enviarle bienvenida');
    expect(await get(location.slice(RULES_PAGE.length))).toContain('name="r_hours" value="24"');
    for (const [wrong, words] of [
      [{ r_hours: 'mañana' }, 'Escribir horas, de 0 a 8.760'],
      [{ r_date: 'arrived' }, 'elegir «después»'],
    ] as const) {
      const reply = await bench.person.post(RULES_PAGE, { ...aWelcome, ...reminder, ...wrong });
      expect([reply.status, textOf(await reply.text()).includes(words)]).toEqual([422, true]);
    }
  });

  it('saves what was typed, with an audit row', async () => {
    const location = await make({ cap: '50' });
    expect(await stored()).toMatchObject({
      name: 'Bienvenida',
      daily_cap: 50,
      action_config: { templateName: 'bienvenida', waitMinutes: 15, variables: ['first_name', 'campaign_name'] },
    });
    const id = location.split('/').at(-1) ?? '';
    const [change] = await bench.app.stores.systemEvents.changesOf(bench.tenantId, { type: 'automation_rule', id });
    expect(change).toMatchObject({ name: 'automation_rule.created', actor_id: bench.person.userId });
    expect(await get(`/${id}`)).toContain('value="15"');
  });

  it('asks for the variables of the template that was chosen', async () => {
    const reply = await bench.person.post(`${RULES_PAGE}/draft`, { ...aWelcome, s0_v1: '', s0_v2: '', do: 'try' });
    const html = await reply.text();
    expect(html).toContain('name="s0_v1"');
    expect(html).toContain('name="s0_v2"');
    expect(html).toContain('Hola {{1}}, sobre {{2}}.');
  });

  it.each([
    ['no name', { name: ' ' }, 'Escribir un nombre'],
    ['a wait that is no number', { s0_wait: 'mucho' }, 'Escribir un número entero de minutos'],
    ['no template', { s0_template: '' }, 'Elegir una plantilla'],
    ['a template that is paused', { s0_template: 'pausada|es' }, 'la plantilla no está aprobada'],
    ['a template with a picture', { s0_template: 'con_foto|es' }, 'la plantilla pide un archivo'],
    ['a variable without words', { s0_v2: 'text', s0_t2: ' ' }, 'Escribir el texto'],
    ['a variable that nothing fills', { s0_v2: '' }, 'Elegir con qué se completa'],
    ['no status to change to', { trigger: 'status_change' }, 'Elegir el estado que la inicia'],
    ['no hours', { trigger: 'no_reply', hours: '0' }, 'Escribir horas'],
    ['no words', { trigger: 'keyword', words: ' , ' }, 'Escribir de 1 a 20 palabras'],
    ['a cap that is no number', { cap: 'dos' }, 'Escribir un número entero, o dejarlo vacío'],
  ])('refuses %s, in words, and keeps what was typed', async (_, given, words) => {
    const reply = await bench.person.post(RULES_PAGE, { ...aWelcome, ...given });
    const html = await reply.text();
    expect(reply.status).toBe(422);
    expect(textOf(html)).toContain(words);
    expect(html).toContain('name="s0_wait"');
    expect(await stored()).toBeUndefined();
  });

  it('adds and removes messages without losing a word, and saves a sequence', async () => {
    const second = { s1_wait: '2', s1_unit: 'd', s1_template: 'recordatorio|es' };
    const added = await (await bench.person.post(`${RULES_PAGE}/draft`, { ...aWelcome, do: 'add' })).text();
    expect(added).toContain('name="s1_template"');
    expect(added).toContain('value="Bienvenida"');
    const removed = await (
      await bench.person.post(`${RULES_PAGE}/draft`, { ...aWelcome, ...second, steps: '2', do: 'remove' })
    ).text();
    expect(removed).not.toContain('name="s1_template"');
    const location = await make({ ...second, steps: '2' });
    expect(await stored()).toMatchObject({
      action_type: 'sequence',
      action_config: { steps: [{ waitMinutes: 15 }, { waitMinutes: 2880 }] },
    });
    expect(textOf(await (await bench.person.get(location)).text())).toContain(
      'si no responde, a los 2 días enviarle recordatorio',
    );
  });

  it('says the sentence of what is typed, without saving', async () => {
    const reply = await bench.person.post(`${RULES_PAGE}/sentence`, {
      ...aWelcome,
      trigger: 'keyword',
      words: 'precio, turno',
    });
    expect(textOf(await reply.text())).toContain('Cuando un lead escriba una de estas palabras: precio, turno');
    expect(await stored()).toBeUndefined();
  });

  it('edits make a new version; who saves an old one is told', async () => {
    const location = await make();
    const saved = await bench.person.post(location, { ...aWelcome, name: 'Otra', version: '1' });
    expect([saved.status, (await stored())?.version, (await stored())?.name]).toEqual([303, 2, 'Otra']);
    const late = await bench.person.post(location, { ...aWelcome, name: 'Tercera', version: '1' });
    expect(late.status).toBe(422);
    expect(await late.text()).toContain('Alguien guardó esta regla mientras tanto');
    expect((await stored())?.name).toBe('Otra');
  });

  it('shows no other tenant’s rule', async () => {
    const location = await make();
    const stranger = await aPerson(bench.app, bench.db, await aTenant(bench.db));
    expect((await stranger.get(location)).status).toBe(404);
    expect((await stranger.post(location, { ...aWelcome, version: '1' })).status).toBe(404);
    expect((await stranger.post(`${location}/pause`)).status).toBe(303);
    expect((await stored())?.is_active).toBe(true);
  });
});

describe('pausing a rule', () => {
  const aRunOf = async (ruleId: string) => {
    const leadId = await aLead(bench.db, bench.tenantId, { phone: '+5491155550301' });
    const { runId } = await bench.app.stores.automationRuns.start(bench.tenantId, {
      ruleId,
      ruleVersion: 1,
      leadId,
      occurrence: leadId,
      workflowId: `automation:${leadId}`,
      dueAt: Date.now(),
    });
    return { runId, leadId };
  };

  it('holds back what falls due; activating drops it unless told otherwise, and wakes the runs', async () => {
    const location = await make({ s0_v2: 'full_name' });
    const ruleId = location.split('/').at(-1) ?? '';
    await bench.person.post(`${location}/pause`);
    expect(await text(`/${ruleId}`)).toContain('En pausa');
    const [dropped, claim] = [await aRunOf(ruleId), bench.app.stores.outboundMessages.claim];
    expect(await claim(bench.tenantId, dropped.runId, new Date())).toMatchObject({
      decision: 'wait',
      reason: 'rule_paused',
    });
    expect(await text(`/${ruleId}`)).toContain('1 espera hace menos de una hora');
    await bench.person.post(`${location}/activation`);
    expect(await claim(bench.tenantId, dropped.runId, new Date())).toMatchObject({ decision: 'skip' });
    expect(bench.woken).toEqual([`automation:${dropped.leadId}`]);
    await bench.person.post(`${location}/pause`);
    const sent = await aRunOf(ruleId);
    await claim(bench.tenantId, sent.runId, new Date());
    await bench.person.post(`${location}/activation`, { hour: 'send' });
    expect(await claim(bench.tenantId, sent.runId, new Date())).toMatchObject({ decision: 'send' });
  });
});
