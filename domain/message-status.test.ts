import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MessageState, nextState, type ReportedState } from './message-status.ts';

const reports = fc.constantFrom<ReportedState>('accepted', 'sent', 'delivered', 'read', 'failed');
const settled = (start: MessageState, all: readonly ReportedState[]) => all.reduce<MessageState>(nextState, start);

describe('the state of a message', () => {
  it('is the same whatever order and however often the reports come', () => {
    fc.assert(
      fc.property(fc.uniqueArray(reports), fc.array(reports), (distinct, repeats) => {
        const known = repeats.filter((report) => distinct.includes(report));
        expect(settled('sending', [...known, ...distinct])).toBe(settled('sending', distinct));
        expect(settled('sending', [...distinct].reverse())).toBe(settled('sending', distinct));
      }),
    );
  });

  it('lets delivered win over failed in either order', () => {
    expect(settled('sent', ['failed', 'delivered'])).toBe('delivered');
    expect(settled('sent', ['delivered', 'failed'])).toBe('delivered');
  });

  it('resolves an unconfirmed message by whatever arrives', () => {
    expect(
      (['accepted', 'sent', 'delivered', 'read', 'failed'] as const).map((report) => nextState('unconfirmed', report)),
    ).toEqual(['accepted', 'sent', 'delivered', 'read', 'failed']);
  });

  it('never goes back', () => {
    expect(settled('read', ['sent', 'delivered', 'failed', 'accepted'])).toBe('read');
  });
});
