import { expect, test } from 'vitest';
import { isSecretName } from './secret-name.ts';

test.each([
  'SESSION_KEY',
  'apiToken',
  'DB_PASSWORD',
  'SENTRY_DSN',
  'aws_credentials',
  'PRIVATE_THING',
  'SMTP_PASS',
  'GITHUBTOKEN',
])('%s is taken for a secret', (name) => {
  expect(isSecretName(name)).toBe(true);
});

test.each(['VERSION', 'MONKEY', 'KEYBOARD', 'COMPASS', 'JWT_PUBLIC_KEY', 'TOKEN_TTL', 'DATABASE_URL'])(
  '%s is not taken for a secret',
  (name) => {
    expect(isSecretName(name)).toBe(false);
  },
);
