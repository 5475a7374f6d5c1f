import { planHead } from '../core/plan/build-plan.ts';
import { adapters } from './adapters.ts';
import { openApp } from './open-app.ts';

/** Stops what a project runs on this machine: every instance and the routers. For the end of a demo; nothing else calls it. */
export async function stopEverything(projectDirectory: string): Promise<void> {
  const app = await openApp({ projectDirectory, configPath: null, applicationName: 'demo', report: () => undefined });
  try {
    const { config } = await app.releaseFile();
    for (const environment of Object.values(config.environments)) {
      const head = planHead(config, environment, { version: '0.0.0', commit: null });
      const effect = await app.effect(head, 'demo/stop/0');
      await adapters.router(head)?.stop(effect);
      const target = adapters.target(head);
      await target.stop(await target.observe(effect), effect);
    }
  } finally {
    await app.close();
  }
}
