// `k6/execution`.

import { currentUser } from './scenarios.ts';

export default {
  vu: {
    get idInTest(): number {
      return currentUser().id;
    },
  },
};
