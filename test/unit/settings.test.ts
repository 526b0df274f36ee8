import { describe, expect, it } from 'vitest';
import { defaultSettings, parseSettings, tighten } from '../../server/settings.ts';

describe('settings', () => {
  it('have the defaults of the contract', () => {
    expect(defaultSettings).toMatchObject({
      'image.mode': 'auto',
      'image.command': 'sbcl',
      'approval.modify-running-code': 'ask',
      'approval.eval': 'allow',
      'approval.timeoutSeconds': 120,
    });
  });

  it('of a name that every object has are unknown ones, and the others hold', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const given: unknown = JSON.parse(`{"${name}": {"approval.eval": "allow"}, "approval.eval": "deny"}`);
      expect(parseSettings(given)).toMatchObject({
        settings: { 'approval.eval': 'deny' },
        problems: [{ key: `hotlisp.${name}`, message: expect.stringContaining('unknown setting') as string }],
      });
      expect(tighten(defaultSettings, given, '.hotlisp.json').problems[0]!.key).toBe(`hotlisp.${name}`);
    }
  });

  it('may be nested or dotted', () => {
    expect(parseSettings({ image: { mode: 'off' }, 'approval.eval': 'ask' })).toMatchObject({
      settings: { 'image.mode': 'off', 'approval.eval': 'ask' },
      problems: [],
    });
  });

  it('may have the name of their section around or before them', () => {
    const read = { settings: { 'image.mode': 'off', 'approval.eval': 'ask' }, problems: [] };
    expect(parseSettings({ hotlisp: { image: { mode: 'off' }, 'approval.eval': 'ask' } })).toMatchObject(
      read,
    );
    expect(parseSettings({ 'hotlisp.image.mode': 'off', 'hotlisp.approval': { eval: 'ask' } })).toMatchObject(
      read,
    );
    expect(parseSettings({ hotlisp: 1 }).problems).toEqual([
      { key: 'hotlisp', message: 'hotlisp must be an object' },
    ]);
  });

  const bad: [unknown, string][] = [
    [{ image: { mod: 'off' } }, 'hotlisp.image.mod'],
    [{ image: { mode: 'sometimes' } }, 'hotlisp.image.mode'],
    [{ image: 'off' }, 'hotlisp.image'],
    [{ imagemode: 1 }, 'hotlisp.imagemode'],
    [{ approval: { timeoutSeconds: -1 } }, 'hotlisp.approval.timeoutSeconds'],
    [{ verify: [{ when: { pakage: 'x' }, form: 't' }] }, 'hotlisp.verify'],
    [{ verify: [{ when: {} }] }, 'hotlisp.verify'],
    [{ verify: [{ when: {}, form: 't', suite: 'fiveam:all' }] }, 'hotlisp.verify'],
    [{ verify: [{ when: {}, suite: 'prove:all' }] }, 'hotlisp.verify'],
    [{ verify: [{ when: {}, suite: 'fiveam:(evil)' }] }, 'hotlisp.verify'],
    ['off', 'hotlisp'],
  ];
  it.each(bad)('report %j by name and keep the others', (value, key) => {
    const { settings, problems } = parseSettings(
      typeof value === 'object' ? { ...value, debugger: 'abort' } : value,
    );
    expect(problems.map(problem => problem.key)).toEqual([key]);
    expect(problems[0]!.message).toContain(key);
    expect(settings).toMatchObject({
      'image.mode': 'auto',
      ...(typeof value === 'object' && { debugger: 'abort' }),
    });
  });

  it('take a rule without conditions as one for every change', () => {
    expect(parseSettings({ verify: [{ form: 't' }] })).toMatchObject({
      problems: [],
      settings: { verify: [{ form: 't', when: {}, timeoutSeconds: 10 }] },
    });
  });

  it('null keeps the default, as clients send it for what is not set', () => {
    expect(parseSettings({ image: { address: null, command: null } })).toMatchObject({
      problems: [],
      settings: { 'image.command': 'sbcl' },
    });
    expect(parseSettings(null).problems).toEqual([]);
  });
});

describe('a file of the workspace', () => {
  it('can make approvals stricter and the image read-only', () => {
    const { settings, problems } = tighten(
      defaultSettings,
      { approval: { eval: 'ask', 'compile-file': 'deny' }, image: { readOnly: true } },
      'f',
    );
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      'approval.eval': 'ask',
      'approval.compile-file': 'deny',
      'image.readOnly': true,
    });
  });

  it.each([
    { approval: { 'modify-running-code': 'allow' } },
    { approval: { timeoutSeconds: 9999 } },
    { image: { command: 'evil' } },
    { image: { address: 'elsewhere:4005' } },
    { image: { init: ['(evil)'] } },
    { image: { readOnly: false } },
    { verify: [] },
    { approval: { eval: 'sure' } },
  ])('cannot do %j', value => {
    const { settings, problems } = tighten(defaultSettings, value, 'f');
    expect(problems).toHaveLength(1);
    expect(settings).toEqual(defaultSettings);
  });
});
