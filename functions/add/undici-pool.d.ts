// The types of the one module of undici that is used, which has none of its own.
declare module 'undici/lib/dispatcher/pool.js' {
  export { Pool as default } from 'undici';
}
