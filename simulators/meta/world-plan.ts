import type { Economics, Status } from './world-types.ts';

/** One ad account as planned: where it is, what it costs, how many campaigns it runs. */
export interface AccountPlan {
  readonly name: string;
  readonly currency: string;
  readonly offset: number;
  readonly timeZone: string;
  readonly timezoneId: number;
  readonly owner: number;
  readonly page: number;
  readonly economics: Economics;
  /** Daily budget of an ordinary campaign, in major units. */
  readonly budget: number;
  readonly campaigns: readonly string[];
  /** One ad set with one ad per campaign, so that the least number of calls for a sync is known. */
  readonly plain: boolean;
}

const clinic = [
  'Implantes · Pacientes nuevos',
  'Blanqueamiento · Instagram',
  'Primera consulta · Zona Norte',
  'Ortodoncia invisible · Remarketing',
  'Limpieza y control · WhatsApp',
  'Urgencias 24 h · Caballito',
  'Video institucional · Alcance',
  'Implantes · Segunda opinión',
  'Carillas · Sonrisa de verano',
  'Odontopediatría · Vuelta al cole',
  'Prótesis fija · Mayores de 55',
  'Ortodoncia adolescente · Belgrano',
  'Blanqueamiento · Día de la madre',
  'Bruxismo · Placa nocturna',
  'Primera consulta · Caballito',
  'Endodoncia · Sin dolor',
  'Implantes · Financiación 12 cuotas',
  'Limpieza · Obra social',
  'Encías sanas · Periodoncia',
  'Reseñas de pacientes · Alcance',
];
const tourism = [
  'Dental tourism · New York',
  'Dental tourism · Miami',
  'Implants in one visit · USA',
  'All-on-4 · Retargeting',
  'Veneers · Instagram',
  'Smile makeover · Video',
  'Free quote · Lookalike',
  'Second opinion · Texas',
  'Travel and treat · Chicago',
  'Zirconia crowns · Boston',
  'Patient stories · Reach',
  'Black Friday · Implants',
];
const shoes = [
  'Botas de otoño · Catálogo',
  'Zapatillas · Clientes nuevos',
  'Rebajas · Remarketing',
  'Sandalias · Niños',
  'Club Río Norte · Leads',
  'Ceremonia · Señora',
  'Montaña · Pirineos',
  'Vuelta al cole · Ñandú',
  'Marca · Alcance España',
  'Carrito abandonado · Catálogo',
];
const realEstate = [
  'Apartamentos Chapinero · Leads',
  'Lotes Sopó · Fin de semana',
  'Oficinas Bogotá · Corporativo',
  'Vivienda nueva · Cedritos',
  'Arriendo estudiantes · Leads',
  'Proyecto Palta · Preventa',
  'Casas Chía · Video',
  'Inversionistas · Medellín',
  'Remarketing · Sala de ventas',
  'Marca Palta · Alcance',
];
const coffee = [
  'Coffee subscription · Auckland',
  'Barista course · Leads',
  'Wholesale · Wellington',
  'Gift cards · Instagram',
  'Café Māori blend · Launch',
  'Retargeting · Tasters',
  'Brand · Reach',
  'Events · Christchurch',
];

/** The five accounts. The first is the demo clinic's; 20 + 12 + 10 + 10 + 8 campaigns make 60. */
export const accountPlans: readonly AccountPlan[] = [
  {
    name: 'Aurora Argentina',
    currency: 'ARS',
    offset: 100,
    timeZone: 'America/Argentina/Buenos_Aires',
    timezoneId: 10,
    owner: 0,
    page: 0,
    economics: { costPerThousand: 1265, clickRate: 0.0161, costPerLead: 3500, pixelShare: 0 },
    budget: 2400,
    campaigns: clinic,
    plain: true,
  },
  {
    name: 'Aurora Turismo dental',
    currency: 'USD',
    offset: 100,
    timeZone: 'America/New_York',
    timezoneId: 7,
    owner: 0,
    page: 1,
    economics: { costPerThousand: 9.4, clickRate: 0.012, costPerLead: 21, pixelShare: 0.3 },
    budget: 38,
    campaigns: tourism,
    plain: false,
  },
  {
    name: 'Río Norte España',
    currency: 'EUR',
    offset: 100,
    timeZone: 'Europe/Madrid',
    timezoneId: 45,
    owner: 1,
    page: 3,
    economics: { costPerThousand: 5.8, clickRate: 0.017, costPerLead: 7.5, pixelShare: 0.6 },
    budget: 45,
    campaigns: shoes,
    plain: false,
  },
  {
    name: 'Palta Colombia',
    currency: 'COP',
    offset: 1,
    timeZone: 'America/Bogota',
    timezoneId: 31,
    owner: 2,
    page: 4,
    economics: { costPerThousand: 8200, clickRate: 0.014, costPerLead: 19_500, pixelShare: 0 },
    budget: 85_000,
    campaigns: realEstate,
    plain: false,
  },
  {
    name: 'Palta Aotearoa',
    currency: 'NZD',
    offset: 100,
    timeZone: 'Pacific/Auckland',
    timezoneId: 94,
    owner: 2,
    page: 4,
    economics: { costPerThousand: 11.2, clickRate: 0.015, costPerLead: 16, pixelShare: 0.2 },
    budget: 52,
    campaigns: coffee,
    plain: false,
  },
];

/** Weight of the first campaigns' budgets, so that the list has a head and a tail. */
export const budgetWeights: readonly number[] = [5.6, 4.4, 3.1, 2, 1.35, 0.8, 0.55];

/** Objective by name: reach campaigns bring no leads, catalogues sell, the rest collects leads. */
export function objectiveOf(name: string): string {
  if (/Alcance|Reach/.test(name)) {
    return 'OUTCOME_AWARENESS';
  }
  return /Catálogo/.test(name) ? 'OUTCOME_SALES' : 'OUTCOME_LEADS';
}

/** Every sixth campaign has been paused; the demo's own one is the urgencies campaign. */
export function statusOf(position: number): Status {
  return position % 6 === 5 ? 'PAUSED' : 'ACTIVE';
}

const allTasks = ['ANALYZE', 'ADVERTISE', 'MESSAGING', 'MODERATE', 'CREATE_CONTENT', 'MANAGE'];

/** The pages. The third lacks MANAGE and ADVERTISE: it can be seen, and cannot deliver leads. */
export const pagePlans = [
  { name: 'Aurora Odontología', category: 'Dentista', owner: 0, account: 0, tasks: allTasks },
  { name: 'Aurora Smile · Dental tourism', category: 'Dentist & Dental Office', owner: 0, account: 1, tasks: allTasks },
  {
    name: 'Aurora Zona Norte',
    category: 'Dentista',
    owner: 0,
    account: 0,
    tasks: ['ANALYZE', 'MESSAGING', 'MODERATE'],
  },
  { name: 'Zapatería Río Norte', category: 'Zapatería', owner: 1, account: 2, tasks: allTasks },
  { name: 'Estudio Palta', category: 'Agencia de marketing', owner: 2, account: 3, tasks: allTasks },
] as const;

/** Forms per page: name, status, and the custom questions beside name, e-mail and phone. */
export const formPlans: readonly {
  readonly page: number;
  readonly name: string;
  readonly status: 'ACTIVE' | 'ARCHIVED';
  readonly custom: readonly { readonly label: string; readonly answers: readonly string[] }[];
}[] = [
  {
    page: 0,
    name: 'Evaluación sin cargo',
    status: 'ACTIVE',
    custom: [
      question('¿Para cuándo?', 'Este mes', 'En tres meses', 'Aún no sé'),
      question('Obra social', 'Sin obra social', 'OSDE', 'Swiss Medical'),
    ],
  },
  {
    page: 0,
    name: 'Primera consulta',
    status: 'ACTIVE',
    custom: [question('¿En qué zona vivís?', 'Caballito', 'Núñez', 'Vicente López')],
  },
  {
    page: 0,
    name: 'Ortodoncia invisible 2025',
    status: 'ARCHIVED',
    custom: [question('¿Usaste brackets?', 'Sí', 'No')],
  },
  {
    page: 1,
    name: 'Free quote',
    status: 'ACTIVE',
    custom: [question('When would you travel?', 'This month', 'Next year')],
  },
  { page: 1, name: 'Second opinion', status: 'ACTIVE', custom: [] },
  {
    page: 2,
    name: 'Turno Zona Norte',
    status: 'ACTIVE',
    custom: [question('¿Qué día te queda bien?', 'Mañana', 'Sábado')],
  },
  { page: 2, name: 'Urgencia dental', status: 'ACTIVE', custom: [] },
  {
    page: 3,
    name: 'Club Río Norte',
    status: 'ACTIVE',
    custom: [question('¿Qué talla usas?', '36–38', '39–41', '42–45')],
  },
  { page: 3, name: 'Aviso de rebajas', status: 'ACTIVE', custom: [] },
  {
    page: 4,
    name: 'Presupuesto de campaña',
    status: 'ACTIVE',
    custom: [question('¿Cuánto invertís por mes?', 'Hasta $ 500.000', 'Más de $ 500.000')],
  },
  {
    page: 4,
    name: 'Visita a sala de ventas',
    status: 'ACTIVE',
    custom: [question('¿Cuándo podrías venir?', 'Entre semana', 'Sábado')],
  },
];

function question(label: string, ...answers: string[]): { label: string; answers: string[] } {
  return { label, answers };
}

/** Names of creatives, reused along the campaigns. */
export const creativePlans = [
  {
    name: 'Implante en una visita',
    title: 'Volvé a sonreír',
    body: 'Implantes con financiación. Evaluación sin cargo.',
  },
  { name: 'Alineadores antes y después', title: 'Sin brackets', body: 'Mirá el cambio en seis meses.' },
  { name: 'Sonrisa de verano, carrusel', title: 'Blanqueamiento', body: 'Dos tonos más claro en una hora.' },
  { name: 'Primera consulta sin cargo', title: 'Pedí tu turno', body: 'Atendemos de 9 a 20 h.' },
  { name: 'Dolor de muelas a la noche', title: 'Guardia 24 h', body: 'Caballito, entrada por Av. Rivadavia.' },
  { name: 'Video de la casa', title: 'Así trabajamos', body: 'Conocé al equipo en un minuto.' },
] as const;
