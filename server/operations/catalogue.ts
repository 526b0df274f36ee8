/** Every operation, in the order in which they are documented. Commands, dispatch and documentation come from this list. */
import * as code from './code.ts';
import { lispEditForm } from './editForm.ts';
import { showDiff } from './drift.ts';
import * as evaluation from './eval.ts';
import { codeLoadFasl } from './fasl.ts';
import * as descriptions from './describe.ts';
import * as inspection from './inspect.ts';
import { expandInPlace, macroexpand } from './macroexpand.ts';
import { countInstances, insertUpdateInstance } from './migration.ts';
import * as queries from './queries.ts';
import { lispReadFile } from './readFile.ts';
import { recompileDependents } from './recompileDependents.ts';
import * as reload from './reload.ts';
import { removeDefinition } from './remove.ts';
import { runTest } from './runTest.ts';
import * as session from './session.ts';
import * as systems from './systems.ts';
import * as threads from './threads.ts';
import * as transactions from './transactions.ts';
import type { Operation } from './operation.ts';

export const catalogue: readonly Operation[] = [
  code.codeCompileString,
  codeLoadFasl,
  systems.codeReloadPackage,
  systems.codeReloadSystem,
  code.codeReplaceFunction,
  queries.sourceLocation,
  lispReadFile,
  lispEditForm,
  evaluation.replEval,
  evaluation.evalBuffer,
  systems.packageFiles,
  systems.systemStatus,
  queries.threadList,
  threads.threadBacktrace,
  threads.threadInterrupt,
  threads.threadTerminate,
  session.requestApproval,
  reload.reloadForm,
  reload.reloadChanged,
  reload.reloadFile,
  removeDefinition,
  showDiff,
  countInstances,
  insertUpdateInstance,
  macroexpand,
  expandInPlace,
  inspection.inspect,
  inspection.frameLocals,
  descriptions.describe,
  descriptions.disassemble,
  descriptions.apropos,
  descriptions.whoCalls,
  inspection.trace,
  inspection.untrace,
  runTest,
  session.plan,
  recompileDependents,
  transactions.rollback,
  transactions.redo,
  transactions.history,
  transactions.replay,
  session.outcome,
  session.approve,
  session.reject,
  session.imageConnect,
  session.imageDisconnect,
  session.imageRestart,
  session.imageStatus,
];

const byName = new Map(catalogue.map(each => [each.name, each]));

const commandPrefix = 'hotlisp.';
export const commandOf = (operation: { readonly name: string }) => commandPrefix + operation.name;

/** The operation of a command or bare name; undefined where there is none. */
export const operationNamed = (name: string): Operation | undefined =>
  byName.get(name.startsWith(commandPrefix) ? name.slice(commandPrefix.length) : name);
