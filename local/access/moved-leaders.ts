// Asking Kafka for offsets while partitions, or a group, get another broker, or have none yet: kafkajs asks the one that it
// knows, and gives up on the answer that it is another.

import { setTimeout as wait } from 'node:timers/promises';

import type { Admin } from 'kafkajs';

const attempts = 25;
const pauseMs = 200;
const moved = new Set([
  ...['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE'],
  ...['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS'],
]);

/** @throws what `ask` throws, where that is anything else or stays so for five seconds */
export async function retryMoved<T>(admin: Admin, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      // Of all that kafkajs can be asked this alone makes it learn anew who leads.
      if (attempt > 1) await admin.listGroups();
      return await ask();
    } catch (error) {
      const type = (error as { readonly type?: string }).type ?? '';
      if (!moved.has(type) || attempt === attempts) throw error;
      await wait(pauseMs);
    }
  }
}
