// Jest's transform: the same type stripping with which Node runs the files, so that what is tested is what runs.
import { stripTypeScriptTypes } from 'node:module';

export default {
  /** @param {string} source */
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
};
