// The pods that the manifests make, whatever makes them.

import {
  type Container,
  nameOf,
  type Labels,
  type Manifest,
  ofKind,
  type PodSpec,
  type Selector,
} from './manifest.ts';

export interface Pod {
  /** What makes it, for messages. */
  readonly owner: string;
  /** The name of what makes it. */
  readonly name: string;
  readonly isFunction: boolean;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Its ports by name, as they are in the pod. */
  readonly ports: ReadonlyMap<string, number>;
}

/** What Knative's queue-proxy listens on in each pod of a function (its pkg/networking/constants.go). */
export const queueProxyPorts: readonly number[] = [8012, 8013, 8112, 8022, 9090, 9091, 8008];

/** The port of a function that declares none. */
const defaultPort = 8080;

export function podsOf(objects: readonly Manifest[]): Pod[] {
  const functions = ofKind(objects, 'serving.knative.dev/v1 Service').map((service): Pod => {
    const { template } = service.spec;
    const name = service.metadata.name;
    const [container] = template.spec.containers;
    return {
      owner: nameOf(service),
      name,
      isFunction: true,
      labels: { ...template.metadata?.labels, 'serving.knative.dev/service': name },
      annotations: template.metadata?.annotations ?? {},
      spec: template.spec,
      // Knative gives the container's port this name.
      ports: new Map([['user-port', container?.ports?.[0]?.containerPort ?? defaultPort]]),
    };
  });
  const others = ofKind(objects, 'apps/v1 Deployment').map((deployment): Pod => {
    const { template } = deployment.spec;
    return {
      owner: nameOf(deployment),
      name: deployment.metadata.name,
      isFunction: false,
      labels: template.metadata?.labels ?? {},
      annotations: template.metadata?.annotations ?? {},
      spec: template.spec,
      ports: new Map(
        template.spec.containers
          .flatMap(({ ports }) => ports ?? [])
          .map(({ name, containerPort }) => [name ?? '', containerPort]),
      ),
    };
  });
  return [...functions, ...others];
}

export function containersOf({ spec }: Pod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** The claims that a pod mounts. */
export function claimsOf({ spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => (claim ? [claim.claimName] : []));
}

/** Whether a label selector selects these labels; an empty one selects all. */
export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`the operator ${operator} has no meaning here yet`);
      const value = labels[key];
      return value !== undefined && values.includes(value);
    })
  );
}
