// What is to happen, by its time: a binary heap.

import type { Thread } from './sim-process.ts';

export interface Task {
  at: number;
  /** Orders what is due at the same moment. */
  tie: number;
  /** Orders what has the same tie, too: first come, first served. */
  readonly order: number;
  readonly thread: Thread;
  readonly run: () => void;
  isCancelled: boolean;
  /** A message that may come in the midst of another process's step, since what it starts awaits nothing. */
  readonly isSynchronous: boolean;
}

export class TaskQueue {
  readonly #heap: Task[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** In no order. */
  get tasks(): readonly Task[] {
    return this.#heap;
  }

  push(task: Task): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(task);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Task;
      if (!comesBefore(task, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = task;
  }

  /** Puts off what is of these threads. */
  delay(byMs: number, isOf: (thread: Thread) => boolean): void {
    for (const task of this.#heap.splice(0)) {
      if (isOf(task.thread)) task.at += byMs;
      this.push(task);
    }
  }

  pop(): Task | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1] as Task, heap[child] as Task)) child++;
      const below = heap[child] as Task;
      if (!comesBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function comesBefore(x: Task, y: Task): boolean {
  if (x.at !== y.at) return x.at < y.at;
  if (x.tie !== y.tie) return x.tie < y.tie;
  return x.order < y.order;
}
