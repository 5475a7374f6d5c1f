import { Argument, Option, type Command } from 'commander';
import type { MaintenanceWish } from '../../app/maintain-stores.ts';
import type { Registration, Run } from '../session.ts';

type MaintenanceAct = MaintenanceWish['act'];

const ACTS: Record<MaintenanceAct, { description: string; example: string }> = {
  count: { description: 'rows by table', example: 'shipway store count' },
  check: {
    description: 'look for damage with everything the engine has; ends with 1 when there is',
    example: 'shipway store check',
  },
  analyze: { description: 'give the planner fresh statistics', example: 'shipway store analyze database' },
  vacuum: { description: 'give back the room of what was deleted', example: 'shipway store vacuum database' },
  explain: {
    description: 'how a query would be run, without running it; ends with 1 when it reads a large table whole',
    example: 'shipway store explain database --query "SELECT * FROM orders WHERE email = \'a@b.c\'"',
  },
};

export const registerStore: Registration = (program, run) => {
  const store = program.command('store').description('count, check, analyze and vacuum the live data of the stores');
  for (const act of Object.keys(ACTS) as MaintenanceAct[]) registerAct(store, act, run);
  store.addHelpText('after', '\nExample:\n  $ shipway store check --env production');
};

function registerAct(store: Command, act: MaintenanceAct, run: Run): void {
  const command = store.command(act);
  const { description, example } = ACTS[act];
  const which = 'store as the release file names it; every one that can when left out';
  command.description(`${description}; the result stays in the journal`).addArgument(new Argument('[name]', which));
  if (act === 'explain') command.addOption(new Option('--query <sql>', 'the query').makeOptionMandatory());
  command
    .addHelpText('after', `\nExample:\n  $ ${example}`)
    .action((name: string | undefined, given: { query?: string }) =>
      run(command, async (session) => {
        const { maintain } = await import('../maintain-stores.ts');
        return maintain(session, { act, store: name ?? null, query: given.query ?? null });
      }),
    );
}
