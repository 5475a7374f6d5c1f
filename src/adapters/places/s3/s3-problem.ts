import { problem, type Problem } from '../../../core/release/problem.ts';
import { redact } from '../../../platform/redact.ts';
import { placeFull } from '../place-problem.ts';

export interface S3Refusal {
  status: number;
  /** The word of the server, such as `NoSuchBucket`; empty where it says none. */
  code: string;
  message: string;
  /** What was asked: `PUT https://host/bucket/key`. */
  asked: string;
  where: string;
}

const AGAIN = 'then: shipway backup copy';
const CREDENTIALS = [
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'AuthorizationQueryParametersError',
];
const FULL = ['InsufficientStorage', 'QuotaExceeded', 'EntityTooLarge', 'XMinioStorageFull', 'XAmzQuotaExceeded'];
/** What the server means to be asked again, whatever its status. */
const PASSING = [
  'SlowDown',
  'RequestTimeout',
  'InternalError',
  'ServiceUnavailable',
  'XAmzContentSHA256Mismatch',
  'BadDigest',
  'NoSuchUpload',
];

/** One error for each thing that an S3 server refuses, with what to do about it. */
export function s3Problem(refusal: S3Refusal): Problem {
  const { status, code, where } = refusal;
  if (code === 'NoSuchBucket') {
    return problem('not-found', `there is no such bucket${said(refusal)}`, {
      where,
      next: 'Make the bucket, or correct bucket, endpoint and region under backups.copies.',
    });
  }
  if (code === 'RequestTimeTooSkewed') {
    return problem(
      'not-permitted',
      `the clock of this machine differs too much from that of the server${said(refusal)}`,
      {
        where,
        next: `Set the clock (timedatectl), ${AGAIN}`,
      },
    );
  }
  if (code === 'ExpiredToken' || code === 'TokenRefreshRequired') {
    return problem('not-permitted', `the credentials have expired${said(refusal)}`, {
      where,
      next: `Get new ones into the variables of access-key, secret-key and session-token, ${AGAIN}`,
    });
  }
  if (CREDENTIALS.includes(code) || status === 401) {
    return problem('not-permitted', `the server does not accept the credentials${said(refusal)}`, {
      where,
      next: `Look at the variables that access-key and secret-key name, ${AGAIN}`,
    });
  }
  if (FULL.includes(code) || status === 507) return placeFull(where);
  return otherProblem(refusal);
}

function otherProblem(refusal: S3Refusal): Problem {
  const { status, code, asked, where } = refusal;
  if (status === 403) {
    return problem('not-permitted', `these credentials may not do this: ${asked}${said(refusal)}`, {
      where,
      next: `Allow it for the bucket (list, get, put and delete objects, multipart uploads), ${AGAIN}`,
    });
  }
  if ([301, 307, 308].includes(status) || code === 'AuthorizationHeaderMalformed') {
    return problem('config-invalid', `the bucket lies in another region, or behind another address${said(refusal)}`, {
      where,
      next: 'Correct region and endpoint under backups.copies.',
    });
  }
  if (PASSING.includes(code) || status === 408 || status === 429 || status >= 500) {
    return problem('unreachable', `the server answered ${status} to ${asked}${said(refusal)}`, {
      where,
      next: `Wait until it is well again, ${AGAIN}`,
      retry: true,
    });
  }
  return problem('backup-failed', `the server answered ${status} to ${asked}${said(refusal)}`, {
    where,
    next: 'Look whether the address is one of an S3 server: endpoint under backups.copies.',
  });
}

/** Cut short: some servers answer with a page. */
function said({ code, message }: S3Refusal): string {
  const text = [code, message].filter((part) => part !== '').join(': ');
  return text === '' ? '' : ` (${redact(text).replace(/\s+/g, ' ').slice(0, 300)})`;
}
