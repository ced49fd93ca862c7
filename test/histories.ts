import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

/** Every history of the namespace as text, payloads decoded: in JSON they are base64, and nothing could ever be found in them. */
export async function everyHistory(client: Client): Promise<string> {
  const texts: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const json = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory());
    texts.push(
      json,
      ...[...json.matchAll(/"data": ?"([^"]+)"/g)].map(([, data]) => Buffer.from(data ?? '', 'base64').toString()),
    );
  }
  return texts.join('\n');
}
