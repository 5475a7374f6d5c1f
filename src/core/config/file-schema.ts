import { z } from 'zod';
import { encryptionWords, signersWords } from './backup-key-words.ts';
import { choice } from './choice.ts';
import { copyWords } from './copy-words.ts';
import { RULES, ruleNamed } from '../migration/rule-list.ts';
import { complain } from './forward-issues.ts';
import type { Kinds } from './kinds.ts';
import { keepWords } from './keep-words.ts';
import { lockWords } from './lock-words.ts';
import { maintenanceWords } from './maintenance-words.ts';
import { namedCheck } from './named-check.ts';
import { rehearsalWords } from './rehearsal-words.ts';
import { rollbackWords } from './rollback-words.ts';
import { scratchWords } from './scratch-words.ts';
import { drillWords } from './drill-words.ts';
import { expandHealthChecks } from './expand-health-checks.ts';
import { DEFAULT_SCRATCH } from './service-config.ts';
import { suggestionFor } from './suggest.ts';
import { watchWords } from './watch-words.ts';
import { duration, every, name, path, positiveDuration, variableName } from './words.ts';

/** A gate of more people than this is a slip. */
const APPROVALS_MAX = 20;

const approvalWords = z.union([
  z.literal('none'),
  z.strictObject({
    count: z.int().min(1).max(APPROVALS_MAX).default(1).describe('How many people must approve.'),
    from: z
      .array(z.string().min(1).max(100))
      .default([])
      .describe('Who may approve. Default: anybody.')
      .meta({ examples: [['ana', 'bo']] }),
    'self-approval': z.boolean().default(false).describe('Whether the person who started the release may approve it.'),
  }),
]);

const releaseTypeWords = z.strictObject({
  approval: approvalWords
    .optional()
    .describe(
      'Approval asked for releases of this type, in place of the one of the environment; none: the environment decides.',
    )
    .meta({ examples: [{ count: 1, from: ['ana', 'bo'] }] }),
  watch: positiveDuration()
    .optional()
    .describe('Length of the watch, in place of the one of the environment.')
    .meta({ examples: ['5m'] }),
  skip: z
    .array(z.string())
    .default([])
    .describe(
      'What a release of this type leaves out: the phases prepare, backup, verify, watch; the rehearsal that production asks for; or an environment named by `after`, in which the version then need not have been stable.',
    )
    .meta({ examples: [['staging']] }),
});

const releaseWords = z
  .strictObject({
    regular: releaseTypeWords.optional().describe('The ordinary release.'),
    hotfix: releaseTypeWords.optional().describe('A small correction that cannot wait.'),
    emergency: releaseTypeWords.optional().describe('Production is down.'),
    security: releaseTypeWords.optional().describe('Closes a hole before it is known.'),
  })
  .optional()
  .describe('Settings that differ by release type.');

const variablesWords = z
  .strictObject({
    secret: z
      .array(variableName())
      .default([])
      .describe('Variables that are secret although their name does not say so.')
      .meta({ examples: [['LICENCE_TEXT']] }),
    public: z
      .array(variableName())
      .default([])
      .describe('Variables that are not secret although their name looks like it.')
      .meta({ examples: [['LOG_KEY']] }),
  })
  .optional()
  .describe(
    'Which variables are secret. Names with a word like KEY, TOKEN, SECRET, PASSWORD, CREDENTIALS, DSN, PRIVATE, AUTH or SALT are secret by themselves.',
  );

function allowedRules() {
  const reason = z.string().trim().min(1, { error: 'has no reason\nSay why the rule does not hold here.' });
  return z.record(z.string(), reason).superRefine((allowed, context) => {
    for (const rule of Object.keys(allowed)) {
      if (ruleNamed(rule) !== null) continue;
      const message = `is not a rule\n${suggestionFor(rule, Object.keys(RULES), 'Known rules')}`;
      complain(context, { path: [rule], at: 'key', message });
    }
  });
}

function migrateWords(kinds: Kinds) {
  return choice({
    what: 'migration',
    kinds: kinds.migrators,
    common: {
      when: z
        .enum(['before-deploy', 'after-deploy'])
        .default('before-deploy')
        .describe('Relative to the start of the new version.'),
      compatible: z
        .boolean()
        .default(false)
        .describe(
          'Whether the version before runs correctly on the new schema; then a rollback leaves the schema alone.',
        ),
      reversible: z
        .boolean()
        .optional()
        .describe(
          'Whether the migration can go back down. Default: yes, unless a migration by commands has no `down`.',
        ),
      contract: choice({ what: 'migration', kinds: kinds.migrators })
        .optional()
        .describe(
          'A second migration that takes away what only the version before needed; run at the very end, when that version is stopped.',
        ),
      ...lockWords,
      unsafe: z
        .enum(['refuse', 'warn'])
        .optional()
        .describe(
          'What an error found in its SQL means for a release. Default: refuse, but warn where another environment comes `after` this one.',
        ),
      allow: allowedRules()
        .default({})
        .describe('Rules of `shipway migrate check` that do not hold here, each with the reason.')
        .meta({ examples: [{ 'drop-column': 'no version has read orders.note since 2.3.0' }] }),
    },
  });
}

const keepOldWords = z
  .enum(['until-stable', 'until-verified'])
  .default('until-stable')
  .describe('How long the version before stays warm after the switch.');

function environmentWords(kinds: Kinds) {
  const checks = z.array(namedCheck(kinds.checks));
  const target = choice({ what: 'target', kinds: kinds.targets, prepare: expandHealthChecks(kinds.checks) });
  return z.strictObject({
    after: z
      .string()
      .optional()
      .describe('The environment in which the version must have been stable before.')
      .meta({ examples: ['staging'] }),
    'env-file': path()
      .optional()
      .describe('File of NAME=value lines, read when variables are resolved.')
      .meta({ examples: ['.env.production'] }),
    target: target.describe('Where the components run.'),
    router: choice({ what: 'router', kinds: kinds.routers }).optional().describe('What sends traffic to them.'),
    stores: z
      .array(z.string())
      .optional()
      .describe('Stores that are backed up before the first change. Default: all.')
      .meta({ examples: [['database']] }),
    migrate: migrateWords(kinds).optional().describe('How the schema of the data is changed.'),
    rehearsal: rehearsalWords(kinds)
      .optional()
      .describe('How `shipway rehearse` tries the migration on a restored copy of the data.'),
    scratch: scratchWords(kinds)
      .optional()
      .describe(
        'How a version is started on restored copies of the data, for `shipway backup verify --level 4` and `shipway rehearse`.',
      ),
    checklist: checks
      .optional()
      .describe('Must hold before anything is touched, besides the checklist of all environments.'),
    verify: checks.optional().describe('Asked after the switch, and again after a rollback.'),
    watch: watchWords(kinds).optional().describe('How the new version is watched until it is stable.'),
    approval: approvalWords
      .optional()
      .describe('Who must approve before anything is touched.')
      .meta({ examples: [{ count: 1, 'self-approval': true }] }),
    maintenance: maintenanceWords(kinds)
      .optional()
      .describe(
        'How the service is made to refuse work before its data is taken back. Default: the builtin router answers 503 with Retry-After, where there is one.',
      ),
    rollback: rollbackWords().optional().describe('How a rollback during the release is made quick.'),
    'keep-old': keepOldWords,
    drain: duration().prefault('30s').describe('Limit of waiting for open requests before an old version is cut off.'),
  });
}

const backupsWords = (kinds: Kinds) =>
  z
    .strictObject({
      directory: path().default('.shipway/backups').describe('Where backups are kept, relative to the project.'),
      keep: keepWords().optional().describe('Which backups `shipway backup prune` leaves; any of the keys is enough.'),
      drill: drillWords().optional(),
      scratch: path()
        .default(DEFAULT_SCRATCH)
        .describe(
          'Where backups are restored to be proven and where the copy of a PostgreSQL server is started, relative to the project; needs the room of one of them.',
        ),
      full: every()
        .optional()
        .describe(
          'How often a backup of files writes everything anew and shares nothing with those before it. Default: every 7 days.',
        )
        .meta({ examples: ['every 7 days'] }),
      encryption: encryptionWords()
        .optional()
        .describe('For whom backups are encrypted. Without it they are compressed and signed, and not encrypted.'),
      signers: signersWords().optional(),
      copies: copyWords(kinds).optional(),
    })
    .optional()
    .describe('Settings of all backups.');

/** The schema of the release file with the adapters that exist. It gives the types, the messages, the schema for editors and the reference. */
export function releaseFileSchema(kinds: Kinds) {
  return z.strictObject({
    $schema: z.string().optional().describe('Address of the schema for editors; not read by shipway.'),
    service: name()
      .describe('Name of the service; part of folder names and table rows.')
      .meta({ examples: ['notes'] }),
    variables: variablesWords,
    backups: backupsWords(kinds),
    release: releaseWords,
    checklist: z
      .array(namedCheck(kinds.checks))
      .optional()
      .describe('Must hold before anything is touched, in every environment.'),
    stores: z
      .record(name(), choice({ what: 'store', kinds: kinds.stores }))
      .optional()
      .describe('The data of the service.')
      .meta({ examples: [{ database: { sqlite: { path: 'data/notes.db' } } }] }),
    environments: z
      .record(name(), environmentWords(kinds))
      .superRefine((environments, context) => {
        if (Object.keys(environments).length > 0) return;
        complain(context, {
          path: [],
          message: 'names no environment\nAdd at least one, e.g. production: { target: … }.',
        });
      })
      .describe('Where versions are released to, by name.'),
  });
}

/** As written in the file. */
export type ReleaseFile = z.input<ReturnType<typeof releaseFileSchema>>;
/** As read, before the parts are put together. */
export type ReadFile = z.output<ReturnType<typeof releaseFileSchema>>;
