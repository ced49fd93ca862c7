import { type MappingTarget, targetsOf, unknownForm } from './form-mapping.ts';

/** What a form's answers say about the person. */

export interface Answer {
  name: string;
  values: readonly string[];
}

export interface Person {
  fullName: string | null;
  email: string | null;
  /** As typed; made E.164 by the tenant's country where it is stored. */
  phone: string | null;
  /** Sent by Meta's testing tool. */
  isTest: boolean;
  /** The questions that are not about who the person is. */
  answers: Answer[];
}

/** Longer ones are no addresses (RFC 5321), and no index holds endless ones. */
const LONGEST_EMAIL = 254;

/** How many leads a page of their list shows. */
export const LEADS_A_PAGE = 25;

const TEST_VALUE = /^<test lead:/;

/** Reads who the person is out of the answers that mean it; everything else, and every further answer of the same meaning, stays an answer. */
export function personOf(fields: readonly Answer[], targetOf: (key: string) => MappingTarget = byKeyAlone): Person {
  const used = new Set<Answer>();
  const find = (target: MappingTarget): string | null => {
    const asking = fields.filter(({ name }) => targetOf(name) === target);
    const answered = asking.find(({ values }) => clean(values[0]) !== null) ?? asking[0];
    if (answered === undefined) return null;
    used.add(answered);
    return clean(answered.values[0]);
  };
  const email = find('email')?.toLowerCase() ?? '';
  const parts = [find('first_name'), find('last_name')].filter((part) => part !== null);
  const person = {
    fullName: find('full_name') ?? (parts.length > 0 ? parts.join(' ') : null),
    email: email === '' || email.length > LONGEST_EMAIL ? null : email,
    phone: find('phone'),
    isTest: fields.some(({ values }) => values.some((value) => TEST_VALUE.test(value))),
  };
  const answers = fields.filter((field) => !used.has(field)).map(({ name, values }) => ({ name, values }));
  return { ...person, answers };
}

const byKeyAlone = targetsOf(unknownForm);

function clean(value: string | undefined): string | null {
  const text = value?.trim() ?? '';
  return text === '' || TEST_VALUE.test(text) ? null : text;
}

export const leadStatuses = ['new', 'contacted', 'opportunity', 'customer', 'not_interested'] as const;
export type LeadStatus = (typeof leadStatuses)[number];
