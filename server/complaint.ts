/** What is wrong with a value that a schema refused, for a person: the words after the key's name. */
import type * as z from 'zod';

const kinds: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

/** @param value everything that was checked; the issue's path leads into it */
export function complaint(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = kinds[issue.expected] ?? issue.expected;
      return at(value, issue.path) === undefined ? `is missing; it is ${wanted}` : `must be ${wanted}`;
    }
    case 'invalid_value':
      return `must be ${issue.values.map(each => JSON.stringify(each)).join(' or ')}`;
    case 'unrecognized_keys':
      return `has no member ${issue.keys.join(', ')}`;
    case 'too_small':
    case 'too_big':
      return sized(issue);
    default:
      return issue.message;
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path) found = (found as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return found;
}

function sized(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const isSmall = issue.code === 'too_small';
  const bound = Number(isSmall ? issue.minimum : issue.maximum);
  if (issue.origin === 'string' && isSmall && bound === 1) return 'must not be empty';
  const what = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' members' : '';
  if (issue.inclusive === false) return `must be ${isSmall ? 'more' : 'less'} than ${bound}${what}`;
  return `must be ${isSmall ? 'at least' : 'at most'} ${bound}${what}`;
}
