import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/mobile';

/**
 * A typed phone number as E.164 by the tenant's country, or null when it is none. WhatsApp's habits are put right: Argentine mobiles carry the 9 after
 * 54, Mexican ones lose the old 1 after 52.
 */
export function normalizePhone(typed: string, country: string): string | null {
  const text = typed
    .trim()
    .replace(/^(\+?52)\s*1\s*(?=\d{2})/, (match, code: string) =>
      typed.replace(/\D/g, '').length === 13 ? code : match,
    );
  const parsed = parsePhoneNumberFromString(text, isSupportedCountry(country) ? (country as CountryCode) : undefined);
  if (parsed?.isValid()) return parsed.number;
  const withNine = argentineMobile(parsed?.number ?? '');
  return withNine === null ? null : parsePhoneNumberFromString(withNine)?.isValid() ? withNine : null;
}

// Read as a landline because the 9 was left out; a form's phone is somebody's mobile.
function argentineMobile(number: string): string | null {
  const [, national] = /^\+54(\d{10})$/.exec(number) ?? [];
  return national === undefined ? null : `+549${national}`;
}
