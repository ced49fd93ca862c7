/**
 * One spelling for one person's number: WhatsApp names some mobiles differently from how forms and people write them (reference: 54/549, 52/521, Brazil's
 * ninth digit). Argentine mobiles carry the 9 after 54, Mexican ones no longer the 1 after 52, Brazilian ones nine digits. Takes and gives E.164.
 */
export function canonicalNumber(e164: string): string {
  for (const [pattern, spelling] of spellings) if (pattern.test(e164)) return e164.replace(pattern, spelling);
  return e164;
}

const spellings: readonly [RegExp, string][] = [
  [/^\+54(?=[^9]\d{9}$)/, '+549'],
  [/^\+521(?=\d{10}$)/, '+52'],
  [/^\+55(\d{2})(?=[6-9]\d{7}$)/, '+55$19'],
];
