import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['node_modules/', '.cache/', 'data/', 'dist/', 'coverage/', 'proto/generated/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // `${count}` of a number or bigint reads better than String(count) inside a message.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    // k6's scripts: plain JavaScript for its own runtime, with its globals, where the console is all there is to speak by.
    files: ['k6/*.js', 'k6/lib/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { __ENV: false, open: false, console: false, crypto: false } },
    rules: { 'no-console': 'off' },
  },
  {
    // What a browser has, tsc knows; what a cast in a comment says, it alone reads.
    files: ['functions/accumulate/page/*.js'],
    rules: {
      'no-undef': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  {
    files: ['k6/stand-in/*.ts'],
    rules: { 'no-console': 'off' },
  },
);
