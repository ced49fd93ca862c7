import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { root } from './stack/locate.ts';

// A program of its own: bundling leaves hundreds of MiB behind in the process that does it.
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: node dev/bundle.ts <file to write>');
const { code } = await bundleWorkflowCode({
  workflowsPath: join(root, 'workflows/index.ts'),
  logger: new DefaultLogger('ERROR'),
});
writeFileSync(target, code);
