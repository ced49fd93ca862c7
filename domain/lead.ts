/** What a form's answers say about the person. */

export interface Answer {
  name: string;
  values: readonly string[];
}

export interface Person {
  fullName: string | null;
  email: string | null;
  /** As typed; made E.164 by the tenant's country where it is stored. */
  phone: string | null;
  /** Sent by Meta's testing tool. */
  isTest: boolean;
  /** The questions that are not about who the person is. */
  answers: Answer[];
}

/** How many leads a page of their list shows. */
export const LEADS_A_PAGE = 25;

const FULL_NAME = /^(full_?name|name|nombre_completo|nombre_y_apellido)$/;
const FIRST_NAME = /^(first_?name|nombres?)$/;
const LAST_NAME = /^(last_?name|apellidos?)$/;
const EMAIL = /^(e_?mail|email_address|correo(_electronico)?)$/;
const PHONE = /^(phone(_number)?|telefono|celular|whatsapp(_number)?|movil)$/;
const TEST_VALUE = /^<test lead:/;

/** Reads the usual questions in English and Spanish, accents folded; everything else stays an answer. */
export function personOf(fields: readonly Answer[]): Person {
  const byKey = fields.map((field) => ({ ...field, key: fold(field.name), value: clean(field.values[0]) }));
  const find = (pattern: RegExp) =>
    byKey.find((field) => pattern.test(field.key) && field.value !== null)?.value ?? null;
  const parts = [find(FIRST_NAME), find(LAST_NAME)].filter((part) => part !== null);
  const known = [FULL_NAME, FIRST_NAME, LAST_NAME, EMAIL, PHONE];
  return {
    fullName: find(FULL_NAME) ?? (parts.length > 0 ? parts.join(' ') : null),
    email: find(EMAIL)?.toLowerCase() ?? null,
    phone: find(PHONE),
    isTest: fields.some(({ values }) => values.some((value) => TEST_VALUE.test(value))),
    answers: byKey
      .filter((field) => !known.some((pattern) => pattern.test(field.key)))
      .map(({ name, values }) => ({ name, values })),
  };
}

const fold = (key: string): string =>
  key
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .trim()
    .replace(/[\s-]+/g, '_');

function clean(value: string | undefined): string | null {
  const text = value?.trim() ?? '';
  return text === '' || TEST_VALUE.test(text) ? null : text;
}
