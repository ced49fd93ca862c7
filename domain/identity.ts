/** Whether two leads are one person. Pure. */

export interface Identity {
  id: string;
  phone: string | null;
  email: string | null;
}

export type SameBy = 'phone' | 'email';

/**
 * The known lead that is certainly the same person: one with the same phone, else one with the same e-mail address whose phone does not contradict. Two phones
 * behind one address may be a family: a person decides. `known` comes earliest first.
 */
export function samePerson(lead: Identity, known: readonly Identity[]): { id: string; by: SameBy } | null {
  const others = known.filter(({ id }) => id !== lead.id);
  const byPhone = lead.phone === null ? undefined : others.find(({ phone }) => phone === lead.phone);
  if (byPhone !== undefined) return { id: byPhone.id, by: 'phone' };
  const byEmail = others.filter(({ email }) => lead.email !== null && email === lead.email);
  const agreeing = byEmail.find(({ phone }) => phone === null || lead.phone === null);
  return agreeing === undefined ? null : { id: agreeing.id, by: 'email' };
}
