import { z } from 'zod';

/** A moment as a column of its own, or as text inside JSON. */
export const instant = z.union([z.date(), z.iso.datetime({ offset: true }).transform((text) => new Date(text))]);
