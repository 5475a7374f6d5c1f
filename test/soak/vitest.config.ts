import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/soak/**/*.soak.ts'],
    globalSetup: ['test/support/build-once.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 24 * 3600 * 1000, // soak tests state their own length; this only ends one that hangs
    passWithNoTests: true,
  },
});
