import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../server/settings.ts';
import { vscodeManifest } from '../../server/tools/vscode.ts';

const manifest = JSON.parse(vscodeManifest()) as {
  contributes: { configuration: { properties: Record<string, { scope: string; description: string }> } };
};
const { properties } = manifest.contributes.configuration;

describe("The VS Code extension's settings", () => {
  it('are all that the server has, each with a description', () => {
    const own = Object.keys(properties).filter(key => key.startsWith('hotlisp.'));
    expect(own).toEqual(Object.keys(settingsSchema).map(key => `hotlisp.${key}`));
    for (const key of own) expect(properties[key]!.description, key).not.toBe('');
  });

  it.each([
    ...['approval.modify-running-code', 'approval.compile-file', 'approval.terminate-thread'],
    ...['approval.eval', 'approval.timeoutSeconds', 'image.mode', 'image.command', 'image.init'],
    ...['image.address', 'image.readOnly', 'verify', 'journal.directory', 'debugger'],
  ])('do not let a folder set hotlisp.%s', key => {
    expect(properties[`hotlisp.${key}`]!.scope).toBe('machine');
  });

  it('do not let a folder say which program is started', () => {
    expect(properties['hotlispServer.command']!.scope).toBe('machine');
  });
});
