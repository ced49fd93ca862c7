import type { Request, Response } from 'express';
import { cookieOf } from './i18n.ts';

/** What a person is told once, on the page that an action leads to; the words are in locales/…/common.json. */
const flashes = [
  'credentialSaved',
  'credentialTested',
  'credentialRemoved',
  'senderChosen',
  'languageSaved',
  'accessTaken',
  'accessGiven',
  'keyRevoked',
  'opportunityOpened',
  'opportunityChanged',
  'settingsSaved',
  'personErased',
] as const;
export type Flash = (typeof flashes)[number];

const COOKIE = 'hub_flash';
const options = { httpOnly: true, sameSite: 'lax', path: '/' } as const;

/** Goes to the page, which says what was done. */
export function doneAt(res: Response, path: string, flash: Flash): void {
  res.cookie(COOKIE, flash, { ...options, maxAge: 60_000 }).redirect(303, path);
}

/** What there is to say, once. */
export function takeFlash(req: Request, res: Response): Flash | null {
  const given = cookieOf(req, COOKIE);
  if (!given) return null;
  res.clearCookie(COOKIE, options);
  return flashes.find((flash) => flash === given) ?? null;
}
