import type { Route } from './route.ts';

/** The permission table: every address, who may call it and what is counted. Built from one block per noun; a test reads it row by row. */
export function permissionTable(blocks: readonly (readonly Route[])[]): readonly Route[] {
  const routes = blocks.flat();
  const seen = new Set<string>();
  for (const { method, path } of routes) {
    const name = `${method} ${path}`;
    if (seen.has(name)) throw new Error(`${name} stands twice in the permission table`);
    seen.add(name);
  }
  return routes;
}
