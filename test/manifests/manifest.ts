// Kubernetes objects, as far as the rules look at them. All of it may be missing: the rules are there to say so.

export interface Manifest<Spec = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata & { readonly name: string; namespace?: string };
  readonly spec: Spec;
}

interface Metadata {
  readonly labels?: Labels;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type Labels = Readonly<Record<string, string>>;

export interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export interface Ref {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface Destination {
  readonly ref?: Ref;
  readonly uri?: string;
  readonly audience?: string;
}

interface Security {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly readOnlyRootFilesystem?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly privileged?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port?: string | number };
}

/** Of the pod itself, or of a ConfigMap. */
interface ValueFrom {
  readonly fieldRef?: { readonly fieldPath: string };
  readonly configMapKeyRef?: { readonly name: string; readonly key: string };
}

export interface Container {
  readonly image: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: ValueFrom;
  }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly securityContext?: Security;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly persistentVolumeClaim?: { readonly claimName: string };
    readonly projected?: {
      readonly sources: readonly {
        readonly serviceAccountToken?: { readonly path: string; readonly audience?: string };
      }[];
    };
  }[];
  readonly serviceAccountName?: string;
  readonly affinity?: {
    readonly podAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly {
        readonly topologyKey: string;
        readonly labelSelector: Selector;
      }[];
    };
  };
  readonly securityContext?: Security;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly hostNetwork?: boolean;
  readonly timeoutSeconds?: number;
  readonly terminationGracePeriodSeconds?: number;
}

export interface Template {
  readonly metadata?: Metadata;
  readonly spec: PodSpec;
}

export interface PolicyRule {
  readonly from?: readonly { readonly podSelector?: Selector; readonly namespaceSelector?: Selector }[];
  readonly ports?: readonly { readonly port: number }[];
}

/** What stands in `spec`, by apiVersion and kind. */
export interface Specs {
  'serving.knative.dev/v1 Service': { readonly template: Template };
  'apps/v1 Deployment': {
    readonly replicas?: number;
    readonly strategy?: { readonly type?: string };
    readonly selector: Selector;
    readonly template: Template;
  };
  'v1 Service': {
    readonly selector: Labels;
    readonly ports: readonly { readonly port: number; readonly targetPort?: string | number }[];
  };
  'v1 ServiceAccount': unknown;
  'v1 PersistentVolumeClaim': { readonly accessModes?: readonly string[] };
  'networking.k8s.io/v1 NetworkPolicy': {
    readonly podSelector: Selector;
    readonly ingress?: readonly PolicyRule[];
    readonly egress?: readonly PolicyRule[];
  };
  'monitoring.coreos.com/v1 PodMonitor': {
    readonly selector: Selector;
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path?: string }[];
  };
  'sources.knative.dev/v1 SinkBinding': { readonly subject: Ref; readonly sink: Destination };
  'eventing.knative.dev/v1alpha1 KafkaSink': {
    readonly topic: string;
    readonly contentMode?: string;
    readonly numPartitions?: number;
    readonly replicationFactor?: number;
  };
  'sources.knative.dev/v1 KafkaSource': {
    readonly topics: readonly string[];
    readonly initialOffset?: string;
    readonly ordering?: string;
    readonly delivery?: {
      readonly retry?: number;
      readonly backoffPolicy?: string;
      readonly backoffDelay?: string;
      readonly timeout?: string;
      readonly deadLetterSink?: Destination;
    };
    readonly sink: Destination;
  };
  'kafka.strimzi.io/v1 KafkaTopic': {
    readonly topicName?: string;
    readonly partitions: number;
    readonly replicas: number;
    readonly config?: Readonly<Record<string, string | number>>;
  };
}

/** The objects of one kind. */
export function ofKind<K extends keyof Specs>(objects: readonly Manifest[], kind: K): Manifest<Specs[K]>[] {
  return objects.filter((object) => typeOf(object) === kind) as Manifest<Specs[K]>[];
}

/** By what {@link Specs} knows it. */
export function typeOf({
  apiVersion,
  kind,
}: {
  readonly apiVersion?: string;
  readonly kind: string;
}): string {
  return `${apiVersion ?? ''} ${kind}`;
}

/** For messages. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}
