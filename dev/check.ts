import { checkStyle, checkTypes, endWhenAsked, runTests } from './checks.ts';
import { root } from './stack/locate.ts';

process.chdir(root);
endWhenAsked();
const held = [await checkTypes(), await checkStyle(), await runTests(['test/architecture.test.ts'])];
process.exit(held.every(Boolean) ? 0 : 1);
