import { describe, expect, it } from 'vitest';
import { isOptIn, isOptOut, liftedBy } from './consent.ts';

describe('an opt-out', () => {
  it.each(['STOP', 'baja', ' Cancelar. ', 'ALTO!', 'Bájà', 'dar de baja'])('is "%s"', (text) => {
    expect(isOptOut(text)).toBe(true);
  });

  it.each(['¿Bajan los precios?', 'Quiero cancelar el turno del jueves', 'stop by tomorrow', ''])(
    'is not "%s"',
    (text) => {
      expect(isOptOut(text)).toBe(false);
    },
  );
});

describe('asking to be written to again', () => {
  it.each(['ALTA', 'start', ' ¡Suscribirme! '])('is "%s"', (text) => {
    expect([isOptIn(text), isOptOut(text)]).toEqual([true, false]);
  });

  it.each(['dame de alta en la obra social', 'BAJA', ''])('is not "%s"', (text) => {
    expect(isOptIn(text)).toBe(false);
  });

  it('takes back what the same word covers and nothing else', () => {
    expect(liftedBy('start_word')).not.toContain('user_preference');
    expect(liftedBy('user_preference')).toEqual(['user_preference', 'meta_131050']);
    expect(liftedBy('ycloud_list')).toEqual(['ycloud_list']);
    expect(liftedBy('anything else')).toEqual([]);
  });
});
