import { describe, expect, it } from 'vitest';
import { fillVariables, type LeadFacts, matches, render } from './automation.ts';
import { placeholdersIn } from './template.ts';

const lead: LeadFacts = {
  ...{ fullName: ' Lucía Fernández ', formId: '644', campaignId: '120', campaignName: 'Implantes' },
  expectedAt: null,
};

describe('rules', () => {
  it('match every lead without conditions, and only the named forms and campaigns with them', () => {
    expect(matches({}, lead)).toBe(true);
    expect(matches({ formIds: ['644'], campaignIds: ['120', '121'] }, lead)).toBe(true);
    expect(matches({ formIds: ['645'] }, lead)).toBe(false);
    expect(matches({ campaignIds: ['120'] }, { ...lead, campaignId: null })).toBe(false);
  });

  it('fill variables from the lead, and say so when one is missing', () => {
    expect(fillVariables(['first_name', 'campaign_name', { text: 'jueves' }], lead)).toEqual([
      'Lucía',
      'Implantes',
      'jueves',
    ]);
    expect(fillVariables(['first_name'], { ...lead, fullName: null })).toBeNull();
    expect(fillVariables(['expected_at'], lead)).toBeNull();
  });

  it('write the filled template as it stands in the conversation', () => {
    expect(render('Hola {{1}}, sobre {{2}}', ['Lucía', 'Implantes'])).toBe('Hola Lucía, sobre Implantes');
    expect(placeholdersIn('{{1}} {{2}} {{1}}')).toBe(2);
  });
});
