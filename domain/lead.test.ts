import { describe, expect, it } from 'vitest';
import { personOf } from './lead.ts';

const field = (name: string, ...values: string[]) => ({ name, values });

describe('the person behind a form', () => {
  it('is read from the usual questions, and the rest stays as answers', () => {
    const person = personOf([
      field('full_name', 'José Silva'),
      field('email', 'Jose@Example.com'),
      field('phone_number', '+54 9 11 5555 0123'),
      field('¿para_cuándo?', 'este_mes'),
    ]);
    expect(person).toEqual({
      fullName: 'José Silva',
      email: 'jose@example.com',
      phone: '+54 9 11 5555 0123',
      isTest: false,
      answers: [field('¿para_cuándo?', 'este_mes')],
    });
  });

  it('is read in Spanish, with names in two fields', () => {
    const person = personOf([
      field('Nombre', 'Lucía'),
      field('Apellido', 'Fernández'),
      field('Teléfono', '11 5555 0123'),
      field('Correo electrónico', 'lucia@example.com'),
    ]);
    expect([person.fullName, person.phone, person.email]).toEqual([
      'Lucía Fernández',
      '11 5555 0123',
      'lucia@example.com',
    ]);
  });

  it('has no phone and is marked as a test when Meta filled in its dummies', () => {
    const person = personOf([
      field('full_name', '<test lead: dummy data for full_name>'),
      field('phone_number', '<test lead: dummy data for phone_number>'),
    ]);
    expect(person).toMatchObject({ fullName: null, phone: null, isTest: true });
  });

  it('survives empty answers', () => {
    expect(personOf([field('full_name'), field('phone_number', ' ')])).toMatchObject({
      fullName: null,
      phone: null,
      isTest: false,
    });
  });
});
