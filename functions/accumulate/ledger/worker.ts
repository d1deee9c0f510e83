// The entry of the writing thread.

import { parentPort, workerData } from 'node:worker_threads';

import type { WorkerSettings } from './messages.ts';
import { runWritingThread } from './writing-thread.ts';

if (parentPort === null) throw new Error('runs only as the writing thread of a ledger');
runWritingThread(parentPort, workerData as WorkerSettings);
