import type { Json } from '../../../core/release/json.ts';
import { isProblem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { request, type HttpRequest, type HttpResponse } from '../../../platform/http-client.ts';
import { redact } from '../../../platform/redact.ts';
import { bindSubject, bindSubjectDeep } from '../bind-subject.ts';
import type { Check, CheckResult, CheckSubject } from '../check.ts';
import { notMeasured, notMeasuredBecause } from '../not-measured.ts';
import { compareAnswer, describeWanted } from './compare-answer.ts';
import { isOurSide } from './our-side.ts';
import type { HttpCheckSettings, HttpExpectation } from './settings.ts';

/**
 * Asks once and compares the answer. No answer (refused, reset, time over) is a failure of the service; an address that cannot be
 * looked up or reached from here, or a certificate chain unknown here, could not be measured. Redirects are answers, not followed.
 */
export function openHttpCheck(checkedSettings: Json): Check {
  const settings = checkedSettings as unknown as HttpCheckSettings;
  return {
    kind: 'http',
    describe: () => describe(settings),
    measure: (subject, limitSeconds, effect) => measure(settings, { subject, limitSeconds, effect }),
  };
}

function describe({ method, url, expect, withinMs }: HttpCheckSettings): string {
  const parts = [
    `status ${expect.status.join(' or ')}`,
    ...Object.entries(expect.header).map(([name, value]) => `header ${name} ${value}`),
    ...Object.entries(expect.json).map(([path, value]) => `json ${path} ${describeWanted(value)}`),
    ...(expect.bodyContains === null ? [] : [`body contains ${JSON.stringify(expect.bodyContains)}`]),
    ...(withinMs === null ? [] : [`within ${withinMs} ms`]),
  ];
  return `${method} ${url} expects ${parts.join(', ')}`;
}

interface Measuring {
  subject: CheckSubject;
  limitSeconds: number;
  effect: Effect;
}

async function measure(settings: HttpCheckSettings, measuring: Measuring): Promise<CheckResult> {
  const shown = `${settings.method} ${settings.url}`;
  const { subject, effect } = measuring;
  if (settings.url.startsWith('/') && subject['BASE'] === undefined) {
    return notMeasured(`${shown} was not measured: there is no instance to join the path to. Write the whole address.`);
  }
  try {
    const asked = bindRequest(settings, measuring);
    const expect = bindSubjectDeep(settings.expect as unknown as Json, subject, effect) as unknown as HttpExpectation;
    return await ask(asked, { ...settings, expect }, shown, effect);
  } catch (error) {
    return notMeasuredBecause(error, shown);
  }
}

function bindRequest(settings: HttpCheckSettings, { subject, limitSeconds, effect }: Measuring): HttpRequest {
  const bind = (text: string): string => bindSubject(text, subject, effect);
  const path = bind(settings.url);
  const url = settings.url.startsWith('/') ? `${(subject['BASE'] ?? '').replace(/\/$/, '')}${path}` : path;
  const headers = Object.fromEntries(Object.entries(settings.headers).map(([name, text]) => [name, bind(text)]));
  const body = settings.body === null ? {} : { body: bind(settings.body) };
  return { method: settings.method, url, headers, timeoutMs: limitSeconds * 1000, signal: effect.signal, ...body };
}

async function ask(
  asked: HttpRequest,
  settings: HttpCheckSettings,
  shown: string,
  effect: Effect,
): Promise<CheckResult> {
  const startedMs = performance.now();
  try {
    return judgeAnswer(settings, await request(asked), shown);
  } catch (error) {
    if (!isProblem(error) || error.kind !== 'unreachable') throw error;
    const durationMs = performance.now() - startedMs;
    if (effect.signal.aborted) return notMeasured(`${shown} was stopped`, durationMs);
    const isOurs = isOurSide(error.cause);
    const isTimeOver = !isOurs && durationMs >= asked.timeoutMs * 0.99; // timers may fire a hair early
    // A time limit that ran out is a latency of at least that much; a refused connection has none.
    const measured = { status: null, latencyMs: isTimeOver ? round(durationMs) : null };
    return { outcome: isOurs ? 'could-not-measure' : 'fail', sentence: error.message, measured, durationMs };
  }
}

function judgeAnswer(settings: HttpCheckSettings, answer: HttpResponse, shown: string): CheckResult {
  const { status, durationMs } = answer;
  const latencyMs = round(durationMs);
  const measured = { status, latencyMs };
  const needsWholeBody = Object.keys(settings.expect.json).length > 0 || settings.expect.bodyContains !== null;
  const wrong = compareAnswer(settings.expect, answer);
  if (settings.withinMs !== null && durationMs > settings.withinMs) {
    wrong.push(`took ${latencyMs} ms, limit ${settings.withinMs} ms`);
  }
  if (
    wrong.length > 0 &&
    answer.bodyCut &&
    needsWholeBody &&
    compareAnswer(withoutBody(settings.expect), answer).length === 0
  ) {
    return notMeasured(`${shown} ${status}: the body is too long to be looked at whole`, durationMs);
  }
  if (wrong.length === 0) {
    return { outcome: 'pass', sentence: redact(`${shown} ${status} in ${latencyMs} ms`), measured, durationMs };
  }
  return { outcome: 'fail', sentence: redact(`${shown} ${status}, ${wrong.join('; ')}`), measured, durationMs };
}

function withoutBody(expect: HttpExpectation): HttpExpectation {
  return { ...expect, json: {}, bodyContains: null };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
