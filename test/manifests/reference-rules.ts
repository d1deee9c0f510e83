// Whatever one object calls by name or label must be there. A rule gives its complaints, none when all is well.

import {
  nameOf,
  type Destination,
  type Manifest,
  ofKind,
  type Ref,
  type Selector,
  typeOf,
} from './manifest.ts';
import { claimsOf, podsOf, queueProxyPorts, selects } from './pod.ts';

/** ReadWriteOnce is one node: two processes there may hold a volume, two nodes may not. */
export function claimsAreThereForOneNode(objects: readonly Manifest[]): string[] {
  const claims = ofKind(objects, 'v1 PersistentVolumeClaim');
  const pods = podsOf(objects);
  const missing = pods.flatMap((pod) =>
    claimsOf(pod)
      .filter((name) => !claims.some(({ metadata }) => metadata.name === name))
      .map((name) => `${pod.owner}: there is no claim ${name}`),
  );
  const wrong = claims.flatMap((claim) => {
    const users = pods.filter((pod) => claimsOf(pod).includes(claim.metadata.name));
    return [
      ...(claim.spec.accessModes?.join() === 'ReadWriteOnce'
        ? []
        : [`${nameOf(claim)}: should be ReadWriteOnce`]),
      ...(users.length === 1 ? [] : [`${nameOf(claim)}: should be one owner's, is of ${users.length}`]),
    ];
  });
  return [...missing, ...wrong];
}

export function volumesAreMounted(objects: readonly Manifest[]): string[] {
  return podsOf(objects).flatMap(({ owner, spec }) => {
    const declared = (spec.volumes ?? []).map(({ name }) => name);
    const mounted = spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
    return [...new Set([...declared, ...mounted])]
      .filter((name) => !declared.includes(name) || !mounted.includes(name))
      .map((name) => `${owner}: the volume ${name} should be declared and mounted`);
  });
}

export function whatIsCalledByNameIsThere(objects: readonly Manifest[]): string[] {
  return destinationsOf(objects).flatMap(({ owner, what, ref }) => {
    if (ref === undefined) return [`${owner}: ${what} names nothing`];
    const isThere = objects.some(
      (object) => typeOf(object) === typeOf(ref) && object.metadata.name === ref.name,
    );
    return isThere ? [] : [`${owner}: ${what} is ${typeOf(ref)} ${ref.name}, which is not there`];
  });
}

/** Without K_SINK add is never ready. */
export function addHasASink(objects: readonly Manifest[]): string[] {
  const bindings = ofKind(objects, 'sources.knative.dev/v1 SinkBinding');
  return ofKind(objects, 'serving.knative.dev/v1 Service')
    .filter(({ metadata }) => metadata.name === 'add')
    .filter(({ metadata }) => !bindings.some(({ spec }) => spec.subject.name === metadata.name))
    .map((service) => `${nameOf(service)}: no SinkBinding gives it a sink`);
}

/** Names without a namespace mean the object's own, so that `namespace:` of a kustomization is enough. */
export function nothingNamesANamespace(objects: readonly Manifest[]): string[] {
  const own = objects
    .filter(({ metadata }) => metadata.namespace !== undefined)
    .map((object) => `${nameOf(object)}: names its namespace`);
  const others = destinationsOf(objects)
    .filter(({ ref }) => ref?.namespace !== undefined)
    .map(({ owner, what }) => `${owner}: ${what} names its namespace`);
  return [...own, ...others];
}

export function servicesReachPods(objects: readonly Manifest[]): string[] {
  const pods = podsOf(objects);
  return ofKind(objects, 'v1 Service').flatMap((service) => {
    const { selector, ports } = service.spec;
    const reached = pods.filter(({ labels }) => selects({ matchLabels: selector }, labels));
    return [
      ...(reached.length === 1
        ? []
        : [`${nameOf(service)}: should select one pod, selects ${reached.length}`]),
      ...ports
        .filter(({ targetPort }) => reached.some((pod) => !pod.ports.has(String(targetPort))))
        .map(({ targetPort }) => `${nameOf(service)}: no port of the pod is called ${targetPort ?? ''}`),
      // A SinkBinding makes `http://name.namespace.svc` of it.
      ...(ports[0]?.port === 80 ? [] : [`${nameOf(service)}: should be on port 80`]),
    ];
  });
}

export function deploymentsSelectTheirPods(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'apps/v1 Deployment')
    .filter(({ spec }) => !selects(spec.selector, spec.template.metadata?.labels ?? {}))
    .map((deployment) => `${nameOf(deployment)}: does not select its own pods`);
}

export function policiesSelectPods(objects: readonly Manifest[]): string[] {
  const pods = podsOf(objects);
  const matching = (selector: Selector) => pods.filter(({ labels }) => selects(selector, labels));
  return ofKind(objects, 'networking.k8s.io/v1 NetworkPolicy').flatMap((policy) => {
    const { podSelector, ingress = [] } = policy.spec;
    const selected = matching(podSelector);
    const values = (podSelector.matchExpressions ?? []).flatMap(({ key, values: all = [] }) =>
      all.filter((value) => !pods.some(({ labels }) => labels[key] === value)),
    );
    const neighbours = ingress
      .flatMap(({ from = [] }) => from)
      .filter(({ namespaceSelector }) => namespaceSelector === undefined);
    const closed = ingress
      .flatMap(({ ports = [] }) => ports)
      .filter(({ port }) =>
        selected.some(
          (pod) => ![...pod.ports.values(), ...(pod.isFunction ? queueProxyPorts : [])].includes(port),
        ),
      );
    return [
      ...(selected.length > 0 ? [] : ['selects no pod']),
      ...values.map((value) => `selects ${value}, which is no pod`),
      ...neighbours
        .filter(({ podSelector: from }) => from === undefined || matching(from).length === 0)
        .map(() => 'lets in a pod that is not there'),
      ...closed.map(({ port }) => `opens port ${port}, where nothing listens`),
    ].map((problem) => `${nameOf(policy)}: ${problem}`);
  });
}

/** Prometheus asks the pod itself, which a policy has to let it. */
export function monitorsReachPods(objects: readonly Manifest[]): string[] {
  const pods = podsOf(objects);
  const policies = ofKind(objects, 'networking.k8s.io/v1 NetworkPolicy');
  return ofKind(objects, 'monitoring.coreos.com/v1 PodMonitor').flatMap((monitor) => {
    const { selector, podMetricsEndpoints } = monitor.spec;
    const watched = pods.filter(({ labels }) => selects(selector, labels));
    if (watched.length === 0) return [`${nameOf(monitor)}: selects no pod`];
    return watched.flatMap((pod) =>
      podMetricsEndpoints.flatMap(({ port: name, path }) => {
        const port = pod.ports.get(name);
        const isOpen = policies.some(
          ({ spec }) =>
            selects(spec.podSelector, pod.labels) &&
            (spec.ingress ?? []).some(
              ({ from = [], ports = [] }) =>
                ports.some((open) => open.port === port) &&
                from.some(({ podSelector }) =>
                  selects(podSelector ?? {}, { 'app.kubernetes.io/name': 'prometheus' }),
                ),
            ),
        );
        return [
          ...(path === '/metrics' ? [] : ['metrics are at /metrics']),
          ...(port === undefined ? [`no port is called ${name}`] : []),
          ...(isOpen ? [] : ['no policy lets Prometheus in']),
        ].map((problem) => `${nameOf(monitor)}: ${pod.owner}: ${problem}`);
      }),
    );
  });
}

interface Called {
  readonly owner: string;
  readonly what: string;
  readonly ref: Ref | undefined;
}

/** Every reference to another object. */
function destinationsOf(objects: readonly Manifest[]): Called[] {
  const called = (owner: Manifest, what: string, ref: Ref | undefined): Called => ({
    owner: nameOf(owner),
    what,
    ref,
  });
  return [
    ...ofKind(objects, 'sources.knative.dev/v1 SinkBinding').flatMap((binding) => [
      called(binding, 'the subject', binding.spec.subject),
      called(binding, 'the sink', binding.spec.sink.ref),
    ]),
    ...ofKind(objects, 'sources.knative.dev/v1 KafkaSource').flatMap((source) => {
      const dead: Destination | undefined = source.spec.delivery?.deadLetterSink;
      return [
        called(source, 'the sink', source.spec.sink.ref),
        ...(dead === undefined ? [] : [called(source, 'the dead letter sink', dead.ref)]),
      ];
    }),
  ];
}
