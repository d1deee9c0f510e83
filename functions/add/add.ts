// The unary method: one request, one answer. Over the in-flight limit it refuses at once, so that a caller learns of
// the overload while its deadline is still far.

import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';

import { AppError, toAppError } from '../../lib/errors.ts';
import type { AddRequest__Output } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { AddResponse } from '../../proto/generated/tally/v1/AddResponse.ts';
import { admit, timeLeftMs, traceparentOf } from './call.ts';
import { createTellInstance } from './instance.ts';
import type { Services } from './services.ts';
import { codeName, toStatusObject } from './status.ts';
import { parseAddRequest } from './validate.ts';

export type AddCall = ServerUnaryCall<AddRequest__Output, AddResponse>;

export function createAdd({ verifier, takeAdder, inFlight, metrics, log }: Services) {
  const tellInstance = createTellInstance();
  return (call: AddCall, callback: sendUnaryData<AddResponse>): void => {
    const startedMs = performance.now();
    const fail = (error: AppError): void => {
      if (error.code === 'internal') log.error({ err: error }, 'Add failed');
      metrics.answered('Add', codeName(error), startedMs);
      callback(toStatusObject(error));
    };
    const begin = (): void => {
      let adder, addition;
      try {
        adder = takeAdder();
        addition = parseAddRequest(call.request);
      } catch (error) {
        fail(toAppError(error));
        return;
      }
      if (!inFlight.enterCall()) {
        fail(new AppError('overloaded', 'too many requests in flight; nothing was begun: call again later'));
        return;
      }
      adder.add(addition, timeLeftMs(call.getDeadline()), traceparentOf(call.metadata), (answer) => {
        inFlight.leave();
        if (answer instanceof AppError) {
          fail(answer);
          return;
        }
        metrics.answered('Add', codeName(undefined), startedMs);
        tellInstance(call);
        callback(null, answer);
      });
    };
    admit(verifier, call.metadata, begin, fail);
  };
}
