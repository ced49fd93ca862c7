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
}

export interface Endpoint {
  id: string;
  url: string;
  enabledEvents: string[];
  description: string;
  status: string;
  secret: string;
  createTime: string;
  updateTime: string;
}

export interface World {
  wabas: Waba[];
  phones: PhoneNumber[];
  templates: Template[];
  endpoints: Map<string, Endpoint>;
  /** Customers who must not be written to, with the source. */
  unsubscribers: Map<string, { source: string; createTime: string }>;
  blocked: Set<string>;
  balance: number;
}

const names = ['Aurora Odontología', 'Zapatería Río Norte', 'Estudio Palta'];

export function createWorld(now: () => string): World {
  const wabas = names.map((name, i) => ({ id: `9001000${i + 1}`, name }));
  const phones = wabas.map(({ id, name }, i) => ({
    id: `8001000${i + 1}`,
    wabaId: id,
    phoneNumber: `+54115555000${i + 1}`,
    displayPhoneNumber: `+54 11 5555-000${i + 1}`,
    verifiedName: name,
    status: 'CONNECTED',
    qualityRating: 'GREEN',
    messagingLimit: 'TIER_10K',
  }));
  return {
    wabas,
    phones,
    templates: wabas.flatMap((waba, i) => templatesOf(waba.id, i, now())),
    endpoints: new Map(),
    unsubscribers: new Map(),
    blocked: new Set(),
    balance: 250,
  };
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
