/** What `hotlisp --help` says, as sections: enough to work with, without the README. The man page is made of the same. */
import { commands, settings, type Described } from './reference.ts';

export interface Section {
  readonly title: string;
  /** Lines as they are. */
  readonly intro?: readonly string[];
  /** Terms and what they mean. */
  readonly items?: readonly (readonly [term: string, text: string])[];
}

export const synopsis = 'a language server that changes Common Lisp code in a running SBCL';

const setting = ({ name, type, default: value, meaning }: Described): [string, string] => [
  value === undefined ? name : `${name} = ${value}`,
  `${meaning}${type.startsWith('"') ? `. One of ${type}` : ''}.`,
];

const firstSentence = (text: string) => /^.*?[.](?=\s+[A-Z(]|$)/s.exec(text)?.[0] ?? text;

export const helpSections = (): readonly Section[] => [
  {
    title: 'USAGE',
    items: [
      [
        'hotlisp --stdio',
        'Speak the Language Server Protocol on standard input and output: what editors start.',
      ],
      [
        'hotlisp doctor [COMMAND | HOST:PORT | unix:PATH]',
        'Say what is installed, which image would be used in this folder, what is missing and how to get it. Tries the image: starts COMMAND (sbcl), or attaches to an address as an editor would, which sends the agent to a Swank or Slynk.',
      ],
      ['hotlisp --version', 'Print the version.'],
      ['hotlisp --help', 'Print this.'],
    ],
  },
  {
    title: 'EDITORS',
    intro: ['Files to copy are in the folder clients of the package, each with a README.'],
    items: [
      [
        'Neovim 0.11+',
        "clients/neovim/hotlisp.lua to ~/.config/nvim/lsp/, and vim.lsp.enable('hotlisp') in init.lua. Code actions: gra.",
      ],
      [
        'Emacs 28+',
        'clients/emacs/hotlisp-eglot.el to ~/.emacs.d/, and (load "~/.emacs.d/hotlisp-eglot") in init.el. Code actions: C-c h a.',
      ],
      [
        'Helix 25.01+',
        'the lines of clients/helix/languages.toml into ~/.config/helix/languages.toml. Code actions: Space a.',
      ],
      [
        'VS Code',
        'the extension of clients/vscode, built and installed as its README says. Code actions: Ctrl+. (Cmd+.).',
      ],
      ['others', 'start "hotlisp --stdio" for files of the language lisp, common-lisp or commonlisp.'],
    ],
  },
  {
    title: 'FIRST STEPS',
    intro: [
      'Open a .lisp file, put the cursor on a form and choose the code action "Reload <name>".',
      'Hotlisp says what would change and asks: Deny, Approve, Approve for Session, Show Diff. No answer is a denial.',
      'A form that does not compile changes nothing. The command hotlisp.rollback takes the last change back.',
    ],
  },
  {
    title: 'IMAGES',
    intro: ['The image is the running SBCL that is changed (2.2.9 or newer).'],
    items: [
      ['spawned', 'Hotlisp starts image.command and evaluates image.init in it; it ends with the editor.'],
      [
        'served',
        'Your program loads dist/lisp/hotlisp.asd of this package and calls (hotlisp:serve), or (hotlisp:serve :read-only t). It is found by itself from its folder; else image.mode "attach" and image.address "unix:PATH".',
      ],
      [
        'Swank or Slynk',
        'image.mode "attach" and image.address "127.0.0.1:4005", also the end of an ssh tunnel. SLIME and SLY go on undisturbed.',
      ],
    ],
  },
  {
    title: 'SETTINGS',
    intro: ["The client's configuration, section hotlisp, or the same object as initializationOptions."],
    items: settings().map(setting),
  },
  {
    title: 'COMMANDS',
    intro: [
      'By workspace/executeCommand, with one JSON object as argument. "background": true answers at once, and the',
      'outcome comes as a message. In brackets what kind of approval is asked for.',
    ],
    items: commands().map(({ name, approval, documentation }) => [
      approval === 'none' ? name : `${name} [${approval}]`,
      firstSentence(documentation),
    ]),
  },
  {
    title: 'FILES',
    items: [
      [
        '~/.local/state/hotlisp/FOLDER-HASH/journal.ndjson',
        'Every decision and change, one line of JSON each. Never removed by Hotlisp.',
      ],
      ['~/.cache/hotlisp/', 'The compiled agent and the index of the workspace. May be removed.'],
      ['$XDG_RUNTIME_DIR/hotlisp/, else /tmp/hotlisp-UID/', 'Sockets of images, for you alone.'],
      ['/tmp/hotlisp-pages-*/', 'Documents shown to you, such as backtraces and diffs; removed at the end.'],
      [
        '.hotlisp.json',
        'In a workspace folder: approval policies made stricter, the image made read-only. Read only.',
      ],
      ['~/.slime-secret, ~/.sly-secret', 'The secret of a Swank or Slynk. Read only.'],
    ],
  },
  {
    title: 'ENVIRONMENT',
    items: [
      [
        'XDG_STATE_HOME, XDG_CACHE_HOME, XDG_RUNTIME_DIR',
        'Where journal, cache and sockets are, in place of the folders above.',
      ],
      [
        'PATH',
        'Where sbcl is looked for. Editors started from a desktop may have another one than your shell.',
      ],
    ],
  },
  {
    title: 'EXIT CODES',
    items: [
      ['0', 'Done; doctor: usable; --stdio: ended by the editor, as the protocol says.'],
      ['1', 'doctor: not usable; --stdio: the editor went away.'],
      ['2', 'Wrong arguments.'],
    ],
  },
];

const WIDTH = 100;

function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line].join('\n');
}

export function help(version: string): string {
  const section = ({ title, intro = [], items = [] }: Section) =>
    [
      title,
      ...intro.map(line => wrapped(line, '  ')),
      ...items.map(([term, text]) => `  ${term}\n${wrapped(text, '      ')}`),
    ].join('\n');
  return `hotlisp ${version}: ${synopsis}\n\n${helpSections().map(section).join('\n\n')}\n`;
}

/** What is said after a mistake. */
export const usage = `usage: hotlisp --stdio | doctor [COMMAND | HOST:PORT | unix:PATH] | --version | --help\n`;
