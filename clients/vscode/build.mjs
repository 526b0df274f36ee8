// Builds hotlisp.vsix, which VS Code installs, without any network:
//   node clients/vscode/build.mjs [--modules FOLDER] [--out FILE]
// FOLDER is the node_modules that has vscode-languageclient; by default the one beside this file (npm install there).
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { zip } from './zip.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { modules: { type: 'string' }, out: { type: 'string' } } });
const modules = path.resolve(values.modules ?? path.join(here, 'node_modules'));
const out = path.resolve(values.out ?? path.join(here, 'hotlisp.vsix'));
if (!existsSync(path.join(modules, 'vscode-languageclient'))) {
  console.error(`${modules} has no vscode-languageclient: run "npm install" in ${here}`);
  process.exit(1);
}

const { outputFiles } = await build({
  entryPoints: [path.join(here, 'extension.mjs')],
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['vscode'],
  nodePaths: [modules],
  minifySyntax: true,
  legalComments: 'inline',
  logLevel: 'warning',
});

const manifest = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8'));
// What npm needs to know is nothing for VS Code: everything is bundled.
delete manifest.dependencies;
delete manifest['//'];
const escape = text => text.replace(/[<>&"]/g, each => `&#${each.codePointAt(0)};`);

const vsixManifest = `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${manifest.name}" Version="${manifest.version}" Publisher="${manifest.publisher}"/>
    <DisplayName>${escape(manifest.displayName)}</DisplayName>
    <Description xml:space="preserve">${escape(manifest.description)}</Description>
    <Categories>${escape(manifest.categories.join(','))}</Categories>
    <License>extension/LICENSE</License>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value="${escape(manifest.engines.vscode)}"/>
      <Property Id="Microsoft.VisualStudio.Code.ExtensionKind" Value="workspace"/>
    </Properties>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE" Addressable="true"/>
  </Assets>
</PackageManifest>
`;
const types = {
  js: 'application/javascript',
  json: 'application/json',
  md: 'text/markdown',
  vsixmanifest: 'text/xml',
};
const contentTypes = `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
${Object.entries(types)
  .map(([extension, type]) => `  <Default Extension=".${extension}" ContentType="${type}"/>`)
  .join('\n')}
  <Override PartName="/extension/LICENSE" ContentType="text/plain"/>
</Types>
`;

const read = file => readFileSync(path.join(here, file));
const files = new Map([
  ['extension.vsixmanifest', Buffer.from(vsixManifest)],
  ['[Content_Types].xml', Buffer.from(contentTypes)],
  ['extension/package.json', Buffer.from(JSON.stringify(manifest, null, 2))],
  ['extension/extension.js', Buffer.from(outputFiles[0].contents)],
  ['extension/language-configuration.json', read('language-configuration.json')],
  ['extension/README.md', read('README.md')],
  ['extension/LICENSE', read('../../LICENSE')],
]);
mkdirSync(path.dirname(out), { recursive: true });
writeFileSync(out, zip(files));
console.log(`${out}: ${manifest.name} ${manifest.version}`);
