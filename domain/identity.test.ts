import { describe, expect, it } from 'vitest';
import { type Identity, samePerson } from './identity.ts';

const lead = (id: string, phone: string | null, email: string | null): Identity => ({ id, phone, email });
const [ana, anasPhone] = ['ana@example.com', '+5491155550101'];

describe('Two leads are one person', () => {
  it('when they have the same phone, whatever else differs; the earliest is meant', () => {
    const known = [lead('a', anasPhone, ana), lead('b', anasPhone, null)];
    expect(samePerson(lead('c', anasPhone, 'other@example.com'), known)).toEqual({ id: 'a', by: 'phone' });
  });

  it('when they have the same e-mail and at most one phone', () => {
    expect(samePerson(lead('c', null, ana), [lead('a', anasPhone, ana)])).toEqual({ id: 'a', by: 'email' });
    expect(samePerson(lead('c', anasPhone, ana), [lead('a', null, ana)])).toEqual({ id: 'a', by: 'email' });
  });

  it('perhaps, when one address has two phones: that is for a person to say', () => {
    expect(samePerson(lead('c', '+5491155550202', ana), [lead('a', anasPhone, ana)])).toBeNull();
  });

  it('never by what both have not, and never with themselves', () => {
    expect(samePerson(lead('c', null, null), [lead('a', null, null)])).toBeNull();
    expect(samePerson(lead('c', anasPhone, ana), [lead('c', anasPhone, ana)])).toBeNull();
  });
});
