/**
 * What an operation is: a name, an argument schema and a pure plan. The runner alone carries plans out.
 * The catalogue (catalogue.ts) is the one list of them.
 */
import * as z from 'zod';
import type { ApprovalKind } from '../approval/approver.ts';
import type { Args, DefinitionName, Form, Location, Op, PlacedName, Result } from '../image/protocol.ts';
import { designatedName } from './names.ts';
import type { Page } from './page.ts';
import type {
  PositionEncoding,
  Range,
  Snapshot,
  SourceDefinition,
  Span,
  TopLevelForm,
} from '../source/types.ts';

/** A form of a plan, with the snapshot that its notes are shown in. */
export interface PlannedForm {
  readonly wire: Form;
  readonly snapshot: Snapshot;
  readonly span: Span;
  /** It is run for those behind it in its document, so that they are read as they are meant. */
  readonly syntax?: boolean;
}

/** Definitions to compile and install. */
export interface ChangePlan {
  readonly type: 'change';
  /** For people, completing "… in <image>": "reload compute-result", "reload 3 changed forms of jobs.lisp". */
  readonly title: string;
  readonly forms: readonly PlannedForm[];
  /** Leave out forms that the image already runs. */
  readonly onlyChanged: boolean;
  /** Forms that are not reloaded because they define nothing by name: told of unless they are known to have been run. */
  readonly nameless?: readonly PlannedForm[];
  /** Forms that do not parse: the operation fails with these before the image is asked. */
  readonly broken: readonly { readonly snapshot: Snapshot; readonly span: Span; readonly message: string }[];
  /** Documents whose later change makes the plan stale. */
  readonly buffers: readonly { readonly uri: string; readonly version: number }[];
  /** Definitions whose users are to be compiled again although they themselves stay as they are. */
  readonly dependentsOf?: readonly PlacedName[];
}

/** A transaction to take back or to do again. */
export interface HistoryPlan {
  readonly type: 'undo' | 'redo';
  /** Absent: the last one that can be. */
  readonly transaction: string | undefined;
}

/** Journalled changes to do again in an image that lacks them. */
export interface ReplayPlan {
  readonly type: 'replay';
  /** Absent: all that it lacks. */
  readonly transactions: readonly string[] | undefined;
}

export interface EvalPlan {
  readonly type: 'eval';
  readonly code: string;
  readonly package: string | undefined;
  /** As in the wire's Form. */
  readonly readtable?: string | undefined;
  /** Forms that are run first, so that the code is read as it is meant. */
  readonly syntax?: Args<'eval'>['syntax'];
  /** What a prompt calls the code; absent: the code itself. */
  readonly title?: string;
  /** Answer what the first value of the last form consists of, too. */
  readonly inspects?: boolean;
  /** Where the code stands. */
  readonly home?: EvalHome | undefined;
  /** Where the values are shown. */
  readonly places?: EvalPlaces | undefined;
}

/** Where evaluated code stands: notes on it are notes on that document. */
export interface EvalHome {
  readonly snapshot: Snapshot;
  /** UTF-16 offset. */
  readonly start: number;
  /** The same, as the image counts it; absent where the code is a part of a top-level form, or of no file. */
  readonly inFile?: Args<'eval'>['place'];
}

/** The place of evaluated code in an open buffer. */
export interface EvalPlaces {
  readonly uri: string;
  readonly version: number;
  readonly whole: Span;
  /** Of each form that the reader finds, in order; undefined for one whose values are not shown. Empty: those of the last form are shown at the end of all. */
  readonly forms: readonly (Span | undefined)[];
}

/** A writing call of the wire that changes no definition, but runs code of the user's: what shows an object prints it. */
export interface ToolPlan<O extends Op = Op> {
  readonly type: 'tool';
  readonly op: O;
  readonly args: Args<O>;
  /** A form that would do the same, for the prompt and the journal. */
  readonly code: string;
  report(result: Result<O>): Readonly<Record<string, unknown>>;
}

/** A function whose calls are to be told. */
export interface TracePlan {
  readonly type: 'trace';
  readonly function: string;
  readonly package: string | undefined;
}

/** A compiled file to load. */
export interface FaslPlan {
  readonly type: 'fasl';
  /** Absolute, on the image's host. */
  readonly path: string;
}

export type Force = Args<'load-system'>['force'];

/** A system for ASDF to compile and load. */
export interface SystemPlan {
  readonly type: 'system';
  readonly system: string;
  readonly force: Force;
}

/** A thread to stop: what it is doing, or all of it. */
export interface ThreadPlan {
  readonly type: 'thread';
  readonly action: 'interrupt' | 'terminate';
  readonly thread: number;
}

/** Definitions to make undefined. */
export interface RemovalPlan {
  readonly type: 'removal';
  readonly title: string;
  readonly definitions: readonly DefinitionName[];
  /** In which the names are read. */
  readonly package: string;
  /** The text that defines them, where it is known, and the path of its file. */
  readonly text: string | null;
  readonly file: string | undefined;
  readonly buffers: ChangePlan['buffers'];
}

/** One reading call of the wire, and what to make of its answer. */
export interface QueryPlan<O extends Op = Op> {
  readonly type: 'query';
  readonly op: O;
  readonly args: Args<O>;
  /** How long the image may take; absent: as long as it likes. */
  readonly seconds?: number;
  /** The argument that is wrong where the image says that the request is. */
  readonly blames?: string;
  report(result: Result<O>, context: PlanContext): Promise<unknown>;
}

/** Keeps the link between a query's operation and its report while plans are handled alike. */
export const query = <O extends Op>(plan: QueryPlan<O>): QueryPlan => plan;

/** What the text alone answers. */
export interface AnswerPlan {
  readonly type: 'answer';
  readonly value: unknown;
}

/** An edit of a buffer, which the editor makes and can undo. */
export interface EditPlan {
  readonly type: 'edit';
  readonly dryRun: boolean;
  readonly label: string;
  readonly uri: string;
  /** The version the edit is for; null for a document that is not open. */
  readonly version: number | null;
  readonly edits: readonly { readonly range: Range; readonly newText: string }[];
  /** What is answered besides `status`. */
  readonly report: Readonly<Record<string, unknown>>;
}

export type Plan =
  | AnswerPlan
  | EditPlan
  | ChangePlan
  | HistoryPlan
  | ReplayPlan
  | EvalPlan
  | ToolPlan
  | TracePlan
  | QueryPlan
  | FaslPlan
  | SystemPlan
  | ThreadPlan
  | RemovalPlan;

/** What planning may look at. */
export interface PlanContext {
  readonly encoding: PositionEncoding;
  /**
   * The open buffer, else the file on disk.
   * @throws HotlispError `stale` when the open buffer is not at `version`, `invalid-arguments` when there is no such file
   */
  snapshot(uri: string, version?: number): Promise<Snapshot>;
  /** A snapshot of code that stands in no file. */
  scratch(code: string): Snapshot;
  isOpen(uri: string): boolean;
  /** The URI of a path, relative ones from the workspace's root; a URI is returned as it is. */
  uriOf(path: string): string;
  /** The path of a file: URI, else the URI itself. */
  fileOf(uri: string): string;
  /** The .asd file of the workspace that defines a system, if there is one. */
  definitionOfSystem(name: string): Promise<string | undefined>;
  /** A reading call of the image. @throws HotlispError `internal` for an operation that writes */
  ask<O extends Op>(op: O, args: Args<O>, seconds?: number): Promise<Result<O>>;
  /** Where the image says a symbol is defined. Reads only. */
  locate(symbol: string, packageName?: string): Promise<readonly Location[]>;
  /** Definitions of a symbol in the texts of the workspace, once they are read; none where that takes too long. */
  written(symbol: string, packageName?: string): Promise<readonly WrittenDefinition[]>;
  /** The home package of a symbol as it is written in a package, as the texts of the workspace say; undefined where that takes too long. */
  homeOf(symbol: string, packageName: string): Promise<string | undefined>;
  /** The digest of the form that the image loaded from a document for a definition; undefined where it cannot be told. */
  loadedDigest(uri: string, location: Location): Promise<string | undefined>;
}

/** A definition that a text of the workspace has. */
export interface WrittenDefinition {
  readonly uri: string;
  readonly definition: Pick<SourceDefinition, 'kind' | 'name' | 'qualifiers' | 'specializers'> & {
    /** In effect where it stands; null where none is. */
    readonly package: string | null;
    readonly range: Range;
  };
}

/** A definition of a buffer: at a position, or by its name. */
export interface DiffPlace {
  readonly uri: string;
  readonly version?: number | undefined;
  readonly position?: Range['start'] | undefined;
  readonly definition?: string | undefined;
}

/** What operations that concern the server itself, not an image's code, may use. */
export interface Session {
  outcome(request: number, wait: boolean, call: Call): Promise<unknown>;
  answer(request: number, answer: 'approve' | 'reject'): void;
  requestApproval(kind: ApprovalKind, details: unknown, call: Call): Promise<unknown>;
  planOf(operation: string, args: unknown, call: Call): Promise<unknown>;
  history(limit: number, symbol: string | undefined): Promise<unknown>;
  /** Shows how a definition differs between the image and a buffer. */
  showDiff(where: DiffPlace, call: Call): Promise<unknown>;
  /** The variables of a frame of an evaluation that waits for a restart to be chosen. */
  frameLocals(request: number, frame: number): Promise<unknown>;
  /** Ends traces: those of functions of that name, as written in code, or all. */
  untrace(name: string | undefined): Promise<unknown>;
  imageStatus(): unknown;
  connectImage(call: Call): Promise<unknown>;
  disconnectImage(): Promise<unknown>;
  restartImage(call: Call): Promise<unknown>;
}

/** One call of an operation: its number and its way to be cancelled. */
export interface Call {
  readonly request: number;
  readonly signal: AbortSignal;
  /** Tells the person how far it is: what is being done, and which part (0 to 1) of the whole is done. */
  readonly report: (message: string, fraction?: number) => void;
  /** Milliseconds for which a person was waited for: no part of what the operation took. */
  waited: number;
  /** The caller has its reply already: a gesture of the editor's, not a program that waits. */
  readonly background: boolean;
}

interface Common<A> {
  /** The command is `hotlisp.<name>`. */
  readonly name: string;
  readonly title: string;
  readonly documentation: string;
  readonly args: z.ZodType<A>;
  /** The document to show to the person once the operation ended in the background; absent: a message says how it ended. */
  page?(result: unknown): Page | undefined;
  /** What a message says then in place of how the operation ended. */
  told?(result: unknown): string;
}

/** An operation on the image: it plans, the runner does. */
export interface PlannedOperation<A = unknown> extends Common<A> {
  /** Absent: the operation only reads. */
  readonly approval?: ApprovalKind;
  plan(args: A, context: PlanContext): Promise<Plan> | Plan;
}

/** An operation on the server's own affairs. */
export interface ServedOperation<A = unknown> extends Common<A> {
  serve(args: A, session: Session, call: Call): Promise<unknown>;
}

export type Operation<A = unknown> = PlannedOperation<A> | ServedOperation<A>;

/** Keeps the argument type of each operation while the catalogue holds them all alike. */
export const operation = <A>(definition: Operation<A>): Operation => definition;

const zeroBased = z.number().int().nonnegative();

/** The name of something that Lisp code names by a string designator, in any of its spellings. */
const designator = (fold: (name: string) => string, what: string) =>
  z
    .string()
    .min(1)
    .refine(text => designatedName(text, fold) !== undefined, {
      error: ({ input }) =>
        `${JSON.stringify(input)} is not the name of ${what}: write it as shop, :shop, #:shop or "shop"`,
    })
    .overwrite(text => designatedName(text, fold) ?? text)
    .describe(`name of ${what}, also as code designates it, such as \`:shop\``);

export const arguments_ = {
  position: z
    .strictObject({ line: zeroBased, character: zeroBased })
    .describe('0-based, in the negotiated encoding'),
  uri: z.string().min(1).describe('URI of the document'),
  version: z.number().int().describe('the version the caller saw; another one is an error'),
  package: designator(name => name.toUpperCase(), 'a package'),
  system: designator(name => name.toLowerCase(), 'an ASDF system'),
  symbol: z.string().min(1).describe('a symbol as written in code, with its package prefix'),
  transaction: z.string().min(1).describe('a transaction of the history'),
  request: z.number().int().positive().describe('number of a request'),
} as const;

export type { Form, TopLevelForm };
