import { personOf } from './people.ts';
import { hash32, pick } from './random.ts';
import type { Ad, LeadForm } from './world-types.ts';

/** A submitted form. */
export interface Lead {
  readonly kind: 'lead';
  readonly id: string;
  readonly formId: string;
  readonly pageId: string;
  /** Undefined for organic and test leads. */
  readonly adId: string | undefined;
  readonly createdAt: number;
  /** Before this time reading the lead gives 100/33, as happens right after a webhook. */
  readonly visibleAt: number;
  readonly platform: 'fb' | 'ig';
  readonly test: boolean;
  readonly fieldData: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly disclaimers: readonly { readonly checkbox_key: string; readonly is_checked: string }[];
  /** Whether webhooks write this lead's ids as JSON numbers; the wild shows both. */
  readonly numericIds: boolean;
}

/** What a new lead is made from; times in milliseconds. */
export interface LeadInput {
  readonly form: LeadForm;
  readonly ad: Ad | undefined;
  readonly test: boolean;
  readonly createdAt: number;
  readonly visibleAt: number;
  /** Answers that replace the invented ones, by question key. */
  readonly answers?: Readonly<Record<string, readonly string[]>>;
}

/** All leads, newest first per form. */
export interface Leads {
  create(input: LeadInput): Lead;
  byId(id: string): Lead | undefined;
  ofForm(formId: string): readonly Lead[];
  ofAd(adId: string): readonly Lead[];
  countOfPage(pageId: string): number;
  testLeadOf(formId: string): Lead | undefined;
  delete(id: string): void;
  clear(): void;
}

/** An empty store. `first` starts ids and phones, so that two runs against one database never repeat them. */
export function createLeads(first: number): Leads {
  const leads = new Map<string, Lead>();
  const byForm = new Map<string, Lead[]>();
  const pageCounts = new Map<string, number>();
  let made = 0;
  const ofForm = (formId: string) => (byForm.get(formId) ?? []).toReversed().filter((lead) => leads.has(lead.id));
  return {
    create: (input) => {
      const lead = buildLead(input, first, made);
      made += 1;
      leads.set(lead.id, lead);
      pageCounts.set(lead.pageId, (pageCounts.get(lead.pageId) ?? 0) + 1);
      const list = byForm.get(lead.formId) ?? [];
      list.push(lead);
      byForm.set(lead.formId, list);
      return lead;
    },
    byId: (id) => leads.get(id),
    ofForm,
    ofAd: (adId) => [...leads.values()].filter((lead) => lead.adId === adId).toReversed(),
    countOfPage: (pageId) => pageCounts.get(pageId) ?? 0,
    testLeadOf: (formId) => ofForm(formId).find((lead) => lead.test),
    delete: (id) => {
      leads.delete(id);
    },
    clear: () => {
      leads.clear();
      byForm.clear();
      pageCounts.clear();
    },
  };
}

function buildLead(input: LeadInput, first: number, index: number): Lead {
  const { form, ad, test, createdAt, visibleAt } = input;
  return {
    kind: 'lead',
    id: leadId(first, index),
    formId: form.id,
    pageId: form.pageId,
    adId: test ? undefined : ad?.id,
    createdAt,
    visibleAt,
    platform: hash32(index, 'platform') % 3 === 0 ? 'fb' : 'ig',
    test,
    fieldData: test ? testAnswers(form, input.answers) : answersOf(form, first, index, input.answers),
    disclaimers:
      form.disclaimer === undefined
        ? []
        : [{ checkbox_key: form.disclaimer, is_checked: hash32(index, 'consent') % 4 === 0 ? '' : '1' }],
    numericIds: index % 2 === 1,
  };
}

/** Ids of 15, 17 and 18 digits in turn; the longer ones lie beyond 2^53. */
function leadId(first: number, index: number): string {
  const start = String(first).padStart(9, '0');
  const [prefix, digits] = (
    [
      ['7', 5],
      ['12', 6],
      ['12', 7],
    ] as const
  )[index % 3] ?? ['7', 5];
  return `${prefix}${start}${String(index).padStart(digits, '0')}`;
}

type Answers = LeadInput['answers'];

function answersOf(form: LeadForm, first: number, index: number, answers: Answers): Lead['fieldData'] {
  const person = personOf(index, first * 7919 + index);
  const known: Readonly<Record<string, string>> = {
    full_name: person.fullName,
    email: person.email,
    phone_number: person.phone,
  };
  return form.questions.map(({ key, options }) => {
    const option = options === undefined ? undefined : pick(options, hash32(index, key)).key;
    const value = known[key] ?? option;
    return { name: key, values: answers?.[key] ?? (value === undefined ? [] : [value]) };
  });
}

/** Meta's dummies: nothing on the lead says "test" except these values; the phone is no phone. */
function testAnswers(form: LeadForm, answers: Answers): Lead['fieldData'] {
  return form.questions.map(({ key, type }) => {
    const dummy = type === 'EMAIL' ? 'test@meta.com' : `<test lead: dummy data for ${key}>`;
    return { name: key, values: answers?.[key] ?? [dummy] };
  });
}
