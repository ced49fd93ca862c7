import type { CapturedLead } from '../adapters/postgres/leads.ts';

let next = 733_000_000_000_000;

/** A lead as the intake makes it out of a submission, each with an id of its own. */
export const aCapturedLead = (given: Partial<CapturedLead> = {}): CapturedLead => ({
  leadgenId: String(next++),
  pageId: '500',
  submittedAt: new Date(),
  fullName: 'Lucía Fernández',
  email: null,
  phone: '+5491155550101',
  isTest: false,
  isOrganic: false,
  platform: 'ig',
  formId: '900',
  answers: [],
  fieldData: [],
  disclaimers: [],
  adId: null,
  adsetId: null,
  campaignId: '200',
  ...given,
});
