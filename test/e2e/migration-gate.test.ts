import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { said } from '../support/service-project.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const LIMIT = { limitSeconds: 180 };

const releaseFile = (words = '', more = ''): string => `service: shop
environments:
  production:
    target:
      command:
        deploy: [sh, -c, 'echo deploy $VERSION >> acts.txt; echo $VERSION > version.txt']
        observe: [cat, version.txt]
    migrate:
      command:
        up: [sh, -c, 'cat migrations/$VERSION.sql >> applied.sql; echo migrate >> acts.txt']
        down: ['true']
        preview: [cat, migrations/$VERSION.sql]
        revision: [sh, -c, 'wc -c < applied.sql']
      compatible: true
${words}
${more}
    verify:
      - Deployed: { run: [grep, -q, $VERSION, version.txt] }
`;

describe('the judge of migrations as a gate', () => {
  let project: TemporaryProject;
  beforeEach(() => {
    project = createTemporaryProject({
      'shipway.yaml': releaseFile(),
      'version.txt': 'none\n',
      'applied.sql': '',
      'acts.txt': '',
    });
    project.write('migrations/1.1.0.sql', "SET lock_timeout = '200ms';\nALTER TABLE orders DROP COLUMN note;\n");
    for (const version of ['1.2.0', '1.2.1'])
      project.write(
        `migrations/${version}.sql`,
        "SET lock_timeout = '200ms';\nALTER TABLE orders ADD COLUMN gift text;\n",
      );
  });
  afterEach(() => project.remove());

  test('an error refuses the release before anything runs, and a reason in the release file lets it through', async () => {
    const refused = await project.run(['release', '1.1.0'], LIMIT);
    expect(refused.exitCode).toBe(30);
    expect(refused.stderr).toContain('the migration of shop 1.1.0 is unsafe in production: 1 error');
    expect(refused.stderr).toContain('line 2: drop-column: ALTER TABLE orders DROP COLUMN note');
    expect(refused.stderr).toContain('allow: { drop-column: WHY }');
    expect([project.read('applied.sql'), project.read('acts.txt')]).toEqual(['', '']);

    project.write('shipway.yaml', releaseFile('      allow: { drop-column: no version has read it since 1.0.0 }'));
    const plan = said(0, await project.run(['plan', '1.1.0'], LIMIT));
    expect(plan).toContain('drop-column, line 2, is allowed: no version has read it since 1.0.0 (release file)');
    said(0, await project.run(['release', '1.1.0'], LIMIT));
    expect(project.read('applied.sql')).toContain('DROP COLUMN note');
  }, 400_000);

  test('SQL that changed after it was judged is not run', async () => {
    const swap = "['sh', '-c', 'echo \"DROP TABLE orders;\" > migrations/1.2.0.sql']";
    project.write(
      'shipway.yaml',
      releaseFile('', `    checklist:\n      - Somebody changes the file: { run: ${swap} }`),
    );
    const ran = await project.run(['release', '1.2.0'], LIMIT);
    expect(ran.exitCode).not.toBe(0);
    expect(ran.stdout + ran.stderr).toContain('is not the SQL that was judged when the plan was made');
    expect(project.read('migrations/1.2.0.sql')).toBe('DROP TABLE orders;\n');
    expect([project.read('applied.sql'), project.read('acts.txt')]).toEqual(['', '']);
  }, 400_000);

  test('what contracts runs at the very end', async () => {
    const contract = "      contract: { command: { up: [sh, -c, 'echo contract >> acts.txt'] } }";
    project.write('shipway.yaml', releaseFile(contract));
    said(0, await project.run(['release', '1.2.0'], LIMIT));
    expect(project.read('acts.txt')).toBe('migrate\ndeploy 1.2.0\ncontract\n');
  }, 400_000);

  test('what contracts is judged too: an error refuses the release, and SQL that changed meanwhile is not run', async () => {
    const contract = `      contract:
        command:
          up: [sh, -c, 'cat contract.sql >> applied.sql; echo contract >> acts.txt']
          preview: [cat, contract.sql]
          revision: [sh, -c, 'wc -c < applied.sql']`;
    project.write(
      'contract.sql',
      "SET lock_timeout = '200ms';\nALTER TABLE orders DROP COLUMN note;\nCREATE INDEX i ON orders (id);\n",
    );
    project.write('shipway.yaml', releaseFile(contract));
    const refused = await project.run(['release', '1.2.0'], LIMIT);
    expect(refused.exitCode).toBe(30);
    expect(refused.stderr).toContain('the contract of shop 1.2.0 is unsafe in production: 1 error');
    expect(refused.stderr).toContain('index-blocks-writes');
    expect(project.read('acts.txt')).toBe('');

    project.write('contract.sql', "SET lock_timeout = '200ms';\nALTER TABLE orders DROP COLUMN note;\n");
    const swap = "['sh', '-c', 'echo \"DROP TABLE orders;\" > contract.sql']";
    const changed = `    checklist:\n      - Somebody changes the file: { run: ${swap} }`;
    project.write('shipway.yaml', releaseFile(contract, changed));
    const ran = await project.run(['release', '1.2.0'], LIMIT);
    expect(ran.stdout + ran.stderr).toContain('is not the SQL that was judged when the plan was made');
    expect(project.read('acts.txt')).toBe('migrate\ndeploy 1.2.0\n');
    expect(project.read('applied.sql')).not.toContain('DROP');

    project.write('contract.sql', "SET lock_timeout = '200ms';\nALTER TABLE orders DROP COLUMN note;\n");
    project.write('shipway.yaml', releaseFile(contract));
    said(0, await project.run(['release', '1.2.1'], LIMIT));
    expect(project.read('acts.txt')).toBe('migrate\ndeploy 1.2.0\nmigrate\ndeploy 1.2.1\ncontract\n');
  }, 400_000);
});
