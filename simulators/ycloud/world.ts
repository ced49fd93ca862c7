/** What an account of YCloud holds: WhatsApp business accounts, numbers, templates. All invented, the same every time. */

export interface Waba {
  id: string;
  name: string;
}

export interface PhoneNumber {
  id: string;
  wabaId: string;
  phoneNumber: string;
  displayPhoneNumber: string;
  verifiedName: string;
  status: string;
  qualityRating: string;
  messagingLimit: string;
}

export interface Template {
  officialTemplateId: string;
  wabaId: string;
  name: string;
  language: string;
  category: string;
  status: string;
  qualityRating: string;
  components: Record<string, unknown>[];
  createTime: string;
  updateTime: string;
  reason?: string;
  previousCategory?: string;
}

export interface World {
  wabas: Waba[];
  phones: PhoneNumber[];
  templates: Template[];
}

const names = ['Aurora Odontología', 'Zapatería Río Norte', 'Estudio Palta'];

/** Three WABAs, each with a number and the same six templates. */
export function createWorld(now: () => string): World {
  const world: World = { wabas: [], phones: [], templates: [] };
  for (const name of names) addWaba(world, name, now());
  return world;
}

/** One more WABA with its number and templates. */
export function addWaba(world: World, name: string, at: string): PhoneNumber {
  const place = world.wabas.length + 1;
  const digits = String(place).padStart(4, '0');
  const wabaId = `9001${digits}`;
  const phone: PhoneNumber = {
    id: `8001${digits}`,
    wabaId,
    phoneNumber: `+54115555${digits}`,
    displayPhoneNumber: `+54 11 5555-${digits}`,
    verifiedName: name,
    status: 'CONNECTED',
    qualityRating: 'GREEN',
    messagingLimit: 'TIER_10K',
  };
  world.wabas.push({ id: wabaId, name });
  world.phones.push(phone);
  world.templates.push(...templatesOf(wabaId, place - 1, at));
  return phone;
}

/** Back to the first state of every WABA: a reset keeps the accounts that people have connected. */
export function restoreWorld(world: World, at: string): void {
  world.templates = world.wabas.flatMap(({ id }, place) => templatesOf(id, place, at));
  for (const phone of world.phones)
    Object.assign(phone, { status: 'CONNECTED', qualityRating: 'GREEN', messagingLimit: 'TIER_10K' });
}

function templatesOf(wabaId: string, place: number, at: string): Template[] {
  const make = (
    n: number,
    name: string,
    language: string,
    category: string,
    status: string,
    body: string,
    examples: string[],
  ): Template => ({
    officialTemplateId: `92000000000${place}${n}`,
    wabaId,
    name,
    language,
    category,
    status,
    qualityRating: status === 'APPROVED' ? 'GREEN' : 'UNKNOWN',
    components: [
      { type: 'BODY', text: body, example: { body_text: [examples] } },
      {
        type: 'FOOTER',
        text: language === 'es' ? 'Responder BAJA para no recibir más' : 'Reply STOP to receive no more',
      },
    ],
    createTime: at,
    updateTime: at,
    ...(status === 'REJECTED' ? { reason: 'PROMOTIONAL' } : {}),
  });
  return [
    make(
      1,
      'bienvenida_lead',
      'es',
      'MARKETING',
      'APPROVED',
      'Hola {{1}}, gracias por tu consulta. ¿Qué día conviene más para una visita?',
      ['Lucía'],
    ),
    make(
      2,
      'welcome_lead',
      'en',
      'MARKETING',
      'APPROVED',
      'Hello {{1}}, thank you for your interest. Which day suits you best?',
      ['Lucy'],
    ),
    make(
      3,
      'recordatorio_turno',
      'es',
      'UTILITY',
      'APPROVED',
      'Hola {{1}}, recordamos el turno del {{2}}. Para cambiarlo, basta con responder.',
      ['Lucía', 'jueves 26'],
    ),
    make(4, 'promo_verano', 'es', 'MARKETING', 'PAUSED', 'Hola {{1}}, hay turnos con descuento esta semana.', [
      'Lucía',
    ]),
    make(5, 'oferta_relampago', 'es', 'MARKETING', 'REJECTED', 'Hola {{1}}, solo por hoy.', ['Lucía']),
    make(6, 'encuesta_visita', 'es', 'UTILITY', 'PENDING', 'Hola {{1}}, ¿cómo fue la visita?', ['Lucía']),
  ];
}
