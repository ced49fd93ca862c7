/** Who may not be written to, by whose word, and whose word takes that back. */

const OPT_OUT_WORDS: ReadonlySet<string> = new Set([
  'stop',
  'baja',
  'cancelar',
  'alto',
  'darme de baja',
  'dar de baja',
  'no molestar',
  'unsubscribe',
  'cancel',
  'sair',
  'parar',
  // What the opt-out buttons of templates carry.
  'opt out',
  'optout',
]);
const OPT_IN_WORDS: ReadonlySet<string> = new Set([
  'alta',
  'darme de alta',
  'start',
  'unstop',
  'subscribe',
  'suscribir',
  'suscribirme',
  'voltar',
  'opt in',
  'optin',
]);

/** Whether the whole message asks for no more, case and accents folded. */
export const isOptOut = (text: string): boolean => OPT_OUT_WORDS.has(folded(text));

/** Whether the whole message asks to be written to again. */
export const isOptIn = (text: string): boolean => OPT_IN_WORDS.has(folded(text));

/** Words as they are compared: without case, accents and signs. */
export const folded = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} ]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** Which stops each "start again" takes back: only those that the same word covers. Nobody's word but the person's undoes what the person said. */
const LIFTED_BY: Readonly<Record<string, readonly string[]>> = {
  // Written to us: covers what was said to us, and the copy of it that YCloud keeps; not what the person set at Meta.
  start_word: ['stop_word', 'ycloud_list', 'manual'],
  // Set in WhatsApp, where Meta also answers 131050 from.
  user_preference: ['user_preference', 'meta_131050'],
  // Taken off YCloud's list, by whomever.
  ycloud_list: ['ycloud_list'],
};
export const liftedBy = (source: string): readonly string[] => LIFTED_BY[source] ?? [];
