import { describe, expect, it } from 'vitest';
import { pictureType } from './picture.ts';

describe('The type of a picture', () => {
  it('is read from its bytes', () => {
    expect(pictureType(Buffer.from('89504e470d0a1a0a0000', 'hex'))).toBe('image/png');
    expect(pictureType(Buffer.from('ffd8ffe000104a464946', 'hex'))).toBe('image/jpeg');
    expect(pictureType(Buffer.from('RIFF....WEBPVP8 '))).toBe('image/webp');
  });

  it('is none for a drawing, a page, a sound and nothing', () => {
    for (const text of ['<svg xmlns="http://www.w3.org/2000/svg"/>', '<!DOCTYPE html>', 'RIFF....WAVE', 'GIF89a', ''])
      expect(pictureType(Buffer.from(text))).toBeNull();
  });
});
