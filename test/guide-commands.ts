// The guides, and their commands: what each prints here, or why it is not run. In the order in which they stand there, so
// that one that is new, gone or changed is noticed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { commandsIn } from './markdown.ts';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Output of a command that is run against a local system; or, as text, why it is not. */
export type Expected = RegExp | string;

const cluster = 'needs a cluster: e2e runs on one; kubectl itself is asked whether it understands this';
const kn =
  'kn cannot be had by name, and needs a cluster: func.yaml is held against its schema in test/manifests';
const server = 'does not end: started beside the others';

export const commandsOfGuides: Readonly<Record<string, readonly (readonly [start: string, Expected])[]>> = {
  'count-something': [
    ['npx node count.ts', /^0c286d25-08f3-501e-aa1b-27cf87bb63c2 19\.9 new in guide-sales\n$/],
    ['grpcurl ', /"replayed": ?true/],
    ['printf ', /^$/],
    ['bin/tally import old-orders.csv', /rows read +2[^]*total +24\.4\b/],
    ['bin/tally status 0c286d25', /^counted: 19\.9 \+ 0 = 19\.9 in guide-sales at /],
    ["curl 'localhost:8081/requests/0c286d25", /"total":"guide-sales","a":"19\.9","b":"0"/],
    ['bin/tally add --total guide-sales --wait -- -4.50 0', /^-4\.5$/m],
    ['bin/tally total guide-sales', /^19\.9\n$/],
    ["curl -H 'Accept: text/plain' localhost:8081/totals/guide-sales", /^19\.9\n$/],
  ],
  'post-events': [
    ['curl -i localhost:8082/default/sums', /^HTTP\/1\.1 202 Accepted/],
    [
      "curl -i localhost:8081 -H 'content-type: application/cloudevents+json'",
      /^HTTP\/1\.1 204[^]*tally-outcome: applied/,
    ],
    [
      "curl -i localhost:8081 -H 'content-type: application/cloudevents-batch+json'",
      /^HTTP\/1\.1 204[^]*tally-outcome: applied/,
    ],
    ['bin/tally status A-1 --source /shop/orders --wait', /^counted: 2 \+ 0\.5 = 2\.5 in guide-events at /],
    ["curl 'localhost:8081/requests/A-1?source=/shop/orders&wait=10s'", /"sum":"2\.5","time":"20/],
    ['bin/tally audit --data-dir ./data --direct-source /shop/till', /: equal$/m],
  ],
  'kn-func': [
    ['kn func build --image registry.example.com/tally --push', kn],
    ['kubectl apply -k .', cluster],
    ['kn func deploy --path functions/add --namespace sums', kn],
    ['kn func deploy --path functions/accumulate --namespace sums', kn],
    ['kn func invoke --path functions/accumulate', `${kn}; what it would post is posted`],
  ],
  kustomize: [
    ['kubectl patch configmap config-features -n knative-serving', cluster],
    ['kubectl kustomize .', 'the test of the kustomization renders it'],
    ['kubectl create namespace sums', cluster],
    ['kubectl apply -k .', cluster],
    ['kubectl wait ksvc/add ksvc/accumulate -n sums', cluster],
    ['bin/tally add 2 0.1 --add GATEWAY:80 --authority', 'needs a gateway: e2e adds through one'],
    ['kubectl port-forward -n sums', cluster],
    ['bin/tally total', 'reads what is forwarded from a cluster'],
    ['kubectl delete ksvc/add -n sums', cluster],
    ['kubectl delete -k .', cluster],
  ],
  'k6-to-n': [
    ['FUNCTION=add PORT=8090 ', server],
    ['FUNCTION=add PORT=8091 ', server],
    ['npx node k6/stand-in/run.ts run k6/scale-to-n.js', /tally_reached/],
    ['kubectl get pods -n sums -l serving.knative.dev/service=add --watch', cluster],
    ['k6 run k6/scale-to-n.js', 'needs k6 and a cluster: k6.test.ts runs the scripts'],
  ],
};

export const guides = Object.keys(commandsOfGuides);

export function readGuide(name: string): string {
  return readFileSync(join(root, 'docs', 'guides', `${name}.md`), 'utf8');
}

/** Those of a guide that begin so, whatever is expected of them. */
export function findCommands(name: string, start: string): string[] {
  return commandsIn(readGuide(name)).filter((command) => command.startsWith(start));
}
