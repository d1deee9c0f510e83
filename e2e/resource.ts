// What the objects of the cluster have in common: whether they are as they should be, and what they say if not.

export interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly generation?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    /** Of a Knative Service. */
    readonly url?: string;
    readonly latestCreatedRevisionName?: string;
    readonly latestReadyRevisionName?: string;
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** What keeps it from being ready in the form in which it was last written; undefined when it is. */
export function missingOf({ metadata, status = {} }: Resource): string | undefined {
  const { observedGeneration = metadata.generation, conditions = [] } = status;
  if (observedGeneration !== metadata.generation) return 'not looked at yet';
  const condition = conditions.find(({ type }) => type === 'Ready' || type === 'Available');
  if (condition?.status === 'True') return undefined;
  return condition === undefined ? 'says nothing yet' : describeCondition(condition);
}

/** Its conditions that are not true, one line each. */
export function problemsOf({ kind, metadata, status }: Resource): string[] {
  const conditions = status?.conditions ?? [];
  return conditions
    .filter((condition) => condition.status !== 'True')
    .map((condition) => `${kind} ${metadata.name}: ${condition.type} is ${describeCondition(condition)}`);
}

function describeCondition({ status, reason, message }: Condition): string {
  return [status, reason, message].filter((text) => text !== undefined && text !== '').join(', ');
}
