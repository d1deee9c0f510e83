// Which process answered a call, for whoever asks: a load test that waits until a number of replicas serve has no other
// way to see them through a gateway. Only those who send the key get the answer: in every answer it would be a cost.

import { Metadata } from '@grpc/grpc-js';
import { hostname } from 'node:os';

/** In a call's metadata, with any value, it asks; in the answer's it tells. */
const key = 'tally-instance';

/** On Kubernetes the host's name is the pod's; the process id tells processes of one machine apart. */
function ownMetadata(): Metadata {
  const metadata = new Metadata();
  metadata.set(key, `${hostname()}:${process.pid}`);
  return metadata;
}

export function createTellInstance() {
  const own = ownMetadata();
  return (call: {
    readonly metadata: Metadata;
    readonly sendMetadata: (metadata: Metadata) => void;
  }): void => {
    if (call.metadata.get(key).length > 0) call.sendMetadata(own);
  };
}
