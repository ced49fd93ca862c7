import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../stack/locate.ts';
import { mutations, type Patch } from './mutations.ts';

// Preloaded into server and worker by a test (`--import`): reads which mutation is wanted now, and patches the sources as they are loaded.
const file = process.env['HUB_MUTATION_FILE'] ?? '';
const wanted = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
const patches: readonly Patch[] = Object.entries(mutations).find(([name]) => name === wanted)?.[1] ?? [];
if (wanted !== '' && patches.length === 0) throw new Error(`no mutation ${wanted}`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const mine = patches.filter((patch) => pathToFileURL(join(root, patch.file)).href === url);
    if (mine.length === 0) return loaded;
    let source = String(loaded.source);
    for (const { find, replace } of mine) {
      if (!source.includes(find)) throw new Error(`${url} does not say what the mutation replaces: ${find}`);
      source = source.replace(find, () => replace);
    }
    return { ...loaded, source };
  },
});
