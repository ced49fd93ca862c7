import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/mobile';
import { canonicalNumber } from '../domain/whatsapp-number.ts';

/**
 * A typed phone number as E.164 by the tenant's country, in the spelling of `canonicalNumber`, or null when it is no mobile.
 */
export function normalizePhone(typed: string, country: string): string | null {
  const text = typed
    .trim()
    .replace(/^(\+?52)\s*1\s*(?=\d{2})/, (match, code: string) =>
      typed.replace(/\D/g, '').length === 13 ? code : match,
    );
  const parsed = parsePhoneNumberFromString(text, isSupportedCountry(country) ? (country as CountryCode) : undefined);
  if (parsed === undefined) return null;
  // Read as a landline when the mobile's digit was left out; a form's phone is somebody's mobile.
  const number = canonicalNumber(parsed.number);
  return parsePhoneNumberFromString(number)?.isValid() ? number : null;
}
