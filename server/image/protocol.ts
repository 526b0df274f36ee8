/**
 * The wire contract between the server and the agent in the image: every operation, its arguments, its result and its
 * events, written once. `npm run generate` writes `lisp/protocol.lisp` from it; the agent checks its handlers against
 * that file when it is compiled, and `hello` compares digests when it is reached.
 *
 * One message is one JSON object on one line (NDJSON), UTF-8.
 * Request:  {"id": n, "op": "apply", "args": {...}}
 * Reply:    {"id": n, "ok": {...}} or {"id": n, "error": {...}}          exactly one per request
 * Event:    {"id": n, "event": "output", "data": {...}}                  any number, before the reply
 *           `features` concerns the connection: it comes before the first reply after *FEATURES* has changed
 *
 * Units: `offset`, `start`, `end` and `column` count Unicode code points, 0-based; `byteOffset` counts UTF-8 bytes from
 * the start of the file (what SBCL calls a character offset: checked on 2.2.9 to 2.6.4); `line` is 0-based.
 * Only the schema kinds that generate.ts knows may be used here: object, string, number().int(), boolean, array, enum,
 * optional, and a reference to another named shape.
 */
import * as z from 'zod';

const int = () => z.number().int();

/** A definition as the text names it. `name` is source text (`foo`, `(setf foo)`, `|Foo|`, `pkg:foo`), resolved by the agent in the form's package without the Lisp reader's evaluation. */
export const DefinitionName = z.object({
  kind: z.enum([
    'function',
    'macro',
    'generic-function',
    'method',
    'variable',
    'constant',
    'class',
    'condition',
    'structure',
    'type',
    'compiler-macro',
    'symbol-macro',
    'setf-expander',
    'package',
    'method-combination',
    'declaration',
    'other',
  ]),
  name: z.string(),
  qualifiers: z.array(z.string()).optional(),
  specializers: z.array(z.string()).optional(),
});

/** One top-level form, and where it stands in its file. */
export const Form = z.object({
  text: z.string(),
  /** The name of the package in effect at the form, already in the case of the package's name ("MY-APP"). */
  package: z.string(),
  /** The argument of the IN-READTABLE of named-readtables that is in effect at the form, as written in `package`; absent: none. */
  readtable: z.string().optional(),
  /** The qualities that DECLAIMs of its file say before the form, as written in `package`, in order; absent: none. */
  policy: z.array(z.object({ quality: z.string(), value: int() })).optional(),
  /** The file the form belongs to (absolute path, or the URI of an untitled buffer); absent: code without a file. */
  file: z.string().optional(),
  byteOffset: int(),
  line: int(),
  column: int(),
  /** How many top-level forms SBCL's reader finds before this one in the file. */
  index: int(),
  /** Identifies the form's text up to white space and comments; the agent remembers it per definition. */
  digest: z.string(),
  /** True for code that a caller holds as a string: no file has it, also where it names one that it belongs to. */
  unsaved: z.boolean().optional(),
  definitions: z.array(DefinitionName),
  /** True when loading the form runs code of the user beyond defining (a bare call, a defvar's value, a progn of unknowns). */
  evaluates: z.boolean(),
});

/** `kind` and `name` as DefinitionName, `name` and `package` printed by the image (name without its package prefix: "COMPUTE", "(SETF COMPUTE)", "AREA :AROUND (CIRCLE)"). */
export const Definition = z.object({
  kind: z.string(),
  name: z.string(),
  package: z.string(),
  change: z.enum(['new', 'redefined', 'unchanged', 'removed']),
});

export const Hazard = z.object({
  /** For programs: "locked-package", "constant-changed", "structure-incompatible", "lambda-list", "function-to-generic", "generic-lambda-list", "class-instances", "package-variance", "kind-changed", … */
  kind: z.string(),
  /** For people: one sentence that says what will happen. */
  message: z.string(),
});

/** The slots that instances of a class gain and lose, as the form's package writes their names. */
export const Migration = z.object({ added: z.array(z.string()), dropped: z.array(z.string()) });

export const Assessment = z.object({
  form: int(),
  definition: Definition,
  class: z.enum(['unchanged', 'safe', 'dependents', 'migration', 'hazardous']),
  hazard: Hazard.optional(),
  /** Absent where instances keep the slots that they have. */
  migration: Migration.optional(),
  /** Functions that the structure or class makes now and would not, and that stay; as the form's package writes their names. */
  leaves: z.array(z.string()).optional(),
  /** The digest last installed through an agent operation, where there was one and the definition is still the one it installed. */
  installed: z.string().optional(),
  /**
   * Where the image says the definition came from, and the Unix time of that file's contents; the form's own file where an
   * image keeps no trace of such a definition, which `change` calls new then unless an operation has installed it.
   */
  file: z.string().optional(),
  fileWriteDate: int().optional(),
});

export const ThreadReference = z.object({ id: int(), name: z.string() });

/** A thread that is inside code that was asked about, or of which that cannot be told; one that is known to be elsewhere is not listed. */
export const ThreadInside = ThreadReference.extend({ runs: z.enum(['yes', 'unknown']) });

export const Thread = z.object({
  id: int(),
  name: z.string(),
  state: z.enum(['running', 'blocked', 'unknown']),
  main: z.boolean(),
  /** True for the threads that the agent itself works with. */
  agent: z.boolean().optional(),
  /** Only when a symbol or a transaction was asked about: whether the thread is inside the symbol's code, replaced or not, or what the transaction replaced. */
  runs: z.enum(['yes', 'no', 'unknown']).optional(),
  /** It is inside code that was replaced while it ran. */
  replaced: z.boolean().optional(),
});

/** A compiler note, a reader error or a condition signalled while loading. `form` indexes the request's forms; `start`/`end` count code points in that form's text. */
export const Note = z.object({
  severity: z.enum(['error', 'warning', 'style-warning', 'note']),
  message: z.string(),
  condition: z.string(),
  form: int(),
  start: int().optional(),
  end: int().optional(),
});

export const Frame = z.object({
  number: int(),
  text: z.string(),
  file: z.string().optional(),
  byteOffset: int().optional(),
});

/** An error of the image as data. */
export const Condition = z.object({ type: z.string(), text: z.string(), backtrace: z.array(Frame) });

/** A way to go on after an error; `needsInput`: it would ask for a value. */
export const Restart = z.object({
  number: int(),
  name: z.string(),
  report: z.string(),
  needsInput: z.boolean(),
});

/** A variable of a frame and its printed value. */
export const Local = z.object({ name: z.string(), value: z.string() });

/** A part of an inspected object; `opens`: it can be inspected in turn. */
export const Part = z.object({ number: int(), label: z.string(), value: z.string(), opens: z.boolean() });

/** An object, by its number in this session, printed, and the first of its parts. */
export const Inspected = z.object({
  object: int(),
  type: z.string(),
  text: z.string(),
  parts: z.array(Part),
  /** How many parts there are. */
  total: int(),
});

/** A symbol, with its package, and what it names: "function", "macro", "class", …. */
export const Named = z.object({ name: z.string(), external: z.boolean(), kinds: z.array(z.string()) });

export const Location = z.object({
  kind: z.string(),
  name: z.string(),
  package: z.string(),
  /** Absent for what was not loaded from a file, or from one that is not there (SBCL's own sources). */
  file: z.string().optional(),
  /** Where SBCL began to read the top-level form: the blanks and comments before it count. Recorded for functions and macros alone (2.2.9 to 2.6.4). */
  byteOffset: int().optional(),
  /** The top-level form's number in the file, as recorded by the compiler. */
  form: int().optional(),
  fileWriteDate: int().optional(),
  digest: z.string().optional(),
});

/**
 * A user of a definition, and how it uses it: "calls", "expands", "reads", "sets", "binds", "specializes on". Of SBCL's own names the
 * users' names are printed with their packages, and `package` is "".
 */
export const User = Location.extend({ how: z.string() });

/** A definition as `DefinitionName` has it, and the package that its name is to be read in. */
export const PlacedName = z.object({ definition: DefinitionName, package: z.string() });

/** A definition that a text has; `digest` as in Form. */
export const TextDefinition = z.object({
  definition: DefinitionName,
  package: z.string(),
  digest: z.string(),
});

/**
 * What the image runs under a name, and where it has it from.
 * "absent": it has no such definition. "unknown": it cannot tell. "installed": an operation of the agent installed a text with this digest.
 * "client": another client compiled it from a string, which is `text`. "file": it was loaded from a file. "unfiled": it comes from no file;
 * `text` is then printed from what the image keeps of it, where it keeps any.
 */
export const Held = z.object({
  status: z.enum(['absent', 'unknown', 'installed', 'client', 'file', 'unfiled']),
  digest: z.string().optional(),
  /** What the image runs, unless it is the text that was asked about; to be read in `package`. */
  text: z.string().optional(),
  package: z.string().optional(),
  /** No file had the text when it was installed. */
  unsaved: z.boolean().optional(),
  /** When it was installed, in milliseconds since 1970. */
  since: int().optional(),
  file: z.string().optional(),
  fileWriteDate: int().optional(),
});

/** A definition that the image runs and a text does not have; its name is to be read in `package`, and belongs to the package `home`. */
export const Stray = z.object({
  definition: DefinitionName,
  package: z.string(),
  home: z.string(),
  held: Held,
});

/** A definition whose compiled code uses others such that new ones leave it stale, and where it comes from, as Location has it. */
export const Dependent = Location.extend({
  /** Which of the definitions asked about it uses, by itself or through other dependents: indices into the request's, ascending. */
  of: z.array(int()),
});

/** A name whose mention in a text may be a use that the image has no record of. */
export const Mention = z.object({
  of: int(),
  /** Of the definition that a use would be one of. */
  kind: z.string(),
  name: z.string(),
  /** Names, nicknames included, of the packages in which the name without a prefix means it; as a prefix each of them means it too. */
  packages: z.array(z.string()),
  /** False: the compiler records the uses within functions, macros and methods, so that only other forms are of interest. */
  everywhere: z.boolean(),
});

/** A constant, as `name` printed without a package. */
export const ConstantName = z.object({ name: z.string(), package: z.string() });

/** A constant that would have got another value; `from` and `to` are the values printed. */
export const ChangedConstant = ConstantName.extend({ from: z.string(), to: z.string() });

/** What a function sets by itself when it is called, names printed with their packages; `variables` and `tables`, hash tables that they hold, are not both empty. */
export const Setter = z.object({
  function: z.string(),
  variables: z.array(z.string()),
  tables: z.array(z.string()),
});

/** The result of everything that changes definitions. */
export const Change = z.object({
  status: z.enum(['applied', 'failed', 'partial', 'unchanged']),
  /** With `onlySafe`: what `check` would have said. */
  assessments: z.array(Assessment).optional(),
  transaction: z.string(),
  generation: int(),
  /** Where a failure happened. */
  step: z.enum(['read', 'compile', 'load', 'install']).optional(),
  definitions: z.array(Definition),
  notes: z.array(Note),
  output: z.string(),
  /** Those inside code that was put out of use, as far as that can be told. */
  threads: z.array(ThreadInside),
  condition: Condition.optional(),
  /** Of a load: the constants that would have got another value and were not named as such; it failed because of them. */
  constants: z.array(ChangedConstant).optional(),
  /** What could not be put back, one sentence each; not empty exactly when the status is "partial". */
  remains: z.array(z.string()),
  /** Microseconds in the agent. */
  elapsed: int(),
});

/** A note about a file that was compiled as a whole; `start`/`end` count code points in the file. */
export const FileNote = z.object({
  severity: z.enum(['error', 'warning', 'style-warning', 'note']),
  message: z.string(),
  condition: z.string(),
  file: z.string().optional(),
  start: int().optional(),
  end: int().optional(),
});

/** What became of a file of a system; `elapsed` in microseconds, for compiling and loading together. */
export const LoadedFile = z.object({
  file: z.string(),
  compiled: z.boolean(),
  loaded: z.boolean(),
  elapsed: int(),
});

export const SystemFile = z.object({
  file: z.string(),
  /** Whether the image has loaded it as part of its system. */
  loaded: z.boolean(),
  /** Loaded from an older text than the file has now, or not loaded. */
  stale: z.boolean(),
  /** Whether a reload with the asked-for force compiles it for its own sake, not only because of what it depends on. */
  compiles: z.boolean(),
  /** SHA-256 of its bytes, in hexadecimal; absent when it cannot be read. */
  digest: z.string().optional(),
  /** `const` stands somewhere in it, in any case: every definer of constants that is known says so in its name. */
  constants: z.boolean(),
});

/** A system that another one depends on, and those of its files that are compiled or loaded with that one. */
export const SystemDependency = z.object({
  name: z.string(),
  asd: z.string().optional(),
  /** `asd` was written since ASDF read it, which it does again first. */
  redefined: z.boolean(),
  files: z.array(SystemFile),
});

export const SyntaxForm = z.object({ text: z.string(), package: z.string() });

export const SourceDigest = z.object({ file: z.string(), digest: z.string() });

export const PackageFile = z.object({
  file: z.string(),
  /** The ASDF system that it is part of, where a registered one has it. */
  system: z.string().optional(),
  /** How many definitions of the package the image has from it. */
  definitions: int(),
  /** Written since the image loaded it, or gone. */
  stale: z.boolean(),
});

/** A name that fits what is typed. */
export const KnownName = z.object({
  /** As the image has it: a symbol's name in its case, without escapes. */
  name: z.string(),
  /** Of a symbol its home package, "" where it has none; of a nickname the package that it stands for. */
  package: z.string(),
  /**
   * What the symbol names, a letter each: s special operator, m macro, g generic function, f function, k constant, v variable,
   * y symbol macro, c class, t structure, r condition, d type. Among symbols, "p": the name of a package, which may be meant as a prefix.
   */
  is: z.string(),
  /** External in the package that was searched. */
  external: z.boolean(),
});

export const SlotFacts = z.object({
  name: z.string(),
  /** With their colons. */
  initargs: z.array(z.string()),
  type: z.string().optional(),
  documentation: z.string().optional(),
});

/** One thing that a symbol names. Texts are in lower case, symbols in them without their packages. */
export const Facts = z.object({
  kind: z.enum([
    'special-operator',
    'macro',
    'function',
    'generic-function',
    'setf-function',
    'setf-expander',
    'variable',
    'constant',
    'symbol-macro',
    'class',
    'structure',
    'condition',
    'type',
  ]),
  lambdaList: z.string().optional(),
  documentation: z.string().optional(),
  type: z.string().optional(),
  /** Whether `type` was declared; else the compiler derived it. */
  declared: z.boolean().optional(),
  /** For people: the global value where it is short, else what kind of object it is. */
  value: z.string().optional(),
  /** Absolute; absent where it is not known, or not on this host. */
  file: z.string().optional(),
  fileWriteDate: int().optional(),
  /** Names of the direct superclasses. */
  supers: z.array(z.string()).optional(),
  slots: z.array(SlotFacts).optional(),
});

export const MethodFacts = z.object({
  qualifiers: z.array(z.string()),
  specializers: z.array(z.string()),
  lambdaList: z.string(),
});

/** What the image has of a definition that a text makes. */
export const Standing = z.object({
  defined: z.boolean(),
  /** See Assessment.installed. */
  digest: z.string().optional(),
  file: z.string().optional(),
  fileWriteDate: int().optional(),
});

/** Shapes by name, for the generator. */
export const shapes = {
  DefinitionName,
  Form,
  Definition,
  Hazard,
  Migration,
  Assessment,
  ThreadReference,
  ThreadInside,
  Thread,
  Note,
  Frame,
  Condition,
  Restart,
  Local,
  Part,
  Inspected,
  Named,
  Location,
  User,
  PlacedName,
  TextDefinition,
  Held,
  Stray,
  Dependent,
  Mention,
  Setter,
  Change,
  FileNote,
  LoadedFile,
  SystemFile,
  SystemDependency,
  SourceDigest,
  ConstantName,
  ChangedConstant,
  PackageFile,
  KnownName,
  SlotFacts,
  Facts,
  MethodFacts,
  Standing,
} as const;

const Output = z.object({ stream: z.enum(['stdout', 'stderr']), text: z.string() });
const Progress = z.object({ message: z.string(), done: int().optional(), total: int().optional() });
/** An evaluation stopped at an unhandled error and waits. Restart 0 abandons it; `start` and `end` are the evaluated form's place in the code. */
const Debugger = z.object({
  /** The evaluation's own request, and the number of its question, for `restart` and `locals`. */
  request: int(),
  question: int(),
  depth: int(),
  condition: Condition,
  start: int(),
  end: int(),
  restarts: z.array(Restart),
});
const Features = z.object({ features: z.array(z.string()) });
export const events = { output: Output, progress: Progress, debugger: Debugger, features: Features } as const;

/** Every operation of the agent. `writes` marks those that a read-only image refuses. */
export const operations = {
  hello: {
    writes: false,
    args: z.object({ digest: z.string(), client: z.string(), roots: z.array(z.string()) }),
    result: z.object({
      digest: z.string(),
      /** A random identity made when the agent was loaded: the same image answers the same to every server. */
      image: z.string(),
      pid: int(),
      implementation: z.string(),
      version: z.string(),
      machine: z.string(),
      directory: z.string(),
      readOnly: z.boolean(),
      generation: int(),
      /** *FEATURES*: NAME of those in KEYWORD, PACKAGE::NAME of others, once for each name of the package. */
      features: z.array(z.string()),
      capabilities: z.array(z.string()),
      /** Capabilities that this SBCL does not offer, with the reason. */
      missing: z.array(z.string()),
      /** Whether the image's program works from one of `roots` (its directory or a loaded source file lies there). */
      belongs: z.boolean(),
    }),
  },
  check: {
    writes: false,
    args: z.object({ forms: z.array(Form), threads: z.boolean() }),
    result: z.object({
      generation: int(),
      assessments: z.array(Assessment),
      /** Threads that are, or may be, inside code which the change would replace; empty when not asked. */
      threads: z.array(ThreadInside),
    }),
  },
  /**
   * What functions that forms call set by themselves, or through others, as far as the compiler recorded it. What the forms name is left out:
   * that is put back with them.
   */
  setters: {
    writes: false,
    args: z.object({
      forms: z.array(Form),
      /** Names of functions, as the form's package writes them. */
      calls: z.array(z.object({ form: int(), name: z.string() })),
    }),
    result: z.object({ setters: z.array(Setter) }),
  },
  /** Which definitions of the image become stale when the given ones change: users of macros, inline functions, compiler macros, constants and structures, and their users in turn. */
  dependents: {
    writes: false,
    args: z.object({ definitions: z.array(PlacedName) }),
    result: z.object({
      /** Each after those that it uses; else in the order in which the image loaded them. */
      dependents: z.array(Dependent),
      mentions: z.array(Mention),
    }),
  },
  /** How many instances a class has; a look through all of the memory, with garbage collection held off. */
  instances: {
    writes: false,
    args: z.object({ definition: DefinitionName, package: z.string(), seconds: int() }),
    result: z.object({
      class: z.string(),
      count: int(),
      /** False: the time was over before the end of the memory, and there may be more. */
      whole: z.boolean(),
    }),
  },
  /** How many functions, methods and macros call or expand each definition; -1 where the image cannot tell. */
  callers: {
    writes: false,
    args: z.object({ definitions: z.array(PlacedName) }),
    result: z.object({ counts: z.array(int()) }),
  },
  /** What the image runs of a file's definitions, in one question. */
  drift: {
    writes: false,
    args: z.object({
      /** Absolute path or URI of the text that the definitions stand in. */
      file: z.string(),
      /** Of the last answer to the same question: nothing is looked at where the image's code is the same since. */
      stamp: z.string().optional(),
      definitions: z.array(TextDefinition),
      /** Packages whose definitions from no file are told of, too. */
      packages: z.array(z.string()),
    }),
    result: z.object({
      /** Absent where this SBCL cannot tell that its code changed. */
      stamp: z.string().optional(),
      /** The stamp is still the same: the rest is empty. */
      unchanged: z.boolean(),
      /** In the order of `definitions`. */
      held: z.array(Held),
      /** What operations installed for the file, or for no file in `packages`, and what else comes from no file there, but for `definitions`. */
      strays: z.array(Stray),
    }),
  },
  apply: {
    writes: true,
    args: z.object({
      transaction: z.string(),
      /** The generation that was checked; absent where `onlySafe` checks in the same breath. */
      generation: int().optional(),
      /** Assess first, and go on only when every assessment is safe, new or unchanged; else the error `not-safe`. */
      onlySafe: z.boolean().optional(),
      forms: z.array(Form),
    }),
    result: Change,
  },
  /** What the image knows of a change, whoever made it: the transactions that it was made by, in order. Error `unknown-transaction` where there are none. */
  past: {
    writes: false,
    args: z.object({ transaction: z.string() }),
    result: z.object({
      parts: z.array(
        z.object({ transaction: z.string(), undone: z.boolean(), definitions: z.array(Definition) }),
      ),
    }),
  },
  undo: { writes: true, args: z.object({ transaction: z.string(), force: z.boolean() }), result: Change },
  redo: { writes: true, args: z.object({ transaction: z.string(), force: z.boolean() }), result: Change },
  source: {
    writes: false,
    args: z.object({ symbol: z.string(), package: z.string().optional() }),
    result: z.object({ locations: z.array(Location) }),
  },
  /** The classes, structures or conditions that one inherits from directly, and those that inherit from it directly; SBCL's own left out. */
  relatives: {
    writes: false,
    args: z.object({ symbol: z.string(), package: z.string().optional() }),
    result: z.object({ supertypes: z.array(Location), subtypes: z.array(Location) }),
  },
  eval: {
    writes: true,
    args: z.object({
      code: z.string(),
      package: z.string().optional(),
      /** As in Form. */
      readtable: z.string().optional(),
      /** Forms of the code's file that are run first, for the code to be read as it is meant; nothing of theirs is answered. */
      syntax: z.array(SyntaxForm).optional(),
      /** Where the code stands in a file, with `index` as in Form: what it defines is found there. */
      place: z.object({ file: z.string(), byteOffset: int(), index: int() }).optional(),
      outputLimit: int(),
      /** Milliseconds for which an unhandled error waits, with the event `debugger`, for `restart` to say how to go on; absent: it ends the evaluation. */
      patience: int().optional(),
      /** Answer what the first value of the last form consists of, too. */
      keep: z.boolean().optional(),
    }),
    result: z.object({
      status: z.enum(['evaluated', 'unreadable', 'signalled']),
      /** The printed values of the last form. */
      values: z.array(z.string()),
      /** The printed values of every form, in order. */
      results: z.array(z.array(z.string())),
      output: z.string(),
      truncated: z.boolean(),
      /** A printed value is longer than what is answered of it. */
      cut: z.boolean(),
      notes: z.array(Note),
      condition: Condition.optional(),
      /** Names of the restarts that were taken, in order. */
      restarts: z.array(z.string()),
      inspected: Inspected.optional(),
      package: z.string(),
      elapsed: int(),
    }),
  },
  /** Has an evaluation that waits with a question take one of the restarts it offered. */
  restart: {
    writes: true,
    args: z.object({ request: int(), question: int(), restart: int() }),
    /** False: the evaluation does not wait with that question any more. */
    result: z.object({ taken: z.boolean() }),
  },
  /** The variables of a frame of an evaluation that waits with a question, and then waits as long again; a frame that is not there has none. Printing them runs the user's methods of print-object. */
  locals: {
    writes: true,
    args: z.object({ request: int(), question: int(), frame: int() }),
    result: z.object({ known: z.boolean(), locals: z.array(Local) }),
  },
  /** What an object consists of: the one of that number (of this session) or that part of it, or a symbol. Printing runs the user's methods of print-object. */
  inspect: {
    writes: true,
    args: z.object({
      object: int().optional(),
      part: int().optional(),
      symbol: z.string().optional(),
      package: z.string().optional(),
    }),
    result: z.object({ inspected: Inspected }),
  },
  /** What DESCRIBE or DISASSEMBLE prints; not complete where it took too long or was too long. */
  describe: {
    writes: true,
    args: z.object({
      symbol: z.string(),
      package: z.string().optional(),
      what: z.enum(['describe', 'disassemble']),
      outputLimit: int(),
    }),
    result: z.object({ text: z.string(), complete: z.boolean() }),
  },
  /** Symbols with a text in their name; prints nothing but names. */
  apropos: {
    writes: false,
    args: z.object({ pattern: z.string(), package: z.string().optional() }),
    result: z.object({ total: int(), symbols: z.array(Named) }),
  },
  /** Who uses what a symbol names, by the compiler's records. */
  users: {
    writes: false,
    args: z.object({ symbol: z.string(), package: z.string().optional() }),
    result: z.object({ users: z.array(User) }),
  },
  /** Tells, as events `output`, every call of a function until the request is cancelled; the event `progress` says that it has begun. */
  trace: {
    writes: true,
    args: z.object({ function: z.string(), package: z.string().optional() }),
    result: z.object({ function: z.string() }),
  },
  threads: {
    writes: false,
    args: z.object({ symbol: z.string().optional(), transaction: z.string().optional() }),
    result: z.object({ threads: z.array(Thread) }),
  },
  /** What a compiled file says of itself; nothing of it is loaded. */
  fasl: {
    writes: false,
    args: z.object({ path: z.string() }),
    result: z.object({
      file: z.string(),
      /** Bytes. */
      size: int(),
      /** SHA-256 of its bytes, in hexadecimal. */
      digest: z.string(),
      /** The version of SBCL that wrote it, and the image's own. */
      version: z.string(),
      expected: z.string(),
      /** Why this image cannot load it, one sentence; absent when it can. */
      mismatch: z.string().optional(),
      /** Whether it ends as a compiled file does. */
      complete: z.boolean(),
      /** The source it was compiled from, where that is there. */
      source: z.string().optional(),
    }),
  },
  'load-fasl': {
    writes: true,
    /** `constants` are those that may get another value. */
    args: z.object({
      transaction: z.string(),
      path: z.string(),
      digest: z.string(),
      constants: z.array(ConstantName).optional(),
    }),
    result: Change,
  },
  system: {
    writes: false,
    args: z.object({ name: z.string(), force: z.enum(['none', 'system', 'all']) }),
    result: z.object({
      name: z.string(),
      /** The file that defines it. */
      asd: z.string().optional(),
      /** Its folder, with a slash at the end. */
      root: z.string().optional(),
      version: z.string().optional(),
      dependsOn: z.array(z.string()),
      /** False: ASDF knows only where its definition is; `files` is empty then. */
      registered: z.boolean(),
      /** The file that defines it was written since ASDF read it, which it does again first: the files may be others then. */
      redefined: z.boolean(),
      loaded: z.boolean(),
      /** In the order in which they are loaded; with force "all" those of the systems it depends on come first. */
      files: z.array(SystemFile),
      /** Those with anything to read, compile or load, in the order in which they are loaded; their files are not among `files`. */
      dependencies: z.array(SystemDependency),
    }),
  },
  'load-system': {
    writes: true,
    args: z.object({
      transaction: z.string(),
      system: z.string(),
      force: z.enum(['none', 'system', 'all']),
      /** The file that defines it, for a system that ASDF does not know. */
      asd: z.string().optional(),
      /** The texts that were approved: a file that says something else when its turn comes is an error. */
      sources: z.array(SourceDigest),
      /** Those that may get another value. */
      constants: z.array(ConstantName).optional(),
    }),
    result: z.object({ change: Change, notes: z.array(FileNote), files: z.array(LoadedFile) }),
  },
  files: {
    writes: false,
    args: z.object({ package: z.string() }),
    result: z.object({ package: z.string(), files: z.array(PackageFile) }),
  },
  backtrace: {
    writes: false,
    args: z.object({ thread: int() }),
    result: z.object({
      thread: ThreadReference,
      state: z.enum(['running', 'blocked', 'unknown']),
      /** "asked": the thread itself was interrupted to tell. "seen": its stack was read from outside, without the arguments. "unanswered": neither worked. */
      how: z.enum(['asked', 'seen', 'unanswered']),
      frames: z.array(Frame),
    }),
  },
  interrupt: {
    writes: true,
    /** `name` is the one that was approved: a thread of another name is refused. */
    args: z.object({ thread: int(), name: z.string() }),
    result: z.object({
      thread: ThreadReference,
      /** What the restart that was taken does, for people; absent when the thread did not answer. */
      restart: z.string().optional(),
      ended: z.boolean(),
    }),
  },
  terminate: {
    writes: true,
    args: z.object({ thread: int(), name: z.string() }),
    result: z.object({ thread: ThreadReference, ended: z.boolean() }),
  },
  macroexpand: {
    writes: false,
    args: z.object({
      text: z.string(),
      package: z.string(),
      /** As in Form. */
      readtable: z.string().optional(),
      all: z.boolean(),
    }),
    result: z.object({ expansion: z.string(), package: z.string(), changed: z.boolean() }),
  },
  /** Which of some operators are macros with a body, for indenting calls of them. */
  macros: {
    writes: false,
    args: z.object({ package: z.string(), names: z.array(z.string()) }),
    result: z.object({
      /** `shape`: the lambda list with its keywords and brackets, every parameter an x: "(x (x &key x) &body x)". */
      macros: z.array(z.object({ name: z.string(), shape: z.string() })),
    }),
  },
  /** What removing definitions would do. */
  removal: {
    writes: false,
    args: z.object({ definitions: z.array(DefinitionName), package: z.string() }),
    result: z.object({
      /** Those that the image has. */
      definitions: z.array(Definition),
      /** Names of functions that call them, or macros that use them; at most 50. */
      callers: z.array(z.string()),
    }),
  },
  remove: {
    writes: true,
    args: z.object({
      transaction: z.string(),
      definitions: z.array(DefinitionName),
      package: z.string(),
    }),
    result: Change,
  },
  /** Names that fit what somebody types, the best first; nothing is interned or evaluated. */
  complete: {
    writes: false,
    args: z.object({
      what: z.enum(['symbols', 'functions', 'classes', 'keywords', 'packages', 'systems']),
      /** As typed, without prefix and escapes; its case does not count. */
      pattern: z.string(),
      /** The package in effect. */
      package: z.string().optional(),
      /** The package that is searched, as it stands before the colon. */
      prefix: z.string().optional(),
      /** With `prefix`: also what that package does not export. */
      internal: z.boolean(),
      limit: int(),
    }),
    result: z.object({ names: z.array(KnownName), more: z.boolean() }),
  },
  /** What the image knows of a symbol, in few words. */
  about: {
    writes: false,
    args: z.object({
      /** As it is written: "foo", "app::foo", "(setf foo)". */
      name: z.string(),
      package: z.string().optional(),
      /** A definition whose standing is asked for, too. */
      definition: DefinitionName.optional(),
    }),
    result: z.object({
      found: z.boolean(),
      name: z.string(),
      package: z.string(),
      external: z.boolean(),
      facts: z.array(Facts),
      methods: z.array(MethodFacts),
      installed: Standing.optional(),
    }),
  },
  'about-package': {
    writes: false,
    args: z.object({ name: z.string(), package: z.string().optional() }),
    result: z.object({
      found: z.boolean(),
      name: z.string(),
      nicknames: z.array(z.string()),
      uses: z.array(z.string()),
      documentation: z.string().optional(),
      /** How many symbols it exports. */
      exports: int(),
      locked: z.boolean(),
    }),
  },
  cancel: {
    writes: false,
    args: z.object({ request: int() }),
    result: z.object({ found: z.boolean() }),
  },
} as const;

export type Op = keyof typeof operations;
export type Args<O extends Op> = z.infer<(typeof operations)[O]['args']>;
export type Result<O extends Op> = z.infer<(typeof operations)[O]['result']>;
export type Event = {
  [E in keyof typeof events]: { event: E; data: z.infer<(typeof events)[E]> };
}[keyof typeof events];

/** The kinds of an error reply. `signalled`: the agent itself met an unexpected condition, which `condition` describes. */
export const WireError = z.object({
  kind: z.enum([
    'invalid-request',
    'unknown-package',
    'unknown-symbol',
    'unknown-system',
    'unknown-transaction',
    'fasl-mismatch',
    'changed',
    'read-only',
    'stale-generation',
    'superseded',
    'not-safe',
    'cancelled',
    'signalled',
  ]),
  message: z.string(),
  condition: Condition.optional(),
  /** The offending form of the request, with `unknown-package`. */
  form: int().optional(),
});
export type WireErrorData = z.infer<typeof WireError>;

export type Form = z.infer<typeof Form>;
export type DefinitionName = z.infer<typeof DefinitionName>;
export type Definition = z.infer<typeof Definition>;
export type Assessment = z.infer<typeof Assessment>;
export type Note = z.infer<typeof Note>;
export type Location = z.infer<typeof Location>;
export type PlacedName = z.infer<typeof PlacedName>;
export type Migration = z.infer<typeof Migration>;
export type Held = z.infer<typeof Held>;
export type Stray = z.infer<typeof Stray>;
export type TextDefinition = z.infer<typeof TextDefinition>;
export type Dependent = z.infer<typeof Dependent>;
export type Mention = z.infer<typeof Mention>;
export type SystemFile = z.infer<typeof SystemFile>;
export type Change = z.infer<typeof Change>;
export type ConstantName = z.infer<typeof ConstantName>;
export type ChangedConstant = z.infer<typeof ChangedConstant>;
export type Condition = z.infer<typeof Condition>;
export type Restart = z.infer<typeof Restart>;
export type Inspected = z.infer<typeof Inspected>;
export type Thread = z.infer<typeof Thread>;
export type ThreadInside = z.infer<typeof ThreadInside>;
export type Setter = z.infer<typeof Setter>;
export type FileNote = z.infer<typeof FileNote>;
export type KnownName = z.infer<typeof KnownName>;
export type Facts = z.infer<typeof Facts>;
export type MethodFacts = z.infer<typeof MethodFacts>;
export type Standing = z.infer<typeof Standing>;
export type LoadedFile = z.infer<typeof LoadedFile>;
