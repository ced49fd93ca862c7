import { describe, expect, it } from 'vitest';
import { canonicalNumber } from './whatsapp-number.ts';

describe('The spelling of a WhatsApp number', () => {
  it.each([
    ['an Argentine mobile without its 9', '+541155550142', '+5491155550142'],
    ['an Argentine mobile', '+5491155550142', '+5491155550142'],
    ['a Mexican mobile with the old 1', '+5215555550142', '+525555550142'],
    ['a Mexican mobile', '+525555550142', '+525555550142'],
    ['a Mexican number of the area 1xx without the old 1', '+521555555014', '+521555555014'],
    ['a Brazilian mobile of eight digits', '+553187650142', '+5531987650142'],
    ['a Brazilian mobile', '+5531987650142', '+5531987650142'],
    ['a Brazilian landline', '+551130650142', '+551130650142'],
    ['a number of elsewhere', '+34655550142', '+34655550142'],
  ])('is one for one person: %s', (_name, written, number) => {
    expect(canonicalNumber(written)).toBe(number);
    expect(canonicalNumber(number)).toBe(number);
  });
});
