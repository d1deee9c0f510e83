// Where accumulate asks its senders for tokens, they have the ones that it asks for, and it reaches who issued them. A
// rule gives its complaints, none when all is well.

import { environmentOf } from './environment-rules.ts';
import { type Manifest, nameOf, ofKind } from './manifest.ts';
import { type Pod, podsOf } from './pod.ts';

/** What stands in a variable for the pod's namespace, as `environmentOf` has it. */
const namespace = 'from-the-pod';
/** How Knative names the service account of a KafkaSource (its pkg/auth/serviceaccount.go). */
const sourceSuffix = '-oidc-sources.knative.dev-kafkasource';
/** The API server's, as a Service and behind it; and DNS. */
const issuerPorts = [443, 6443, 53];

interface Sender {
  readonly owner: string;
  readonly account: string;
  readonly audience: string | undefined;
}

export function sendersHaveTokens(objects: readonly Manifest[]): string[] {
  const accumulate = podsOf(objects).find(({ isFunction, name }) => isFunction && name === 'accumulate');
  const env = accumulate === undefined ? {} : environmentOf(accumulate.spec.containers[0]);
  if (env['OIDC_ISSUER'] === undefined) return [];
  const senders = [...sourcesOf(objects), ...logsOf(objects)];
  const subjects = senders.map(({ account }) => `system:serviceaccount:${namespace}:${account}`);
  return [
    ...(env['OIDC_SUBJECTS'] === subjects.join() && senders.length > 0
      ? []
      : [`Service accumulate: should take tokens of ${subjects.join() || 'somebody'} alone`]),
    ...senders
      .filter(({ audience }) => audience !== env['OIDC_AUDIENCE'])
      .map(({ owner, audience }) => `${owner}: sends tokens for ${audience ?? 'nobody'}`),
    ...tokenIsMounted(accumulate, env['OIDC_TOKEN_FILE']),
    ...issuerIsReached(objects),
  ];
}

function sourcesOf(objects: readonly Manifest[]): Sender[] {
  return ofKind(objects, 'sources.knative.dev/v1 KafkaSource').map((source) => ({
    owner: nameOf(source),
    account: `${source.metadata.name}${sourceSuffix}`,
    audience: source.spec.sink.audience,
  }));
}

function logsOf(objects: readonly Manifest[]): Sender[] {
  return podsOf(objects)
    .filter(({ name, isFunction }) => name === 'log' && !isFunction)
    .map((pod) => {
      const account = pod.spec.serviceAccountName ?? 'default';
      const isThere = ofKind(objects, 'v1 ServiceAccount').some(({ metadata }) => metadata.name === account);
      const path = environmentOf(pod.spec.containers[0])['SUBSCRIBER_TOKEN_FILE'];
      return {
        owner: pod.owner,
        account: isThere ? account : `${account}, which is not there`,
        audience: tokenAt(pod, path)?.audience,
      };
    });
}

function tokenIsMounted(pod: Pod | undefined, path: string | undefined): string[] {
  const token = pod && tokenAt(pod, path);
  // Without an audience it is for the API server.
  return token !== undefined && token.audience === undefined
    ? []
    : ['Service accumulate: should have a token by which the API server knows it'];
}

/** The projected token that is at this path in the pod's first container. */
function tokenAt({ spec }: Pod, path: string | undefined): { readonly audience?: string } | undefined {
  const [container] = spec.containers;
  for (const { name, projected } of spec.volumes ?? []) {
    const mount = container?.volumeMounts?.find((candidate) => candidate.name === name);
    const source = projected?.sources.find(
      ({ serviceAccountToken: token }) => `${mount?.mountPath ?? ''}/${token?.path ?? ''}` === path,
    );
    if (source?.serviceAccountToken !== undefined) return source.serviceAccountToken;
  }
  return undefined;
}

function issuerIsReached(objects: readonly Manifest[]): string[] {
  const open = ofKind(objects, 'networking.k8s.io/v1 NetworkPolicy')
    .filter(({ metadata }) => metadata.name === 'accumulate-egress')
    .flatMap(({ spec }) => spec.egress ?? [])
    .flatMap(({ ports = [] }) => ports.map(({ port }) => port));
  return issuerPorts
    .filter((port) => !open.includes(port))
    .map((port) => `NetworkPolicy accumulate-egress: closes port ${port} to the issuer`);
}
