// What must be true of each pod and of what makes it. A rule gives its complaints, none when all is well.

import { nameOf, type Manifest, ofKind } from './manifest.ts';
import { claimsOf, containersOf, type Pod, podsOf, queueProxyPorts, selects } from './pod.ts';

/** How long a graceful stop takes at most (lib/lifecycle.ts), seconds. */
const drainSeconds = 25;
/** queue-proxy waits for quiet first, so a function's grace must hold both. */
const quietSeconds = 20;
const maxTimeoutSeconds = 600;

/** Knative's webhook refuses them there. */
export function noAutoscalingOnServices(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'serving.knative.dev/v1 Service').flatMap((service) =>
    Object.keys(service.metadata.annotations ?? {})
      .filter((name) => name.startsWith('autoscaling.knative.dev/'))
      .map((name) => `${nameOf(service)}: ${name} belongs on the template`),
  );
}

export function addSpeaksHttp2(objects: readonly Manifest[]): string[] {
  return functions(objects, 'add').flatMap(({ owner, spec }) => {
    const ports = spec.containers.flatMap(({ ports = [] }) => ports);
    return spec.containers.length === 1 && ports.length === 1 && ports[0]?.name === 'h2c'
      ? []
      : [`${owner}: should have one container with one port named h2c`];
  });
}

export function noReservedPorts(objects: readonly Manifest[]): string[] {
  return functions(objects).flatMap(({ owner, ports }) =>
    [...ports.values()]
      .filter((port) => queueProxyPorts.includes(port))
      .map((port) => `${owner}: port ${port} is queue-proxy's`),
  );
}

export function timeToStop(objects: readonly Manifest[]): string[] {
  return podsOf(objects).flatMap(({ owner, isFunction, spec }) => {
    const seconds = isFunction ? spec.timeoutSeconds : spec.terminationGracePeriodSeconds;
    const least = drainSeconds + (isFunction ? quietSeconds : 1);
    return seconds !== undefined && seconds >= least && seconds <= maxTimeoutSeconds
      ? []
      : [
          `${owner}: should have ${least} to ${maxTimeoutSeconds} s to stop, has ${seconds ?? 'no time stated'}`,
        ];
  });
}

export function probes(objects: readonly Manifest[]): string[] {
  return podsOf(objects).flatMap(({ owner, spec, ports }) =>
    spec.containers.flatMap((container) =>
      (['liveness', 'readiness'] as const).flatMap((what) => {
        const get = container[`${what}Probe`]?.httpGet;
        const hasPort = get?.port === undefined || ports.has(String(get.port));
        return get?.path === `/health/${what}` && hasPort
          ? []
          : [`${owner}: ${what} should be asked at /health/${what}`];
      }),
    ),
  );
}

/** The volume is of one node and has room for several processes there, or for one process only. */
export function podsStayWithTheirVolume(objects: readonly Manifest[]): string[] {
  const together = functions(objects)
    .filter((pod) => claimsOf(pod).length > 0)
    .filter(
      ({ labels, spec }) =>
        spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.some(
          ({ topologyKey, labelSelector }) =>
            topologyKey === 'kubernetes.io/hostname' && selects(labelSelector, labels),
        ) !== true,
    )
    .map(({ owner }) => `${owner}: its pods should be required on one node, beside the volume`);
  const alone = ofKind(objects, 'apps/v1 Deployment')
    .filter(({ spec }) => spec.replicas !== 1 || spec.strategy?.type !== 'Recreate')
    .map((deployment) => `${nameOf(deployment)}: should be one replica, ended before the next starts`);
  return [...together, ...alone];
}

export function leastPrivilege(objects: readonly Manifest[]): string[] {
  return podsOf(objects).flatMap((pod) => {
    const problems = containersOf(pod).flatMap(({ securityContext }) => {
      const own = { ...pod.spec.securityContext, ...securityContext };
      const { capabilities } = own;
      return [
        own.runAsNonRoot === true && own.runAsUser === 65_532 && own.runAsGroup === 65_532
          ? ''
          : 'runs as root',
        own.readOnlyRootFilesystem === true ? '' : 'can write to its image',
        own.allowPrivilegeEscalation === false && own.privileged !== true ? '' : 'can gain privileges',
        capabilities?.drop?.includes('ALL') === true && capabilities.add === undefined
          ? ''
          : 'has capabilities',
        own.seccompProfile?.type === 'RuntimeDefault' ? '' : 'has no seccomp profile',
      ];
    });
    const { spec } = pod;
    problems.push(
      spec.automountServiceAccountToken === false ? '' : 'has a service account token',
      // A Service `log` would set LOG_PORT and more: names of our own configuration.
      spec.enableServiceLinks === false ? '' : 'has variables of the Services beside it',
      spec.hostNetwork === true ? 'is on the network of the node' : '',
      claimsOf(pod).length === 0 || spec.securityContext?.fsGroup === 65_532
        ? ''
        : 'cannot write to its volume',
    );
    return problems.filter((problem) => problem !== '').map((problem) => `${pod.owner}: ${problem}`);
  });
}

export function resourcesAreBounded(objects: readonly Manifest[]): string[] {
  return podsOf(objects).flatMap((pod) =>
    containersOf(pod)
      .filter(
        ({ resources }) =>
          resources?.requests?.['cpu'] === undefined ||
          resources.requests['memory'] === undefined ||
          resources.limits?.['memory'] === undefined,
      )
      .map(() => `${pod.owner}: should request CPU and memory, and limit memory`),
  );
}

/** Without the component that is for it. */
export function accumulateIsPrivate(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'serving.knative.dev/v1 Service')
    .filter(({ metadata }) => metadata.name === 'accumulate')
    .filter(({ metadata }) => metadata.labels?.['networking.knative.dev/visibility'] !== 'cluster-local')
    .map((service) => `${nameOf(service)}: should be reachable inside the cluster only`);
}

/**
 * The features of Knative Serving that its functions need and that are off by default
 * (config-features, https://knative.dev/docs/serving/configuration/feature-flags/).
 */
export function neededFeatures(objects: readonly Manifest[]): string[] {
  const features = functions(objects).flatMap((pod) => {
    const { spec } = pod;
    const readsPod = containersOf(pod).some(({ env = [] }) =>
      env.some(({ valueFrom }) => valueFrom?.fieldRef !== undefined),
    );
    return [
      ...(claimsOf(pod).length > 0 ? ['persistent-volume-claim', 'persistent-volume-write'] : []),
      ...(spec.securityContext === undefined ? [] : ['securitycontext']),
      ...(spec.affinity === undefined ? [] : ['affinity']),
      ...(spec.initContainers === undefined ? [] : ['init-containers']),
      ...(readsPod ? ['fieldref'] : []),
    ];
  });
  return [...new Set(features)].map((name) => `kubernetes.podspec-${name}`).toSorted();
}

function functions(objects: readonly Manifest[], only?: string): Pod[] {
  return podsOf(objects).filter(({ isFunction, name }) => isFunction && (only ?? name) === name);
}
