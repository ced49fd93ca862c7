import { hash32, pick } from './random.ts';

const firstNames = [
  'José',
  'Lucía',
  'Julián',
  'Valentina',
  'Martín',
  'Camila',
  'Diego',
  'Paula',
  'Íñigo',
  'Ángela',
  'Joaquín',
  'Sofía',
  'Tomás',
  'Belén',
  'Ramón',
  'Noelia',
  'Andrés',
  'Zoë',
  'Ñuñe',
  'Agustina',
];
const lastNames = [
  'Muñoz',
  'Fernández',
  'Arce',
  'Ríos',
  'Acosta',
  'Ortiz',
  'Peralta',
  'Benítez',
  'Núñez',
  'Gómez',
  'Pérez',
  'Ibáñez',
  'Domínguez',
  'Agüero',
  'Quiroga',
  'Yáñez',
  'Salas',
  'Méndez',
  "D'Angelo",
  'Etchegaray',
];

/** An invented person: the same number always gives the same one. */
export interface Person {
  readonly fullName: string;
  readonly email: string;
  readonly phone: string;
}

/** Person number `index`; the phone is theirs alone among 100,000 neighbours of `phoneNumber`. */
export function personOf(index: number, phoneNumber: number): Person {
  const first = pick(firstNames, hash32(index, 'first'));
  const last = pick(lastNames, hash32(index, 'last'));
  const plain = `${first}.${last}`
    .normalize('NFD')
    .replace(/[^a-zA-Z.]/g, '')
    .toLowerCase();
  return {
    fullName: `${first} ${last}`,
    email: `${plain}.${index}@example.com`,
    phone: `+54911555${String(phoneNumber % 100_000).padStart(5, '0')}`,
  };
}
