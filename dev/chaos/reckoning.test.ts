import { describe, expect, it } from 'vitest';
import { doublesIn } from './reckoning.ts';

const to = '+5491155550101';
const first = { externalId: 'first', to };
const again = { externalId: 'again', to };
const asked = [{ externalId: 'first', takenBefore: 1 }];

describe('people with more than one message', () => {
  it('are those who got two, once each', () => {
    const other = { externalId: 'other', to: '+5491155550102' };
    expect(doublesIn([first, { externalId: 'second', to }, { externalId: 'third', to }, other], [], [])).toBe(1);
    expect(doublesIn([first, first, other], [], [])).toBe(1);
  });

  it('are not those for whom somebody asked to send it again', () => {
    expect(doublesIn([first, again], asked, ['again'])).toBe(0);
    expect(doublesIn([again], [{ externalId: 'first', takenBefore: 0 }], ['again'])).toBe(0);
  });

  it('are those who got what was asked for twice, or yet another message', () => {
    expect(doublesIn([first, again, again], asked, ['again'])).toBe(1);
    expect(doublesIn([again, again], [{ externalId: 'first', takenBefore: 0 }], ['again'])).toBe(1);
    expect(doublesIn([first, again, { externalId: 'third', to }], asked, ['again'])).toBe(1);
    expect(doublesIn([first, again], asked, [])).toBe(1);
  });

  it('are those whose first message left only after somebody had asked for another', () => {
    expect(doublesIn([again, first], [{ externalId: 'first', takenBefore: 0 }], ['again'])).toBe(1);
  });
});
