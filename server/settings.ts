/**
 * The settings, once: every key with its type, default and meaning. Documentation and the clients' schemas are generated
 * from `settingsSchema`. A key that does not fit is reported by name and the others hold.
 */
import * as z from 'zod';
import { complaint } from './complaint.ts';

const policy = z.enum(['ask', 'allow', 'deny']);

/** `library:name`: a suite or test of FiveAM, a test or package of Parachute, a system of Rove. */
export const suitePattern = /^(fiveam|parachute|rove):([^\s()"';`,#\\]+)$/i;

const verifyRule = z
  .strictObject({
    when: z
      .strictObject({
        package: z.string().optional(),
        system: z.string().optional(),
        file: z.string().optional(),
      })
      .default({})
      .describe(
        'which changes the rule is for: all given members must match; every change where it is absent',
      ),
    form: z
      .string()
      .min(1)
      .optional()
      .describe('a form; false, an error or a time-out rolls the change back'),
    suite: z
      .string()
      .regex(suitePattern, 'must be fiveam:NAME, parachute:NAME or rove:SYSTEM')
      .optional()
      .describe(
        'in place of a form, a test suite that must pass: fiveam:NAME (a suite or test, as in fiveam:my-app-tests::all), parachute:NAME (a test or package) or rove:SYSTEM',
      ),
    timeoutSeconds: z.number().positive().default(10),
  })
  .refine(({ form, suite }) => (form === undefined) !== (suite === undefined), {
    message: 'give either form or suite',
    path: ['form'],
  });

export const settingsSchema = {
  'image.mode': z
    .enum(['auto', 'spawn', 'attach', 'off'])
    .default('auto')
    .describe(
      "how the image is found: the one at image.address where that is set, else a serving socket of this workspace's program, else a new SBCL (auto), always a new SBCL (spawn), the one at image.address (attach), or none (off)",
    ),
  'image.command': z
    .string()
    .min(1)
    .default('sbcl')
    .describe(
      'the command that starts an image: a program and its arguments, such as `sbcl --dynamic-space-size 4GB`; double quotes keep blanks',
    ),
  'image.address': z
    .string()
    .regex(/^(unix:.+|.+:\d{1,5})$/, 'must be host:port or unix:PATH')
    .optional()
    .describe(
      'the image to attach to: host:port of Swank or Slynk, or unix:PATH of a program that called (hotlisp:serve)',
    ),
  'image.init': z
    .array(z.string())
    .default([])
    .describe(
      'forms evaluated in a spawned image, in order, each in CL-USER, before anything else; for example `["(require :asdf)", "(asdf:load-system \\"my-app\\")"]`. An error in one ends the image, and is told',
    ),
  'image.readOnly': z
    .boolean()
    .default(false)
    .describe('refuse everything that would change the image, evaluation included'),
  'approval.compile-file': policy
    .default('ask')
    .describe('the policy for compiling and loading a string: ask, allow without asking, or deny'),
  'approval.modify-running-code': policy
    .default('ask')
    .describe('the policy for reloading, replacing, removing, rolling back'),
  'approval.terminate-thread': policy
    .default('ask')
    .describe('the policy for interrupting and terminating threads'),
  'approval.eval': policy.default('allow').describe('the policy for evaluating code on request'),
  'approval.timeoutSeconds': z
    .number()
    .positive()
    .max(86_400)
    .default(120)
    .describe('seconds after which an approval that was not given is denied'),
  'reload.onSave': z
    .enum(['off', 'changed'])
    .default('off')
    .describe(
      'what saving a file reloads: nothing (off), or the forms that differ from what the image runs (changed), after the same approval',
    ),
  'reload.dependents': z
    .enum(['recompile', 'list'])
    .default('recompile')
    .describe(
      'what happens to the users of a changed macro, inline function, constant, structure or type: compiled again in the same change (recompile), or only named (list)',
    ),
  verify: z
    .array(verifyRule)
    .default([])
    .describe(
      'what must hold after a change, else the change is rolled back: `form` (false, an error or a time-out is a failure) or `suite` (`fiveam:NAME`, `parachute:NAME`, `rove:SYSTEM`), within `timeoutSeconds` (10); `when` says for which changes: `package` (its name or a nickname that is known everywhere, not one that is local to another package), `system`, `file` (a path, the end of one, or a pattern such as `src/**/*.lisp`), of which all that are given must match (every change where it is absent). For example `[{"when": {"package": "my-app"}, "form": "(my-app:health-check)"}]`',
    ),
  debugger: z
    .enum(['ask', 'abort'])
    .default('ask')
    .describe(
      'what an error of evaluated code leads to: a question which of its restarts to take (ask), or the end of the evaluation (abort), which answers with the condition and its backtrace. A question that nobody answers within the shorter of approval.timeoutSeconds and evalTimeoutSeconds ends the evaluation, too; so does every error in an editor that cannot ask',
    ),
  evalTimeoutSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe(
      'seconds after which an evaluation is cancelled; the time for which a question is open does not count',
    ),
  'format.indent': z
    .record(
      z.string().min(1),
      z.union([
        z.number().int().min(0).max(50),
        z.string().regex(/^\s*(?:\d+|as\s+\S+|\(.*\))\s*$/s, 'must be a number, a list or "as OPERATOR"'),
      ]),
    )
    .default({})
    .describe(
      'how calls of operators are indented, before what the standard, the image and the workspace say: by name, the number of arguments before the body (`{"my-macro": 1}`), a list as Emacs\' `common-lisp-indent-function` takes it (`"(4 &lambda &body)"`), or another operator (`"as let"`)',
    ),
  'journal.directory': z
    .string()
    .min(1)
    .optional()
    .describe(
      "where the journal is kept; by default a folder of the workspace's own under the user's state directory",
    ),
  'trace.server': z
    .enum(['off', 'messages', 'verbose'])
    .default('off')
    .describe(
      'what of the traffic with the image is logged in the editor: nothing (off), a line for each message (messages), or its text, too (verbose)',
    ),
} as const;

export type SettingKey = keyof typeof settingsSchema;
export type Settings = { readonly [K in SettingKey]: z.infer<(typeof settingsSchema)[K]> };
export type VerifyRule = z.infer<typeof verifyRule>;

export interface SettingProblem {
  readonly key: string;
  readonly message: string;
}

const keys = Object.keys(settingsSchema) as SettingKey[];
const isKey = (key: string): key is SettingKey => Object.hasOwn(settingsSchema, key);

export const defaultSettings: Settings = parseSettings({}).settings;

/**
 * Settings from an object with nested (`{image: {mode}}`) or dotted (`{"image.mode": …}`) keys, with or without `hotlisp`
 * around or before them, over `base`.
 * @returns the settings, with a problem for each key that is unknown or has a wrong value (which then keeps its value of `base`)
 */
export function parseSettings(
  value: unknown,
  base?: Settings,
): { settings: Settings; problems: SettingProblem[] } {
  const problems: SettingProblem[] = [];
  const result: Record<string, unknown> = { ...base };
  for (const key of keys) if (!base) result[key] = settingsSchema[key].parse(undefined);
  for (const [key, given] of flatten(value, problems)) {
    // A client may name anything, __proto__ and constructor too.
    const schema: z.ZodType | undefined = isKey(key) ? settingsSchema[key] : undefined;
    if (!schema) {
      problems.push({ key: `hotlisp.${key}`, message: `unknown setting hotlisp.${key}` });
      continue;
    }
    const parsed = schema.safeParse(given ?? undefined);
    if (parsed.success) result[key] = parsed.data;
    else {
      const issue = parsed.error.issues[0]!;
      const path = ['hotlisp.' + key, ...issue.path.map(String)].join('.');
      problems.push({ key: `hotlisp.${key}`, message: `${path} ${complaint(issue, given)}` });
    }
  }
  return { settings: result as Settings, problems };
}

/** Leaves of `value` by dotted key; stops at keys of the schema, so that arrays and objects below them stay whole. */
function flatten(value: unknown, problems: SettingProblem[], prefix = ''): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) {
    problems.push({
      key: `hotlisp.${prefix}`.replace(/\.$/, ''),
      message: `hotlisp${prefix && '.' + prefix.slice(0, -1)} must be an object`,
    });
    return [];
  }
  return Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    // Some clients send the section with its own name around it, or before each key.
    if (prefix === '' && name === 'hotlisp') return flatten(inner, problems);
    const key = prefix === '' ? name.replace(/^hotlisp\./, '') : prefix + name;
    const isGroup = keys.some(known => known.startsWith(key + '.'));
    return isGroup && !isKey(key) ? flatten(inner, problems, key + '.') : [[key, inner]];
  });
}

/** The file of a workspace's folder with the settings that it makes stricter. */
export const workspaceFile = '.hotlisp.json';

const strictness = { allow: 0, ask: 1, deny: 2 } as const;

/**
 * What a file of the workspace may say: stricter approval policies and a read-only image, nothing else.
 * @returns `settings` made stricter, and a problem for each key that would loosen or is not for a workspace file
 */
export function tighten(
  settings: Settings,
  value: unknown,
  file: string,
): { settings: Settings; problems: SettingProblem[] } {
  const misshapen: SettingProblem[] = [];
  const leaves = flatten(value, misshapen);
  const problems = misshapen.map(({ key, message }) => ({ key, message: `${file}: ${message}` }));
  const result: Record<string, unknown> = { ...settings };
  for (const [key, given] of leaves) {
    const refuse = (why: string) =>
      problems.push({ key: `hotlisp.${key}`, message: `${file}: ${key} ${why}` });
    if (key === 'image.readOnly') {
      if (given === true) result[key] = true;
      else refuse('can only be true in a workspace file');
    } else if (key.startsWith('approval.') && isKey(key) && key !== 'approval.timeoutSeconds') {
      const parsed = policy.safeParse(given);
      const current = settings[key as 'approval.eval'];
      if (!parsed.success) refuse('must be ask, allow or deny');
      else if (strictness[parsed.data] < strictness[current])
        refuse(`cannot be loosened to ${parsed.data} by a workspace file`);
      else result[key] = parsed.data;
    } else refuse('is not a setting that a workspace file may make');
  }
  return { settings: result as Settings, problems };
}
