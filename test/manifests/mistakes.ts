// What can be wrong with the manifests, one thing at a time: at least one mistake for each rule.

import type { RuleName } from './rules.ts';

/**
 * Kind and name of an object, the path to a value in it, the wrong value (undefined: it is missing), and what the rule
 * says to it. An empty path means the object itself.
 */
export type Mistake = readonly [object: string, path: string, value: unknown, says: string];

const container = 'spec template spec containers 0';
const claim = 'spec template spec volumes 0 persistentVolumeClaim claimName';
const affinity = 'spec template spec affinity podAffinity requiredDuringSchedulingIgnoredDuringExecution 0';

/** Both kinds of pods. */
const pods = ['Service accumulate', 'Deployment log'] as const;
const inEachPod = (path: string, value: unknown, says: string): Mistake[] =>
  pods.map((pod) => [pod, path, value, says]);

export const mistakes: Readonly<Record<RuleName, readonly Mistake[]>> = {
  'autoscaling annotations stand on templates only': [
    [
      'Service add',
      'metadata annotations autoscaling.knative.dev/min-scale',
      '1',
      'min-scale belongs on the template',
    ],
  ],
  'add has exactly one port, named h2c': [
    ['Service add', `${container} ports 0 name`, 'http1', 'one port named h2c'],
    ['Service add', `${container} ports`, undefined, 'one port named h2c'],
    ['Service add', `${container} ports 1`, { name: 'other', containerPort: 8081 }, 'one port named h2c'],
    ['Service add', 'spec template spec containers 1', { image: 'sidecar' }, 'one port named h2c'],
  ],
  'no function takes a port of queue-proxy': [
    ['Service add', `${container} ports 0 containerPort`, 8012, "port 8012 is queue-proxy's"],
  ],
  'every pod has the time that a graceful stop takes': [
    ['Service accumulate', 'spec template spec timeoutSeconds', 44, 'has 44'],
    ['Service accumulate', 'spec template spec timeoutSeconds', 601, 'has 601'],
    ['Service add', 'spec template spec timeoutSeconds', undefined, 'has no time stated'],
    ['Deployment log', 'spec template spec terminationGracePeriodSeconds', 25, 'has 25'],
  ],
  'every container is asked whether it lives and is ready': [
    ['Service add', `${container} livenessProbe httpGet path`, '/', 'liveness should be asked at'],
    ['Service accumulate', `${container} readinessProbe`, undefined, 'readiness should be asked at'],
    ['Deployment log', `${container} readinessProbe httpGet port`, 'grpc', 'readiness should be asked at'],
  ],
  'pods stay with the volume that they share': [
    [
      'Service accumulate',
      `${affinity} topologyKey`,
      'topology.kubernetes.io/zone',
      'should be required on one node',
    ],
    [
      'Service accumulate',
      `${affinity} labelSelector matchLabels serving.knative.dev/service`,
      'x',
      'on one node',
    ],
    ['Service accumulate', 'spec template spec affinity', undefined, 'should be required on one node'],
    ['Deployment log', 'spec replicas', 2, 'should be one replica'],
    ['Deployment log', 'spec strategy type', 'RollingUpdate', 'ended before the next starts'],
  ],
  'every container has the least privileges': [
    ...inEachPod(`${container} securityContext runAsNonRoot`, false, 'runs as root'),
    ...inEachPod(`${container} securityContext runAsUser`, 0, 'runs as root'),
    ...inEachPod(`${container} securityContext readOnlyRootFilesystem`, undefined, 'can write to its image'),
    ...inEachPod(`${container} securityContext allowPrivilegeEscalation`, undefined, 'can gain privileges'),
    ...inEachPod(`${container} securityContext privileged`, true, 'can gain privileges'),
    ...inEachPod(`${container} securityContext capabilities`, undefined, 'has capabilities'),
    ...inEachPod(`${container} securityContext capabilities add`, ['NET_ADMIN'], 'has capabilities'),
    ...inEachPod(`${container} securityContext seccompProfile type`, 'Unconfined', 'has no seccomp profile'),
    ...inEachPod('spec template spec automountServiceAccountToken', undefined, 'has a service account token'),
    ...inEachPod('spec template spec enableServiceLinks', undefined, 'has variables of the Services'),
    ...inEachPod('spec template spec hostNetwork', true, 'is on the network of the node'),
    ...inEachPod('spec template spec securityContext fsGroup', undefined, 'cannot write to its volume'),
    ...inEachPod('spec template spec initContainers', [{ image: 'tally' }], 'can write to its image'),
  ],
  'every container says what it needs': [
    ['Service add', `${container} resources requests cpu`, undefined, 'should request'],
    ['Service accumulate', `${container} resources requests memory`, undefined, 'should request'],
    ['Deployment log', `${container} resources limits memory`, undefined, 'limit memory'],
  ],
  'accumulate is not public': [
    [
      'Service accumulate',
      'metadata labels networking.knative.dev/visibility',
      undefined,
      'inside the cluster only',
    ],
  ],
  'every volume claim is there, for one node': [
    ['Service accumulate', claim, 'ledger', 'there is no claim ledger'],
    ['PersistentVolumeClaim log', '', undefined, 'there is no claim log'],
    ['PersistentVolumeClaim accumulate', 'spec accessModes', ['ReadWriteMany'], 'should be ReadWriteOnce'],
    [
      'PersistentVolumeClaim log',
      'spec accessModes',
      ['ReadWriteOnce', 'ReadWriteMany'],
      'should be ReadWriteOnce',
    ],
    ['Deployment log', claim, 'accumulate', "should be one owner's, is of 2"],
  ],
  'every volume is declared and mounted': [
    ['Service accumulate', `${container} volumeMounts`, undefined, 'data should be declared and mounted'],
    ['Deployment log', `${container} volumeMounts 0 name`, 'x', 'x should be declared and mounted'],
  ],
  'what is called by name is there': [
    ['SinkBinding add', 'spec sink ref kind', 'Service', 'the sink is'],
    ['SinkBinding add', 'spec sink', { uri: 'http://sums' }, 'the sink names nothing'],
    ['SinkBinding add', 'spec subject name', 'adder', 'the subject is'],
    ['KafkaSource sums', 'spec sink ref name', 'accumulator', 'the sink is'],
    ['KafkaSource sums', 'spec delivery deadLetterSink ref name', 'dead', 'the dead letter sink is'],
    ['Service log', '', undefined, 'the sink is v1 Service log, which is not there'],
  ],
  'add has a sink': [['SinkBinding add', '', undefined, 'no SinkBinding gives it a sink']],
  'nothing depends on the namespace': [
    ['Service accumulate', 'metadata namespace', 'x', 'names its namespace'],
    ['SinkBinding add', 'spec sink ref namespace', 'x', 'the sink names its namespace'],
    ['KafkaSource sums', 'spec sink ref namespace', 'x', 'the sink names its namespace'],
    ['KafkaSource sums', 'spec delivery deadLetterSink ref namespace', 'x', 'sink names its namespace'],
  ],
  'Services reach pods': [
    ['Service log', 'spec selector tier', 'x', 'should select one pod, selects 0'],
    ['Service log', 'spec ports 0 targetPort', 'grpc', 'no port of the pod is called grpc'],
    ['Service log', 'spec ports 0 port', 8080, 'should be on port 80'],
  ],
  'Deployments select their pods': [
    [
      'Deployment log',
      'spec template metadata labels app.kubernetes.io/name',
      'x',
      'does not select its own pods',
    ],
  ],
  'NetworkPolicies select pods and open ports that are there': [
    [
      'NetworkPolicy accumulate-egress',
      'spec podSelector matchLabels serving.knative.dev/service',
      'x',
      'no pod',
    ],
    [
      'NetworkPolicy functions',
      'spec podSelector matchExpressions 0 values 0',
      'adder',
      'selects adder, which is',
    ],
    [
      'NetworkPolicy functions',
      'spec ingress 0 ports 0 port',
      8011,
      'opens port 8011, where nothing listens',
    ],
    ['NetworkPolicy log', 'spec ingress 0 ports 0 port', 80, 'opens port 80, where nothing listens'],
    [
      'NetworkPolicy log',
      'spec ingress 0 from 0 podSelector matchLabels tier',
      'x',
      'a pod that is not there',
    ],
    ['NetworkPolicy log', 'spec ingress 0 from 0', {}, 'a pod that is not there'],
  ],
  'PodMonitors reach pods': [
    ['PodMonitor log', 'spec selector matchLabels tier', 'x', 'selects no pod'],
    ['PodMonitor functions', 'spec podMetricsEndpoints 0 path', '/', 'metrics are at /metrics'],
    ['PodMonitor functions', 'spec podMetricsEndpoints 0 port', 'h2c', 'no port is called h2c'],
    [
      'NetworkPolicy functions-monitoring',
      'spec ingress 0 ports 0 port',
      9090,
      'no policy lets Prometheus in',
    ],
    ['NetworkPolicy log-monitoring', '', undefined, 'no policy lets Prometheus in'],
  ],
  'variables are those that the part reads': [
    ['Service accumulate', `${container} env 0 name`, 'DATADIR', 'DATA_DIR is unset'],
    ['Service accumulate', `${container} env 0 value`, '/var', 'where nothing is mounted'],
    [
      'Service accumulate',
      `${container} env 5 value`,
      '/var/token',
      'OIDC_TOKEN_FILE is /var/token, where nothing',
    ],
    ['Service accumulate', `${container} env 2 value`, 'kubernetes.default.svc', 'OIDC_ISSUER was'],
    [
      'Service accumulate',
      `${container} env 1`,
      { name: 'LOCKWAIT', value: '1s' },
      'LOCKWAIT is read by nobody',
    ],
    ['Service accumulate', `${container} env 1`, { name: 'LOCK_WAIT', value: '1' }, 'LOCK_WAIT was'],
    ['Service accumulate', `${container} env 1`, { name: 'PORT', value: '8080' }, "PORT is Knative's"],
    ['Service add', 'metadata name', 'adder', 'nobody is called "adder"'],
    ['Deployment log', `${container} env 0 value`, 'logger', 'nobody is called "logger"'],
    ['Deployment log', `${container} env 3 value`, 'accumulate', 'SUBSCRIBER was'],
    [
      'Deployment log',
      `${container} env 3 value`,
      'http://accumulate.default.svc/',
      'NAMESPACE is read by nobody',
    ],
  ],
  'senders have the tokens that accumulate asks for': [
    [
      'Service accumulate',
      `${container} env 3 value`,
      'other',
      'KafkaSource sums: sends tokens for tally-acc',
    ],
    ['Service accumulate', `${container} env 4 value`, undefined, 'should take tokens of system:serviceacc'],
    [
      'Service accumulate',
      `${container} env 4 value`,
      'system:serviceaccount:x:log',
      'should take tokens of',
    ],
    ['Service accumulate', `${container} env 5 value`, '/data/token', 'by which the API server knows it'],
    [
      'Service accumulate',
      'spec template spec volumes 1 projected sources 0 serviceAccountToken audience',
      'tally-accumulate',
      'by which the API server knows it',
    ],
    ['KafkaSource sums', 'spec sink audience', undefined, 'sends tokens for nobody'],
    ['KafkaSource sums', 'metadata name', 'totals', 'should take tokens of'],
    ['NetworkPolicy accumulate-egress', 'spec egress', [], 'closes port 443'],
    ['NetworkPolicy accumulate-egress', 'spec egress 0 ports 2 port', 444, 'closes port 443'],
    ['Deployment log', 'spec template spec serviceAccountName', undefined, 'default, which is not there'],
    ['ServiceAccount log', '', undefined, 'log, which is not there'],
    ['Deployment log', `${container} env 4 value`, '/tmp/token', 'sends tokens for nobody'],
    [
      'Deployment log',
      'spec template spec volumes 1 projected sources 0 serviceAccountToken audience',
      'x',
      'sends tokens for x',
    ],
  ],
  'deliveries are retried': [
    ['KafkaSource sums', 'spec delivery', undefined, 'delivers once only'],
    ['KafkaSource sums', 'spec delivery retry', undefined, 'delivers once only'],
    ['KafkaSource sums', 'spec delivery backoffDelay', undefined, 'should state a delay'],
    ['KafkaSource sums', 'spec delivery backoffDelay', 'PT0S', 'should state a delay'],
    ['KafkaSource sums', 'spec delivery backoffPolicy', 'linear', 'should wait longer with each retry'],
    ['KafkaSource sums', 'spec delivery timeout', undefined, 'how long it waits'],
  ],
  'refused events are kept': [
    ['KafkaSource sums', 'spec delivery deadLetterSink', undefined, 'should send what it cannot deliver'],
  ],
  'sources begin at the earliest offset': [
    ['KafkaSource sums', 'spec initialOffset', 'latest', 'should begin at the earliest'],
    ['KafkaSource sums', 'spec initialOffset', undefined, 'should begin at the earliest'],
  ],
  'sources are unordered': [
    ['KafkaSource sums', 'spec ordering', 'ordered', 'should be unordered'],
    ['KafkaSource sums', 'spec ordering', undefined, 'should be unordered'],
  ],
  'sinks have their topics': [
    ['KafkaSink sums', 'spec replicationFactor', 3, 'go together'],
    ['KafkaSink sums', 'spec numPartitions', 12, 'go together'],
    ['KafkaSink sums', 'spec topic', 'totals', 'nobody makes the topic totals'],
    ['KafkaSink sums-dead-letter', 'spec contentMode', 'structured', 'should keep the data as it was sent'],
  ],
  'sources have their topics': [
    ['KafkaSource sums', 'spec topics 0', 'totals', 'nobody makes the topic totals'],
  ],
  'topics survive the loss of a broker': [
    ['KafkaTopic sums', 'spec config min.insync.replicas', 1, 'should have 2 replicas in sync'],
    [
      'KafkaTopic sums-dead-letter',
      'spec config min.insync.replicas',
      undefined,
      'should have 2 replicas in sync',
    ],
    ['KafkaTopic sums', 'spec replicas', 2, 'and one more'],
  ],
  'I2: ids outlive the records': [
    ['KafkaTopic sums', 'spec config retention.ms', 30 * 86_400_000, 'for less than'],
    ['KafkaTopic sums', 'spec config retention.ms', -1, 'for less than'],
    ['KafkaTopic sums', 'spec config retention.ms', undefined, 'for less than'],
    ['KafkaTopic sums-dead-letter', 'spec config retention.ms', 604_800_000, 'should keep dead letters'],
  ],
};
