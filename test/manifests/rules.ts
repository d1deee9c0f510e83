// All rules for a rendering, by the sentence that each upholds.

import { variablesAreThoseThatAreRead } from './environment-rules.ts';
import * as kafka from './kafka-rules.ts';
import type { Manifest } from './manifest.ts';
import * as pods from './pod-rules.ts';
import * as references from './reference-rules.ts';
import { sendersHaveTokens } from './token-rules.ts';

/** Gives complaints, none when all is well. */
export type Rule = (objects: readonly Manifest[]) => string[];

export const rules = {
  'autoscaling annotations stand on templates only': pods.noAutoscalingOnServices,
  'add has exactly one port, named h2c': pods.addSpeaksHttp2,
  'no function takes a port of queue-proxy': pods.noReservedPorts,
  'every pod has the time that a graceful stop takes': pods.timeToStop,
  'every container is asked whether it lives and is ready': pods.probes,
  'pods stay with the volume that they share': pods.podsStayWithTheirVolume,
  'every container has the least privileges': pods.leastPrivilege,
  'every container says what it needs': pods.resourcesAreBounded,
  'accumulate is not public': pods.accumulateIsPrivate,
  'every volume claim is there, for one node': references.claimsAreThereForOneNode,
  'every volume is declared and mounted': references.volumesAreMounted,
  'what is called by name is there': references.whatIsCalledByNameIsThere,
  'add has a sink': references.addHasASink,
  'nothing depends on the namespace': references.nothingNamesANamespace,
  'Services reach pods': references.servicesReachPods,
  'Deployments select their pods': references.deploymentsSelectTheirPods,
  'NetworkPolicies select pods and open ports that are there': references.policiesSelectPods,
  'PodMonitors reach pods': references.monitorsReachPods,
  'variables are those that the part reads': variablesAreThoseThatAreRead,
  'senders have the tokens that accumulate asks for': sendersHaveTokens,
  'deliveries are retried': kafka.deliveriesAreRetried,
  'refused events are kept': kafka.refusedEventsAreKept,
  'sources begin at the earliest offset': kafka.sourcesBeginAtTheBeginning,
  'sources are unordered': kafka.sourcesAreUnordered,
  'sinks have their topics': kafka.sinksHaveTheirTopics,
  'sources have their topics': kafka.sourcesHaveTheirTopics,
  'topics survive the loss of a broker': kafka.topicsSurviveABroker,
  'I2: ids outlive the records': kafka.idsOutliveRecords,
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;
